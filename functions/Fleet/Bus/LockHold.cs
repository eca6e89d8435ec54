namespace Fleet.Bus;

/// <summary>Keeps a message's lock while its work goes on.</summary>
internal static class LockHold
{
    /// <param name="work">What is awaited; its fault is the caller's.</param>
    /// <param name="every">How often to renew: shorter than the lock.</param>
    /// <param name="renew">Renews the lock. What it throws ends the waiting, and not the work.</param>
    public static async Task WhileAsync(Task work, TimeSpan every, Func<Task> renew)
    {
        while (true)
        {
            await work.WaitAsync(every).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (work.IsCompleted) break;
            await renew();
        }

        await work;
    }
}

namespace Fleet.Upkeep;

/// <summary>Something done again and again; doing it twice, or at once on two instances, does no harm.</summary>
/// <param name="IsStage">Others' data waits for it: it rests only when it has nothing to do, and not for as long as it worked.</param>
/// <param name="OfInstance">It is about what this instance has in memory, so every instance does it; the others are done by any one.</param>
internal sealed record Chore(string Name, TimeSpan Every, Func<CancellationToken, ValueTask> RunAsync, bool OfInstance = false, bool IsStage = false)
{
    /// <summary>Housekeeping never takes more than half of the time, so that agents come first; a stage goes on.</summary>
    public TimeSpan RestAfter(TimeSpan took) => took > Every && !IsStage ? took : Every;
}

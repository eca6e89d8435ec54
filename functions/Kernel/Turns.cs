namespace Fleet.Kernel;

/// <summary>What has the same key goes one after another. Of other keys few wait for it: there are 64 turns for any number of them.</summary>
internal sealed class Turns
{
    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    /// <summary>Waits for the key's turn, which lasts until the answer is disposed of.</summary>
    public async ValueTask<IDisposable> TakeAsync(string key, CancellationToken ct)
    {
        var turn = _turns[(int)((uint)key.GetHashCode(StringComparison.Ordinal) % _turns.Length)];
        await turn.WaitAsync(ct);
        return new Taken(turn);
    }

    private sealed class Taken(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}

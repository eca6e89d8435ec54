namespace Fleet.Kernel;

/// <summary>What has the same key goes one after another; what has another key does not wait for it.</summary>
internal sealed class Turns
{
    private readonly Dictionary<string, Turn> _turns = new(StringComparer.Ordinal);

    /// <summary>Waits for the key's turn, which lasts until the answer is disposed of.</summary>
    public async ValueTask<IDisposable> TakeAsync(string key, CancellationToken ct)
    {
        Turn? turn;
        lock (_turns)
        {
            if (!_turns.TryGetValue(key, out turn)) _turns[key] = turn = new(this, key);
            turn.Users++;
        }

        try
        {
            await turn.Room.WaitAsync(ct);
            return turn;
        }
        catch (OperationCanceledException)
        {
            Leave(turn);
            throw;
        }
    }

    private void Leave(Turn turn)
    {
        lock (_turns)
        {
            if (--turn.Users == 0) _turns.Remove(turn.Key);
        }
    }

    private sealed class Turn(Turns turns, string key) : IDisposable
    {
        public string Key { get; } = key;

        public SemaphoreSlim Room { get; } = new(1);

        /// <summary>Those who have it or wait for it.</summary>
        public int Users { get; set; }

        public void Dispose()
        {
            Room.Release();
            turns.Leave(this);
        }
    }
}

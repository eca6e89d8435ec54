namespace Fleet.Swarm;

/// <summary>Lines of one kind that wait to be sent, numbered in their order.</summary>
/// <param name="Lines">The oldest.</param>
/// <param name="End">The number after the last of them.</param>
internal sealed record OldestLines(IReadOnlyList<string> Lines, long End);

/// <summary>Lines that wait to be sent. They leave when a post of them was taken for a success, or, the oldest first, when there are too many.</summary>
/// <param name="most">Lines that are kept.</param>
internal sealed class LogBuffer(int most)
{
    public const string Result = "result";
    public const string Status = "status";

    private readonly Queue _results = new();
    private readonly Queue _statuses = new();
    private readonly Lock _lock = new();
    private long _purged;

    public int Count
    {
        get
        {
            lock (_lock) return _results.Lines.Count + _statuses.Lines.Count;
        }
    }

    /// <summary>Lines that were dropped since the last look.</summary>
    public long TakePurged() => Interlocked.Exchange(ref _purged, 0);

    /// <param name="type"><see cref="Result"/> or <see cref="Status"/>.</param>
    /// <param name="line">Its JSON.</param>
    /// <param name="mostNow">Fewer lines are kept, if the configuration says so.</param>
    public void Add(string type, string line, int mostNow = int.MaxValue)
    {
        lock (_lock)
        {
            Of(type).Lines.Add(line);
            var tooMany = _results.Lines.Count + _statuses.Lines.Count - Math.Min(most, mostNow);
            if (tooMany <= 0) return;
            var results = Math.Min(tooMany, _results.Lines.Count);
            _results.Drop(results);
            _statuses.Drop(tooMany - results);
            _purged += tooMany;
        }
    }

    /// <summary>What the next posts hold: results first, and statuses only in the room that they leave.</summary>
    public (OldestLines Results, OldestLines Statuses) Oldest(int count)
    {
        lock (_lock)
        {
            var results = _results.Oldest(count);
            return (results, _statuses.Oldest(count - results.Lines.Count));
        }
    }

    /// <summary>Removes lines up to a number; some may have been dropped meanwhile.</summary>
    public void RemoveTo(string type, long end)
    {
        lock (_lock) Of(type).Drop((int)Math.Max(0, end - Of(type).First));
    }

    private Queue Of(string type) => type == Result ? _results : _statuses;

    private sealed class Queue
    {
        public List<string> Lines { get; } = [];

        /// <summary>The number of the first line.</summary>
        public long First { get; private set; }

        public OldestLines Oldest(int count)
        {
            var lines = Lines.GetRange(0, Math.Min(count, Lines.Count));
            return new(lines, First + lines.Count);
        }

        public void Drop(int count)
        {
            Lines.RemoveRange(0, count);
            First += count;
        }
    }
}

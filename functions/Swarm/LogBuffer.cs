namespace Fleet.Swarm;

/// <summary>Lines that wait to be sent. They leave when a post of them was taken for a success, or when there are too many.</summary>
internal sealed class LogBuffer
{
    public const string Result = "result";
    public const string Status = "status";

    private readonly List<string> _results = [];
    private readonly List<string> _statuses = [];
    private readonly Lock _lock = new();

    public int Count
    {
        get
        {
            lock (_lock) return _results.Count + _statuses.Count;
        }
    }

    /// <param name="type"><see cref="Result"/> or <see cref="Status"/>.</param>
    /// <param name="line">Its JSON.</param>
    public void Add(string type, string line)
    {
        lock (_lock) Of(type).Add(line);
    }

    /// <summary>What the next posts hold: results first, and statuses only in the room that they leave.</summary>
    public (List<string> Results, List<string> Statuses) Oldest(int most)
    {
        lock (_lock)
        {
            var results = _results.Take(most).ToList();
            return (results, [.. _statuses.Take(most - results.Count)]);
        }
    }

    public void RemoveOldest(string type, int count)
    {
        lock (_lock) Of(type).RemoveRange(0, count);
    }

    /// <summary>Drops the oldest lines, results first, until no more than these are left; how many it dropped.</summary>
    public int Purge(int most)
    {
        lock (_lock)
        {
            var tooMany = Math.Max(0, _results.Count + _statuses.Count - most);
            var results = Math.Min(tooMany, _results.Count);
            _results.RemoveRange(0, results);
            _statuses.RemoveRange(0, tooMany - results);
            return tooMany;
        }
    }

    private List<string> Of(string type) => type == Result ? _results : _statuses;
}

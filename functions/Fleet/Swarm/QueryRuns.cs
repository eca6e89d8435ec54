using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>What a run of a scheduled query changed.</summary>
/// <param name="Counter">0 for the first run, an epoch's first, and the first of another SQL; one more with each change.</param>
internal sealed record RunDifference(IReadOnlyList<string> Added, IReadOnlyList<string> Removed, int Counter, bool IsFirst);

/// <summary>The last run of each scheduled query, as osqueryd keeps it: its rows as a multiset, and the counter.</summary>
internal sealed class QueryRuns
{
    private readonly Dictionary<string, LastRun> _last = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <summary>Compares a run with the last one, and remembers it.</summary>
    public RunDifference Next(string name, string sql, long epoch, IEnumerable<JsonObject> rows)
    {
        var now = rows.Select(TextOf).ToList();
        lock (_lock) return Compare(name, sql, epoch, now);
    }

    /// <summary>The counter of rows that are logged without a run.</summary>
    public int NextCounter(string name)
    {
        lock (_lock)
        {
            var last = _last.GetValueOrDefault(name);
            var counter = last is null ? 0 : last.Counter + 1;
            _last[name] = (last ?? new("", 0, [])) with { Counter = counter };
            return counter;
        }
    }

    /// <summary>A row as lines hold it, its columns by name.</summary>
    public static string TextOf(JsonObject row) =>
        new JsonObject(row.OrderBy(column => column.Key, StringComparer.Ordinal).Select(column => KeyValuePair.Create(column.Key, column.Value?.DeepClone()))).ToJsonString();

    private RunDifference Compare(string name, string sql, long epoch, List<string> now)
    {
        var isFirst = !_last.TryGetValue(name, out var last) || last.Epoch != epoch;
        if (isFirst) last = new(sql, epoch, []);
        var removed = new List<string>(last!.Rows);
        var added = now.Where(row => !removed.Remove(row)).ToList();
        var counter = isFirst || last.Sql != sql ? 0 : last.Counter + (added.Count + removed.Count > 0 ? 1 : 0);
        _last[name] = new(sql, epoch, now) { Counter = counter };
        return new(added, removed, counter, isFirst);
    }

    private sealed record LastRun(string Sql, long Epoch, IReadOnlyList<string> Rows)
    {
        public int Counter { get; init; }
    }
}

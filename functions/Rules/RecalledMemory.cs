using Fleet.Kernel;

namespace Fleet.Rules;

/// <summary>What rules remember while stored lines are judged once more: nothing from before, nothing afterwards.</summary>
internal sealed class RecalledMemory : IRuleMemory
{
    /// <summary>Some 100 MB. What comes then is taken for old, and the answer says so.</summary>
    private const int MostValues = 500_000;

    private readonly Dictionary<string, string> _first = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Rule, string Place), Dictionary<ulong, DateTimeOffset>> _hits = [];

    /// <summary>There were more values than are remembered.</summary>
    public bool IsFull { get; private set; }

    public ValueTask<bool> IsFirstAsync(Rule rule, Condition condition, string value, string query, NodeId node, string row, CancellationToken ct)
    {
        var what = FirstSeen.Of(rule.Id, condition, value, query, node);
        if (_first.TryGetValue(what, out var owner)) return new(owner == row);
        if (_first.Count >= MostValues)
        {
            IsFull = true;
            return new(false);
        }

        _first[what] = row;
        return new(true);
    }

    public ValueTask<IReadOnlyList<Hit>> CountAsync(Rule rule, string place, string batch, IReadOnlyList<Hit> hits, CancellationToken ct)
    {
        if (!_hits.TryGetValue((rule.Id, place), out var known)) _hits[(rule.Id, place)] = known = [];
        foreach (var hit in hits) known[hit.Row] = hit.At;
        var from = hits.Min(hit => hit.At) - rule.Threshold!.Window;
        foreach (var old in known.Where(hit => hit.Value < from - rule.Threshold.Window).Select(hit => hit.Key).ToList()) known.Remove(old);
        return new([.. known.Where(hit => hit.Value >= from).Select(hit => new Hit(hit.Value, hit.Key))]);
    }
}

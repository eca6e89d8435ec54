using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Rules;

/// <summary>What rules remember while stored lines are judged once more: nothing from before, nothing afterwards.</summary>
internal sealed class RecalledMemory : IRuleMemory
{
    /// <summary>Some 100 MB. What comes then is taken for old, and the answer says so.</summary>
    private const int MostValues = 500_000;

    private readonly Dictionary<string, string> _first = new(StringComparer.Ordinal);
    /// <summary>The newest of a place; a threshold is at most a thousand.</summary>
    private const int MostHitsOfPlace = 10_000;

    /// <summary>Some 100 MB.</summary>
    private const int MostHits = 2_000_000;

    private readonly Dictionary<(string Rule, string Place), (Queue<Hit> Order, HashSet<ulong> Known)> _hits = [];
    private int _hitCount;

    /// <summary>There was more than is remembered.</summary>
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
        if (!_hits.TryGetValue((rule.Id, place), out var there)) _hits[(rule.Id, place)] = there = ([], []);
        var (order, known) = there;
        foreach (var hit in hits)
        {
            IsFull |= _hitCount >= MostHits;
            if (_hitCount >= MostHits || !known.Add(hit.Row)) continue;
            order.Enqueue(hit);
            _hitCount++;
        }

        // Lines come in the order of their time: what is far behind the window comes no more.
        var from = hits.Min(hit => hit.At) - rule.Threshold!.Window;
        while (order.TryPeek(out var oldest) && (oldest.At < from - rule.Threshold.Window || order.Count > MostHitsOfPlace))
        {
            known.Remove(order.Dequeue().Row);
            _hitCount--;
        }

        return new([.. order.Where(hit => hit.At >= from)]);
    }
}

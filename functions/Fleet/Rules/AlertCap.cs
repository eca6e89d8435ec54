using Fleet.Kernel;

namespace Fleet.Rules;

/// <summary>How many alerts a rule may raise about one node in a minute. What is more becomes one alert, which counts it: nobody reads ten thousand.</summary>
/// <remarks>Each instance counts by itself. A batch that is judged once more has the same alerts as the first time.</remarks>
internal sealed class AlertCap(Limits limits)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Rule, NodeId Node), Dictionary<string, int>> _raised = [];
    private long _minute;

    /// <summary>The findings as they are to be raised: past the cap those of a rule are one.</summary>
    /// <param name="findings">Of one batch.</param>
    /// <param name="batch">Its key.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="at">When it came.</param>
    public IReadOnlyList<Finding> Hold(IReadOnlyList<Finding> findings, string batch, NodeId node, DateTimeOffset at)
    {
        if (findings.Count == 0) return findings;
        var minute = at.ToUnixTimeSeconds() / 60;
        var held = new List<Finding>(findings.Count);
        foreach (var rule in findings.Where(finding => !finding.IsEnd).GroupBy(finding => finding.Rule.Id, StringComparer.Ordinal))
        {
            var all = rule.ToList();
            var room = RoomFor(rule.Key, node, batch, all.Count, minute);
            held.AddRange(all.Take(room));
            if (room < all.Count) held.Add(Summary(all.GetRange(room, all.Count - room), node, minute));
        }

        return [.. held, .. findings.Where(finding => finding.IsEnd)];
    }

    private int RoomFor(string rule, NodeId node, string batch, int wanted, long minute)
    {
        lock (_lock)
        {
            // What is judged again after its minute finds its alerts there: they have the same ids.
            if (minute > _minute) _raised.Clear();
            _minute = Math.Max(_minute, minute);
            if (!_raised.TryGetValue((rule, node), out var batches)) _raised[(rule, node)] = batches = new(StringComparer.Ordinal);
            if (!batches.TryGetValue(batch, out var room)) batches[batch] = room = Math.Clamp(limits.AlertsPerMinute - batches.Values.Sum(), 0, wanted);
            return Math.Min(room, wanted);
        }
    }

    private Finding Summary(List<Finding> rest, NodeId node, long minute) => rest[0] with
    {
        Group = Digest.Of(rest[0].Rule.Id, node.ToString(), "flood", minute.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        IsTracked = true,
        Window = TimeSpan.FromMinutes(1),
        Rows = [.. rest.SelectMany(finding => finding.Rows)],
        Live = [],
        Count = rest.Sum(finding => finding.Rows.Count),
        Words = (
            $"{rest[0].Rule.Name}: more than {limits.AlertsPerMinute} alerts within a minute",
            "The rule matched more rows of this node within a minute than have alerts of their own. This alert counts the rest; its row is the first of them."),
    };
}

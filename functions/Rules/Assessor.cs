using System.Globalization;
using Fleet.Kernel;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>What a rule found in a batch: an alert, or rows of one that is there, or the end of one.</summary>
/// <param name="Row">The row that an alert would keep.</param>
/// <param name="Group">A digest of what makes rows one alert.</param>
/// <param name="IsTracked">Whether other rows may belong to the same alert, or end it.</param>
/// <param name="Window">For so long rows of the group are one alert; null for as long as it is open.</param>
/// <param name="Rows">Digests of the rows.</param>
/// <param name="Count">How many rows a new alert has.</param>
/// <param name="About">What it is about, where that is not one node.</param>
internal sealed record Finding(
    Rule Rule, ResultRow Row, string Line, string Group, bool IsTracked, TimeSpan? Window, IReadOnlyList<string> Rows, long Count, string About, bool IsEnd);

/// <summary>A match that holds.</summary>
/// <param name="Line">The row as an alert keeps it.</param>
/// <param name="Row">A digest of it: the same whenever it is judged.</param>
internal sealed record Confirmed(Match Match, string Line, string Row);

/// <summary>Makes findings of the rows that rules match: asks what was seen before, counts, and groups. The same as lines come and when they are judged once more.</summary>
internal sealed class Assessor(IRuleMemory memory)
{
    /// <summary>The matches that hold when it is asked what was seen before.</summary>
    /// <param name="matches">What rules match in one batch.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="at">When it came.</param>
    /// <param name="ct">Stops before the next question.</param>
    public async ValueTask<IReadOnlyList<Confirmed>> ConfirmAsync(IReadOnlyList<Match> matches, NodeFacts node, DateTimeOffset at, CancellationToken ct)
    {
        var confirmed = new List<Confirmed>(matches.Count);
        foreach (var match in matches)
        {
            var line = RowText.Of(match.Row, node.Host);
            var row = Digest.Of(match.Rule.Id, node.Id.ToString(), line, $"{match.Row.Epoch}/{match.Row.Counter}");
            if (match.Open is null || await match.Open.HoldsAsync((condition, value) => IsFirstAsync(match, condition, value, node, row, at, ct))) confirmed.Add(new(match, line, row));
        }

        return confirmed;
    }

    /// <summary>Findings of one batch, in the order of its rows.</summary>
    /// <param name="matches">Those that hold.</param>
    /// <param name="batch">Where they come from.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="ct">Stops before the next count.</param>
    public async ValueTask<IReadOnlyList<Finding>> FindAsync(IReadOnlyList<Confirmed> matches, string batch, NodeFacts node, CancellationToken ct)
    {
        var findings = new List<Finding>();
        var counted = new Dictionary<(string Rule, string Place), (Confirmed First, List<Hit> Hits, List<string> Rows)>();
        var grouped = new Dictionary<string, (int Place, List<string> Rows)>(StringComparer.Ordinal);
        foreach (var one in matches)
        {
            var ((rule, _, isEnd, _), line, row) = one;
            if (rule.Threshold is { } threshold)
            {
                foreach (var place in isEnd ? [] : threshold.PlacesOf(node.Id, node.Tags))
                {
                    if (!counted.TryGetValue((rule.Id, place), out var count)) counted[(rule.Id, place)] = count = (one, [], []);
                    count.Hits.Add(new(one.Match.Row.Time, ulong.Parse(row.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
                    count.Rows.Add(row);
                }

                continue;
            }

            var group = GroupOf(one.Match, node, row);
            if (grouped.TryGetValue(group, out var there) && findings[there.Place].IsEnd == isEnd)
            {
                if (there.Rows.Contains(row)) continue;
                there.Rows.Add(row);
                findings[there.Place] = findings[there.Place] with { Count = there.Rows.Count };
                continue;
            }

            var rows = new List<string> { row };
            grouped[group] = (findings.Count, rows);
            findings.Add(new(rule, one.Match.Row, line, group, rule.Grouping is not null || rule.ResolvesOnRemoved, rule.Grouping?.Window, rows, 1, "", isEnd));
        }

        foreach (var ((_, place), count) in counted)
        {
            var rule = count.First.Match.Rule;
            var hits = await memory.CountAsync(rule, place, batch, count.Hits, ct);
            if (Within(hits, count.Hits, rule.Threshold!) is not (> 0 and var reached)) continue;
            var about = rule.Threshold!.Per == Operators.OnNode ? "" : place;
            findings.Add(new(rule, count.First.Match.Row, count.First.Line, Digest.Of(rule.Id, place), IsTracked: true, rule.Grouping?.Window ?? rule.Threshold.Window, count.Rows, reached, about, IsEnd: false));
        }

        return findings;
    }

    /// <summary>How many hits there are in the fullest window that has a new one in it, if they are enough; else 0.</summary>
    public static int Within(IReadOnlyList<Hit> all, IReadOnlyList<Hit> news, Threshold threshold)
    {
        var sorted = all.OrderBy(hit => hit.At).ToList();
        var isNew = news.Select(hit => hit.Row).ToHashSet();
        var (most, first, newIn) = (0, 0, 0);
        for (var last = 0; last < sorted.Count; last++)
        {
            if (isNew.Contains(sorted[last].Row)) newIn++;
            for (; sorted[last].At - sorted[first].At >= threshold.Window; first++)
            {
                if (isNew.Contains(sorted[first].Row)) newIn--;
            }

            if (newIn > 0 && last - first + 1 >= threshold.Count) most = Math.Max(most, last - first + 1);
        }

        return most;
    }

    private static string GroupOf(Match match, NodeFacts node, string row)
    {
        if (match.Rule.Grouping is { } grouping)
        {
            return Digest.Of([match.Rule.Id, node.Id.ToString(), .. grouping.By.SelectMany(name => match.Row.Column(name) is { } value ? new[] { name, value } : [name])]);
        }

        // A row that is removed again is known by its columns.
        return match.Rule.ResolvesOnRemoved ? Digest.Of(match.Rule.Id, node.Id.ToString(), match.Row.Name, RowJson.Identity(match.Row.Columns)) : row;
    }

    /// <summary>While it learns a rule only remembers; and what a machine's first run brings was there before.</summary>
    private async ValueTask<bool> IsFirstAsync(Match match, Condition condition, string value, NodeFacts node, string row, DateTimeOffset at, CancellationToken ct)
    {
        var isFirst = await memory.IsFirstAsync(match.Rule, condition, value, match.Row.Name, node.Id, row, ct);
        return isFirst && at >= match.Rule.CreatedAt + match.Rule.Learning && !(condition.Operand.Text == Operators.OnNode && match.Row.Counter == 0);
    }
}

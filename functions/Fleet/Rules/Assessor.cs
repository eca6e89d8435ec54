using System.Globalization;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>What a rule found in a batch: an alert, or rows of one that is there, or the end of one.</summary>
/// <param name="Row">The row that an alert would keep.</param>
/// <param name="Group">A digest of what makes rows one alert.</param>
/// <param name="IsTracked">Whether other rows may belong to the same alert, or end it.</param>
/// <param name="Window">For so long rows of the group are one alert; null for as long as it is open.</param>
/// <param name="Rows">Digests of the rows.</param>
/// <param name="Live">Of each row what it is as long as it is there; empty where an alert does not end with its rows.</param>
/// <param name="Count">How many rows a new alert has.</param>
/// <param name="About">What it is about, where that is not one node.</param>
internal sealed record Finding(
    Rule Rule, ResultRow Row, string Line, string Group, bool IsTracked, TimeSpan? Window, IReadOnlyList<string> Rows, IReadOnlyList<Hit> Live, long Count, string About, bool IsEnd)
{
    /// <summary>What a new alert is called and says, in place of the rule's own words; null for those.</summary>
    public (string Title, string Message)? Words { get; init; }
}

/// <summary>A match that holds.</summary>
/// <param name="Line">The row as an alert keeps it.</param>
/// <param name="Row">A digest of it: the same whenever it is judged.</param>
internal sealed record Confirmed(Match Match, string Line, string Row);

/// <summary>Makes findings of the rows that rules match: asks what was seen before, counts, and groups. The same as lines come and when they are judged once more.</summary>
internal sealed class Assessor(IRuleMemory memory)
{
    /// <summary>In place of a value: that the query ran at all.</summary>
    private const string FirstRun = "\0run";

    /// <summary>The matches that hold when it is asked what was seen before.</summary>
    /// <param name="set">The rules.</param>
    /// <param name="batch">What came.</param>
    /// <param name="matches">What rules match in it.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="ct">Stops before the next question.</param>
    public async ValueTask<IReadOnlyList<Confirmed>> ConfirmAsync(RuleSet set, Batch batch, IReadOnlyList<Match> matches, NodeFacts node, CancellationToken ct)
    {
        // That a machine has sent this before is to be known, whatever was in it.
        foreach (var name in batch.Names)
        {
            foreach (var (rule, condition) in set.PlanOf(name)?.Learners ?? []) await IsFirstRunAsync(rule, condition, name, node, batch, ct);
        }

        var confirmed = new List<Confirmed>(matches.Count);
        var alike = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var match in matches)
        {
            var line = RowText.Of(match.Row, node.Host);
            var row = Digest.Of(match.Rule.Id, node.Id.ToString(), line, $"{match.Row.Epoch}/{match.Row.Counter}");

            // Rows of one run may be the same to the letter, and their run may be cut in several batches; where rows are counted each of them is one.
            if (match.Rule is { Threshold: not null } or { Grouping: not null } or { ResolvesOnRemoved: true })
            {
                row = Digest.Of(row, batch.Key.ToString(), (alike[row] = alike.GetValueOrDefault(row) + 1).ToString(CultureInfo.InvariantCulture));
            }

            if (match.Open is null || await match.Open.HoldsAsync((condition, value) => IsFirstAsync(match, condition, value, node, row, batch, ct))) confirmed.Add(new(match, line, row));
        }

        return confirmed;
    }

    /// <summary>Findings of one batch, in the order of its rows; what ends comes last, so that a row that changed is none that ended and began.</summary>
    /// <param name="matches">Those that hold.</param>
    /// <param name="batch">Where they come from.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="ct">Stops before the next count.</param>
    public async ValueTask<IReadOnlyList<Finding>> FindAsync(IReadOnlyList<Confirmed> matches, string batch, NodeFacts node, CancellationToken ct)
    {
        var findings = new List<Finding>();
        foreach (var group in matches.Where(one => one.Match.Rule.Threshold is null).GroupBy(one => (Group: GroupOf(one.Match, node, one.Row), one.Match.IsEnd)))
        {
            var rows = group.DistinctBy(one => one.Row).ToList();
            var (match, line, _) = rows[0];
            var rule = match.Rule;
            findings.Add(new(
                rule, match.Row, line, group.Key.Group, rule.Grouping is not null || rule.ResolvesOnRemoved, rule.Grouping?.Window, [.. rows.Select(one => one.Row)],
                rule.ResolvesOnRemoved ? [.. rows.Select(LiveOf)] : [], rows.Count, "", match.IsEnd));
        }

        var counted = matches.Where(one => one.Match is { Rule.Threshold: not null, IsEnd: false })
            .SelectMany(one => one.Match.Rule.Threshold!.PlacesOf(node.Id, node.Tags).Select(place => (Place: place, One: one))).GroupBy(hit => (hit.One.Match.Rule.Id, hit.Place), hit => hit.One);
        foreach (var place in counted)
        {
            var (match, line, _) = place.First();
            var rule = match.Rule;
            var news = place.Select(one => Hit.Of(one.Row, one.Match.Row.Time)).ToList();
            var hits = await memory.CountAsync(rule, place.Key.Place, batch, news, ct);
            if (Within(hits, news, rule.Threshold!) is not (> 0 and var reached)) continue;
            var about = rule.Threshold!.Per == Operators.OnNode ? "" : place.Key.Place;
            findings.Add(new(
                rule, match.Row, line, Digest.Of(rule.Id, place.Key.Place), IsTracked: true, rule.Grouping?.Window ?? rule.Threshold.Window, [.. place.Select(one => one.Row)], [], reached, about, IsEnd: false));
        }

        return [.. findings.OrderBy(finding => finding.IsEnd)];
    }

    private static Hit LiveOf(Confirmed one) =>
        Hit.OneOf(Digest.Of(one.Match.Row.Name, RowJson.Identity(one.Match.Row.Columns)), one.Match.Row.Time, one.Row) with { IsStart = one.Match.Row.Counter == 0 };

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

    /// <summary>While it learns a rule only remembers; and what a machine's first run of a query brings was there before.</summary>
    private async ValueTask<bool> IsFirstAsync(Match match, Condition condition, string value, NodeFacts node, string row, Batch batch, CancellationToken ct)
    {
        var ((rule, line, _, _), isOnNode) = (match, condition.Operand.Text == Operators.OnNode);
        if (!await memory.IsFirstAsync(rule, condition, value, line.Name, node.Id, row, ct) || batch.ReceivedAt < rule.CreatedAt + rule.Learning) return false;

        // A difference says itself that it is the first; of a snapshot it is known by what came before.
        return !isOnNode || (line.Action == "snapshot" ? !await IsFirstRunAsync(rule, condition, line.Name, node, batch, ct) : line.Counter != 0);
    }

    private ValueTask<bool> IsFirstRunAsync(Rule rule, Condition condition, string query, NodeFacts node, Batch batch, CancellationToken ct) =>
        memory.IsFirstAsync(rule, condition, FirstRun, query, node.Id, batch.Key.ToString(), ct);
}

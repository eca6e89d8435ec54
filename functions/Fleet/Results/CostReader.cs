using System.Globalization;
using System.Text.RegularExpressions;
using Fleet.Nodes;

namespace Fleet.Results;

/// <summary>Finds in logs what the schedule's queries cost: rows of osquery's own table <c>osquery_schedule</c>, and the warning after a watchdog kill.</summary>
/// <remarks>The warning is the only sign of a denylisted query: osquery writes it at its next start, and leaves the query alone for a day.</remarks>
/// <param name="costs">Where they are counted.</param>
/// <param name="packQueryName">What a pack's query is called here, where an agent with another <c>pack_delimiter</c> names it; null for other names.</param>
internal sealed partial class CostReader(QueryCosts costs, Func<string, string?> packQueryName)
{
    /// <returns>Queries that the agent denylisted, and when.</returns>
    public IReadOnlyList<(string Query, DateTimeOffset At)> ReadStatus(Batch batch)
    {
        if (batch.Lines.AsSpan().IndexOf("Scheduled query may have failed"u8) < 0) return [];
        var denylisted = new List<(string, DateTimeOffset)>();
        foreach (var line in StatusLine.Read(batch.Lines, batch.Key.Time))
        {
            if (Failed().Match(line.Message) is not { Success: true } match || match.Groups["name"].Length > Kernel.Limits.LineNameCharacters) continue;
            var name = NameOf(match.Groups["name"].Value);
            costs.NoteDenylisted(name, isDistributed: false);
            denylisted.Add((name, line.Time));
        }

        return denylisted;
    }

    /// <returns>Queries that the agent says it has denylisted, and when.</returns>
    /// <remarks>The table counts since the agent's start, so what is taken of it is the latest run.</remarks>
    public IReadOnlyList<(string Query, DateTimeOffset At)> ReadSchedule(IEnumerable<ResultRow> rows)
    {
        var denylisted = new List<(string, DateTimeOffset)>();
        foreach (var row in rows.Where(row => row.Action != "removed" && row.Column("executions") is not null && row.Column("interval") is not null))
        {
            if (row.Column("name") is not { Length: > 0 and <= Kernel.Limits.LineNameCharacters } said) continue;
            var name = NameOf(said);
            if (long.TryParse(row.Column("last_wall_time_ms"), NumberStyles.None, CultureInfo.InvariantCulture, out var time)) costs.NoteRuns(name, isDistributed: false, runs: 1, time);
            if (row.Action != "added" || (row.Column("denylisted") ?? row.Column("blacklisted")) != "1") continue;
            costs.NoteDenylisted(name, isDistributed: false);
            denylisted.Add((name, row.Time));
        }

        return denylisted;
    }

    private string NameOf(string said) => packQueryName(said) ?? said;

    [GeneratedRegex("^Scheduled query may have failed: (?<name>.+?)\\.?$")]
    private static partial Regex Failed();
}

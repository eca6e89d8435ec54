using System.Globalization;
using System.Text.Json;

namespace Fleet.Swarm;

/// <summary>Log lines in the forms that osqueryd writes.</summary>
/// <param name="Identifier">What the agent calls itself.</param>
/// <param name="Decorations">What its decorators said.</param>
/// <param name="AtTop"><c>decorations_top_level</c>.</param>
internal sealed record AgentLines(string Identifier, IReadOnlyDictionary<string, string> Decorations, bool AtTop)
{
    /// <summary>One row of a difference.</summary>
    public string Event(string query, DateTimeOffset time, long epoch, int counter, string action, string row) =>
        $$"""{{{Head(query, time, epoch, counter)}},"columns":{{row}},"action":"{{action}}"}""";

    /// <summary>A difference in one line.</summary>
    public string Batch(string query, DateTimeOffset time, long epoch, RunDifference run) =>
        $$"""{"diffResults":{"removed":{{Array(run.Removed)}},"added":{{Array(run.Added)}}},{{Head(query, time, epoch, run.Counter)}}}""";

    public string Snapshot(string query, DateTimeOffset time, long epoch, IEnumerable<string> rows) =>
        $$"""{"snapshot":{{Array(rows)}},"action":"snapshot",{{Head(query, time, epoch, 0)}}}""";

    /// <summary>A line of osqueryd's own.</summary>
    public string Status(DateTimeOffset time, int severity, string message, string version) =>
        $$"""{"hostIdentifier":{{Quoted(Identifier)}},{{Times(time)}},"severity":{{severity}},"filename":"scheduler.cpp","line":126,"message":{{Quoted(message)}},"version":"{{version}}"{{Decorated()}}}""";

    private string Head(string query, DateTimeOffset time, long epoch, int counter) =>
        $"\"name\":{Quoted(query)},\"hostIdentifier\":{Quoted(Identifier)},{Times(time)},\"epoch\":{epoch},\"counter\":{counter},\"numerics\":false{Decorated()}";

    /// <summary>Times as agents write them, asctime's among them: <c>Mon May  2 22:27:32 2016 UTC</c>.</summary>
    private static string Times(DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        var day = utc.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2);
        return string.Create(CultureInfo.InvariantCulture, $"\"calendarTime\":\"{utc:ddd MMM} {day} {utc:HH:mm:ss yyyy} UTC\",\"unixTime\":{time.ToUnixTimeSeconds()}");
    }

    private string Decorated()
    {
        if (Decorations.Count == 0) return "";
        var members = string.Join(',', Decorations.Select(decoration => $"{Quoted(decoration.Key)}:{Quoted(decoration.Value)}"));
        return AtTop ? $",{members}" : $",\"decorations\":{{{members}}}";
    }

    private static string Array(IEnumerable<string> rows) => $"[{string.Join(',', rows)}]";

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}

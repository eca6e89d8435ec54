using System.Collections.Frozen;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>A line of osquery's own log.</summary>
/// <param name="Severity">0 info, 1 warning, 2 error, 3 fatal.</param>
internal sealed record StatusLine(
    DateTimeOffset Time, int Severity, string Filename, int Line, string Message, string Version, IReadOnlyList<KeyValuePair<string, ColumnValue>> Decorations)
{
    private static readonly FrozenSet<string> s_members = new[]
    {
        "hostIdentifier", "calendarTime", "unixTime", "severity", "filename", "line", "message", "version", "decorations", "log_type", "numerics", "logNumericsAsNumbers", "epoch", "counter", "name",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Reads a <c>data</c> array; what is no object is a line with the text as its message.</summary>
    public static List<StatusLine> Read(ReadOnlyMemory<byte> lines, DateTimeOffset received)
    {
        var read = new List<StatusLine>();
        var reader = new Utf8JsonReader(lines.Span, JsonText.Lenient);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            var raw = lines[start..(int)reader.BytesConsumed];
            var members = LineReader.ReadRow(raw);
            string Text(string name) => LineReader.TextOf(members, name) ?? "";
            read.Add(new(
                TimeOf(Text("unixTime"), Text("calendarTime")) ?? received,
                SeverityOf(Text("severity")),
                Text("filename"),
                int.TryParse(Text("line"), out var line) ? line : 0,
                members.Count > 0 ? Text("message") : System.Text.Encoding.UTF8.GetString(raw.Span),
                Text("version"),
                [.. Text("decorations") is ['{', ..] decorations ? LineReader.ReadRow(decorations) : [], .. members.Where(IsDecoration)]));
        }

        return read;
    }

    /// <summary>The lines of at least this severity, as an array of their own. A line that does not say its severity is kept.</summary>
    public static (ReadOnlyMemory<byte> Lines, int Count) AtLeast(ReadOnlyMemory<byte> lines, int severity)
    {
        using var kept = new MemoryStream();
        var count = 0;
        var reader = new Utf8JsonReader(lines.Span, JsonText.Lenient);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            var raw = lines[start..(int)reader.BytesConsumed];
            var stated = LineReader.TextOf(LineReader.ReadRow(raw), "severity");
            if (stated is not null && SeverityOf(stated) < severity) continue;
            kept.WriteByte((byte)(count++ == 0 ? '[' : ','));
            kept.Write(raw.Span);
        }

        if (count == 0) kept.WriteByte((byte)'[');
        kept.WriteByte((byte)']');
        return (kept.ToArray(), count);
    }

    private static DateTimeOffset? TimeOf(string unix, string calendar) =>
        long.TryParse(unix, out var seconds) && seconds is > 0 and < 253_402_300_800 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : CalendarTime.Read(calendar);

    /// <summary>With <c>decorations_top_level</c>, which status lines heed since osquery 5.10, they are texts beside the line's own members.</summary>
    private static bool IsDecoration(KeyValuePair<string, ColumnValue> member) => !member.Value.IsRaw && member.Value.Text is not ['{' or '[', ..] && !s_members.Contains(member.Key);

    private static int SeverityOf(string text) => int.TryParse(text, out var severity) ? severity : 0;
}

using System.Buffers.Text;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>Goes through stored lines, and says where each one's parts lie. No line is built, nothing is allocated.</summary>
/// <remarks>Of members that come twice the first of the right kind counts.</remarks>
internal ref struct LineScanner
{
    private JsonCursor _cursor;

    /// <param name="lines">A <c>data</c> array that was scanned when it came.</param>
    public LineScanner(ReadOnlySpan<byte> lines)
    {
        Json = lines;
        _cursor = new(lines);
        _cursor.Enter();
    }

    public ReadOnlySpan<byte> Json { get; }

    /// <summary>The line's place in its batch.</summary>
    public int Line { get; private set; } = -1;

    /// <summary>The whole line.</summary>
    public JsonPart Raw { get; private set; }

    public JsonPart Name { get; private set; }

    public JsonPart Action { get; private set; }

    public JsonPart Host { get; private set; }

    public JsonPart CalendarTime { get; private set; }

    public JsonPart UnixTime { get; private set; }

    public JsonPart Epoch { get; private set; }

    public JsonPart Counter { get; private set; }

    public JsonPart Columns { get; private set; }

    public JsonPart Diff { get; private set; }

    public JsonPart Snapshot { get; private set; }

    public JsonPart Decorations { get; private set; }

    /// <summary>Goes to the next line; false at the end. A line that is no object has no parts.</summary>
    public bool Next()
    {
        if (!_cursor.Item()) return false;
        Line++;
        Name = Action = Host = CalendarTime = UnixTime = Epoch = Counter = Columns = Diff = Snapshot = Decorations = default;
        if (!_cursor.IsAtObject)
        {
            var raw = _cursor.Value();
            Raw = raw.IsText ? new(raw.Start - 1, raw.End + 1, raw.Kind) : raw;
            return true;
        }

        var start = _cursor.At;
        _cursor.Enter();
        while (_cursor.Member(out var member)) Note(member.In(Json), _cursor.Value());
        Raw = new(start, _cursor.At, JsonKind.Object);
        return true;
    }

    /// <summary>The agent's clock, or null if the line does not say.</summary>
    public readonly DateTimeOffset? Time()
    {
        if (Number(UnixTime) is > 0 and < 253_402_300_800 and var seconds) return DateTimeOffset.FromUnixTimeSeconds(seconds);
        return CalendarTime.IsThere ? Results.CalendarTime.Read(JsonText.Text(CalendarTime, Json)!) : null;
    }

    /// <summary>A whole number, whether it came as a number or, as from 2.x agents, as text.</summary>
    public readonly long? Number(JsonPart part)
    {
        if (!part.IsThere) return null;
        var text = part.In(Json);
        return Utf8Parser.TryParse(text, out long whole, out var used) && used == text.Length ? whole : JsonText.Number(text);
    }

    /// <summary>Members that are no member of every line: with <c>decorations_top_level</c> they are decorations.</summary>
    public static bool IsDecoration(ReadOnlySpan<byte> member) => !(
        member.SequenceEqual("name"u8) || member.SequenceEqual("action"u8) || member.SequenceEqual("hostIdentifier"u8) || member.SequenceEqual("calendarTime"u8)
        || member.SequenceEqual("unixTime"u8) || member.SequenceEqual("epoch"u8) || member.SequenceEqual("counter"u8) || member.SequenceEqual("columns"u8)
        || member.SequenceEqual("diffResults"u8) || member.SequenceEqual("snapshot"u8) || member.SequenceEqual("log_type"u8)
        || member.SequenceEqual("numerics"u8) || member.SequenceEqual("logNumericsAsNumbers"u8));

    private void Note(ReadOnlySpan<byte> member, JsonPart value)
    {
        switch (member.Length)
        {
            case 4 when !Name.IsThere && value.IsText && member.SequenceEqual("name"u8): Name = value; break;
            case 6 when !Action.IsThere && value.IsText && member.SequenceEqual("action"u8): Action = value; break;
            case 14 when !Host.IsThere && value.IsText && member.SequenceEqual("hostIdentifier"u8): Host = value; break;
            case 12 when !CalendarTime.IsThere && value.IsText && member.SequenceEqual("calendarTime"u8): CalendarTime = value; break;
            case 8 when !UnixTime.IsThere && IsNumber(value) && member.SequenceEqual("unixTime"u8): UnixTime = value; break;
            case 5 when !Epoch.IsThere && IsNumber(value) && member.SequenceEqual("epoch"u8): Epoch = value; break;
            case 7 when !Counter.IsThere && IsNumber(value) && member.SequenceEqual("counter"u8): Counter = value; break;
            case 7 when !Columns.IsThere && member.SequenceEqual("columns"u8): Columns = value; break;
            case 11 when !Diff.IsThere && member.SequenceEqual("diffResults"u8): Diff = value; break;
            case 8 when !Snapshot.IsThere && member.SequenceEqual("snapshot"u8): Snapshot = value; break;
            case 11 when !Decorations.IsThere && value.Kind == JsonKind.Object && member.SequenceEqual("decorations"u8): Decorations = value; break;
        }
    }

    private readonly bool IsNumber(JsonPart value) => value.Kind == JsonKind.Raw || (value.IsText && Number(value) is not null);
}

using System.Globalization;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>Turns stored lines into rows: event format, batch format, snapshots, 2.x's text for everything, and what is none of these.</summary>
internal static class LineReader
{
    private static readonly string[] s_asctime = ["ddd MMM d HH:mm:ss yyyy 'UTC'", "ddd MMM dd HH:mm:ss yyyy 'UTC'"];

    /// <summary>Reads the rows of a <c>data</c> array.</summary>
    /// <param name="lines">The array, repaired UTF-8.</param>
    /// <param name="received">The time of lines that have none.</param>
    /// <param name="wanted">Lines of other queries are passed over; null for all, bad lines included.</param>
    public static List<ResultRow> Read(ReadOnlyMemory<byte> lines, DateTimeOffset received, Predicate<string>? wanted = null)
    {
        var rows = new List<ResultRow>();
        var reader = new Utf8JsonReader(lines.Span, JsonText.Lenient);
        reader.Read();
        for (var line = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; line++)
        {
            var start = (int)reader.TokenStartIndex;
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                if (wanted is null) rows.Add(Bad(lines[start..(int)reader.BytesConsumed], line, received, "a line must be a JSON object"));
                continue;
            }

            var shape = ReadShape(ref reader, lines);
            var raw = lines[start..(int)reader.BytesConsumed];
            if (wanted is null || (shape.Name is { } name && wanted(name))) Add(rows, shape, raw, line, received);
        }

        return rows;
    }

    private static Shape ReadShape(ref Utf8JsonReader reader, ReadOnlyMemory<byte> lines)
    {
        var shape = new Shape();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = JsonText.String(ref reader);
            reader.Read();
            var at = (int)reader.TokenStartIndex;
            var isText = reader.TokenType == JsonTokenType.String;
            switch (member)
            {
                case "name" when isText: shape.Name ??= JsonText.String(ref reader); break;
                case "action" when isText: shape.Action ??= JsonText.String(ref reader); break;
                case "hostIdentifier" when isText: shape.Host ??= JsonText.String(ref reader); break;
                case "calendarTime" when isText: shape.CalendarTime ??= JsonText.String(ref reader); break;
                case "unixTime": shape.UnixTime ??= JsonText.Number(ref reader); break;
                case "epoch": shape.Epoch ??= JsonText.Number(ref reader); break;
                case "counter": shape.Counter ??= JsonText.Number(ref reader); break;
                case "columns": shape.Columns ??= Value(ref reader, lines, at); continue;
                case "diffResults": shape.Diff ??= Value(ref reader, lines, at); continue;
                case "snapshot": shape.Snapshot ??= Value(ref reader, lines, at); continue;
                case "decorations" when reader.TokenType == JsonTokenType.StartObject: shape.Decorations ??= Value(ref reader, lines, at); continue;
                case "name" or "action" or "hostIdentifier" or "calendarTime" or "numerics" or "logNumericsAsNumbers": break;
                default:
                    // decorations_top_level: whatever else is a text.
                    if (isText) shape.Decorate(member, new(JsonText.String(ref reader), false));
                    break;
            }

            reader.Skip();
        }

        return shape;
    }

    private static ReadOnlyMemory<byte> Value(ref Utf8JsonReader reader, ReadOnlyMemory<byte> lines, int at)
    {
        reader.Skip();
        return lines[at..(int)reader.BytesConsumed];
    }

    /// <summary>Doorman's order of looking: columns, then diffResults, then snapshot.</summary>
    private static void Add(List<ResultRow> rows, Shape shape, ReadOnlyMemory<byte> raw, int line, DateTimeOffset received)
    {
        if (shape.Name is null || !LogBody.IsName(shape.Name))
        {
            rows.Add(Bad(raw, line, received, "the line names no query"));
            return;
        }

        if (shape.Columns is { } columns)
        {
            rows.Add(Row(shape, shape.Action ?? "added", ReadRow(columns), raw, line, received));
        }
        else if (shape.Diff is { } diff)
        {
            var count = rows.Count;
            foreach (var row in ReadDiff(diff, "added")) rows.Add(Row(shape, "added", row, raw, line, received));
            foreach (var row in ReadDiff(diff, "removed")) rows.Add(Row(shape, "removed", row, raw, line, received));

            // A first run that found nothing: it says so, like an empty snapshot.
            if (rows.Count == count && shape.Counter == 0) rows.Add(Row(shape, "added", [], raw, line, received, isEmpty: true));
        }
        else if (shape.Snapshot is { } snapshot)
        {
            var count = rows.Count;
            foreach (var row in ReadRows(snapshot)) rows.Add(Row(shape, "snapshot", row, raw, line, received));
            if (rows.Count == count) rows.Add(Row(shape, "snapshot", [], raw, line, received, isEmpty: true));
        }
        else
        {
            rows.Add(Bad(raw, line, received, "the line has neither columns, diffResults nor snapshot", shape.Name));
        }
    }

    private static ResultRow Row(
        Shape shape, string action, List<KeyValuePair<string, ColumnValue>> columns, ReadOnlyMemory<byte> raw, int line, DateTimeOffset received, bool isEmpty = false) => new()
        {
            Name = shape.Name!,
            Action = action,
            Time = Time(shape) ?? received,
            HostIdentifier = shape.Host ?? "",
            Epoch = shape.Epoch,
            Counter = shape.Counter,
            Columns = columns,
            IsEmpty = isEmpty,
            DecorationsJson = shape.Decorations ?? default,
            TopLevel = shape.TopLevel ?? [],
            Raw = raw,
            Line = line,
        };

    private static ResultRow Bad(ReadOnlyMemory<byte> raw, int line, DateTimeOffset received, string fault, string name = "") => new()
    {
        Name = name,
        Action = "",
        Time = received,
        Columns = [],
        Fault = fault,
        Raw = raw,
        Line = line,
    };

    private static DateTimeOffset? Time(Shape shape)
    {
        if (shape.UnixTime is > 0 and < 253_402_300_800) return DateTimeOffset.FromUnixTimeSeconds(shape.UnixTime.Value);
        if (shape.CalendarTime is not { } text) return null;
        const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces;
        return DateTimeOffset.TryParseExact(text, s_asctime, CultureInfo.InvariantCulture, Styles, out var time)
            || DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Styles, out time)
            ? time
            : null;
    }

    private static List<List<KeyValuePair<string, ColumnValue>>> ReadDiff(ReadOnlyMemory<byte> diff, string side)
    {
        var reader = new Utf8JsonReader(diff.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) return [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals(side);
            reader.Read();
            var at = (int)reader.TokenStartIndex;
            reader.Skip();
            if (found) return ReadRows(diff[at..(int)reader.BytesConsumed]);
        }

        return [];
    }

    /// <summary>An array of rows. Anything else, such as 2.x's empty text, is no row.</summary>
    public static List<List<KeyValuePair<string, ColumnValue>>> ReadRows(ReadOnlyMemory<byte> json)
    {
        var rows = new List<List<KeyValuePair<string, ColumnValue>>>();
        var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray) return rows;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var at = (int)reader.TokenStartIndex;
            reader.Skip();
            rows.Add(ReadRow(json[at..(int)reader.BytesConsumed]));
        }

        return rows;
    }

    public static List<KeyValuePair<string, ColumnValue>> ReadRow(ReadOnlyMemory<byte> json)
    {
        var columns = new List<KeyValuePair<string, ColumnValue>>();
        HashSet<string>? names = null;
        var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) return columns;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = JsonText.String(ref reader);
            reader.Read();
            var isRaw = reader.TokenType is not (JsonTokenType.String or JsonTokenType.StartObject or JsonTokenType.StartArray);
            var value = new ColumnValue(JsonText.Scalar(ref reader, json.Span), isRaw);

            // Few columns are looked through; of many a set remembers the names.
            if (columns.Count == 32) names = [.. columns.Select(column => column.Key)];
            if (names?.Add(name) ?? !columns.Exists(column => column.Key == name)) columns.Add(new(name, value));
        }

        return columns;
    }

    private sealed class Shape
    {
        public string? Name;
        public string? Action;
        public string? Host;
        public string? CalendarTime;
        public long? UnixTime;
        public long? Epoch;
        public long? Counter;
        public ReadOnlyMemory<byte>? Columns;
        public ReadOnlyMemory<byte>? Diff;
        public ReadOnlyMemory<byte>? Snapshot;
        public ReadOnlyMemory<byte>? Decorations;
        public List<KeyValuePair<string, ColumnValue>>? TopLevel;

        public void Decorate(string name, ColumnValue value)
        {
            if ((TopLevel ??= []).Count < 100) TopLevel.Add(new(name, value));
        }
    }
}

using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>Turns stored lines into rows: event format, batch format, snapshots, 2.x's text for everything, and what is none of these.</summary>
/// <remarks>A row takes a multiple of its bytes in memory, up to thirty: of a batch so many are read as memory allows, and what is beyond stays as it is and is marked.</remarks>
internal static class LineReader
{
    /// <summary>A row without columns takes as much memory as so many columns.</summary>
    private const int RowWeight = 4;

    private static readonly long s_most = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1_000, 250_000, 5_000_000);

    /// <summary>Reads the rows of a <c>data</c> array.</summary>
    /// <param name="lines">The array, repaired UTF-8.</param>
    /// <param name="received">The time of lines that have none.</param>
    /// <param name="wanted">Lines of other queries are passed over; null for all, bad lines included.</param>
    public static List<ResultRow> Read(ReadOnlyMemory<byte> lines, DateTimeOffset received, Predicate<string>? wanted = null) => Read(lines, received, wanted, s_most);

    /// <param name="lines">The array, repaired UTF-8.</param>
    /// <param name="received">The time of lines that have none.</param>
    /// <param name="wanted">Lines of other queries are passed over; null for all, bad lines included.</param>
    /// <param name="most">How many columns are read, a row counting for <see cref="RowWeight"/> of them.</param>
    internal static List<ResultRow> Read(ReadOnlyMemory<byte> lines, DateTimeOffset received, Predicate<string>? wanted, long most)
    {
        var rows = new List<ResultRow>();
        var left = most;
        var line = new LineScanner(lines.Span);
        while (line.Next())
        {
            if (line.Raw.Kind != JsonKind.Object)
            {
                if (wanted is null) rows.Add(Bad(line, WholeOf(line, lines), received, "a line must be a JSON object"));
                continue;
            }

            var name = line.Name.IsThere ? JsonText.Text(line.Name, line.Json) : null;
            if (wanted is not null && (name is null || !wanted(name))) continue;
            var count = rows.Count;
            var weight = WeightOf(line.Raw.In(line.Json), left);
            if (weight > most)
            {
                rows.Add(Bad(line, WholeOf(line, lines), received, "the line has more rows and columns than memory is for; it is kept as it is", name is not null && LogBody.IsName(name) ? name : ""));
                continue;
            }

            if ((left -= weight) < 0)
            {
                rows.Add(Bad(line, new(lines[line.Raw.Start..]), received, "the post has more rows and columns than memory is for: from this line on they are kept as they are"));
                break;
            }

            try
            {
                Add(rows, line, name, lines, received);
            }
            catch (Exception fault) when (fault is JsonException or FormatException or InvalidOperationException or ArgumentException or IndexOutOfRangeException)
            {
                // No line is known that comes here. One that does harms itself alone.
                rows.RemoveRange(count, rows.Count - count);
                rows.Add(Bad(line, WholeOf(line, lines), received, $"the line cannot be read: {fault.Message}", name is not null && LogBody.IsName(name) ? name : ""));
            }
        }

        return rows;
    }

    /// <summary>About as many columns as a line has in memory: estimated by its commas and braces, and counted when that is above what is left.</summary>
    private static long WeightOf(ReadOnlySpan<byte> line, long left)
    {
        var estimate = line.Count((byte)',') + ((RowWeight + 1L) * line.Count((byte)'{'));
        if (estimate <= left) return estimate;
        var weight = 0L;
        var reader = new Utf8JsonReader(line, JsonText.Lenient);
        while (reader.Read()) weight += reader.TokenType switch { JsonTokenType.StartObject => RowWeight, JsonTokenType.PropertyName or JsonTokenType.StartArray => 1, _ => 0 };
        return weight;
    }

    /// <summary>Doorman's order of looking: columns, then diffResults, then snapshot.</summary>
    private static void Add(List<ResultRow> rows, LineScanner line, string? name, ReadOnlyMemory<byte> lines, DateTimeOffset received)
    {
        var whole = WholeOf(line, lines);
        if (name is null || !LogBody.IsName(name))
        {
            rows.Add(Bad(line, whole, received, "the line names no query"));
            return;
        }

        var count = rows.Count;
        if (line.Columns.IsThere)
        {
            if (line.Columns.Kind != JsonKind.Object) rows.Add(Bad(line, whole, received, "columns must be a JSON object", name));
            else rows.Add(Row(line, name, line.Action.IsThere ? JsonText.Text(line.Action, line.Json)! : "added", line.Columns, lines, whole, received));
        }
        else if (line.Diff.IsThere)
        {
            if (line.Diff.Kind != JsonKind.Object && !IsNothing(line.Diff)) rows.Add(Bad(line, whole, received, "diffResults must be a JSON object", name));
            AddRows(rows, Side(line.Diff, "added"u8, line.Json), "added", line, name, lines, whole, received);
            AddRows(rows, Side(line.Diff, "removed"u8, line.Json), "removed", line, name, lines, whole, received);

            // A first run that found nothing: it says so, like an empty snapshot.
            if (rows.Count == count && line.Number(line.Counter) == 0) rows.Add(Row(line, name, "added", default, lines, whole, received));
        }
        else if (line.Snapshot.IsThere)
        {
            AddRows(rows, line.Snapshot, "snapshot", line, name, lines, whole, received);
            if (rows.Count == count) rows.Add(Row(line, name, "snapshot", default, lines, whole, received));
        }
        else
        {
            rows.Add(Bad(line, whole, received, "the line has neither columns, diffResults nor snapshot", name));
        }
    }

    /// <summary>The rows of a list. What is no row harms itself alone: the others are good.</summary>
    private static void AddRows(List<ResultRow> rows, JsonPart list, string action, in LineScanner line, string name, ReadOnlyMemory<byte> lines, WholeLine whole, DateTimeOffset received)
    {
        if (list.Kind != JsonKind.Array && !IsNothing(list)) rows.Add(Bad(line, whole, received, $"the {action} rows must be a list of JSON objects", name));
        var isMarked = false;
        foreach (var row in Items(list, line.Json))
        {
            if (row.Kind == JsonKind.Object) rows.Add(Row(line, name, action, row, lines, whole, received));
            else if (!isMarked)
            {
                // It has the whole line with it: one is enough.
                rows.Add(Bad(line, whole, received, $"each of the {action} rows must be a JSON object", name));
                isMarked = true;
            }
        }
    }

    /// <summary>A part that is missing, or 2.x's empty text for no rows.</summary>
    private static bool IsNothing(JsonPart part) => !part.IsThere || part is { Kind: JsonKind.Text } && part.Start == part.End;

    /// <summary>One row of a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="name">Its query.</param>
    /// <param name="action">What the row says of its columns.</param>
    /// <param name="columns">Where they lie; nowhere for a run that found nothing.</param>
    /// <param name="lines">What <paramref name="line"/> scans.</param>
    /// <param name="whole">Of <see cref="WholeOf"/>, the same for all rows of the line.</param>
    /// <param name="received">The time of lines that have none.</param>
    public static ResultRow Row(LineScanner line, string name, string action, JsonPart columns, ReadOnlyMemory<byte> lines, WholeLine whole, DateTimeOffset received) => new()
    {
        Name = name,
        Action = action,
        Time = line.Time() ?? received,
        HostIdentifier = line.Host.IsThere ? JsonText.Text(line.Host, line.Json)! : "",
        Epoch = line.Number(line.Epoch),
        Counter = line.Number(line.Counter),
        Columns = columns.IsThere ? ReadRow(lines[columns.Start..columns.End]) : [],
        IsEmpty = !columns.IsThere,
        IsWholeSnapshot = action == "snapshot" && !line.Columns.IsThere,
        Whole = whole,
        Line = line.Line,
    };

    public static WholeLine WholeOf(LineScanner line, ReadOnlyMemory<byte> lines) => new(lines[line.Raw.Start..line.Raw.End]);

    private static ResultRow Bad(LineScanner line, WholeLine whole, DateTimeOffset received, string fault, string name = "") => new()
    {
        Name = name,
        Action = "",
        Time = received,
        Columns = [],
        Fault = fault,
        Whole = whole,
        Line = line.Line,
    };

    /// <summary>The rows of one side of a diff; nowhere if it has no such side.</summary>
    private static JsonPart Side(JsonPart diff, ReadOnlySpan<byte> side, ReadOnlySpan<byte> json)
    {
        if (diff.Kind != JsonKind.Object) return default;
        var cursor = new JsonCursor(json, diff.Start);
        cursor.Enter();
        while (cursor.Member(out var member))
        {
            var value = cursor.Value();
            if (member.In(json).SequenceEqual(side)) return value;
        }

        return default;
    }

    private static List<JsonPart> Items(JsonPart array, ReadOnlySpan<byte> json)
    {
        var items = new List<JsonPart>();
        if (array.Kind != JsonKind.Array) return items;
        var cursor = new JsonCursor(json, array.Start);
        cursor.Enter();
        while (cursor.Item()) items.Add(cursor.Value());
        return items;
    }

    /// <summary>A line's decorations: those of its own member, then texts at its top level that are no member of every line.</summary>
    public static List<KeyValuePair<string, ColumnValue>> ReadDecorations(ReadOnlyMemory<byte> line)
    {
        const int Most = 100;
        var json = line.Span;
        var decorations = new List<KeyValuePair<string, ColumnValue>>();
        var topLevel = new List<KeyValuePair<string, ColumnValue>>();
        var cursor = new JsonCursor(json);
        cursor.Enter();
        while (cursor.Member(out var member))
        {
            var value = cursor.Value();
            if (value.Kind == JsonKind.Object && decorations.Count == 0 && member.In(json).SequenceEqual("decorations"u8)) decorations = ReadRow(line[value.Start..value.End]);
            else if (value.IsText && topLevel.Count < Most && LineScanner.IsDecoration(member.In(json))) topLevel.Add(new(JsonText.Text(member, json)!, new(JsonText.Text(value, json), false)));
        }

        return [.. decorations, .. topLevel];
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

    /// <summary>A row in a text that somebody wrote into a column or a member: nothing if it is no JSON object.</summary>
    public static List<KeyValuePair<string, ColumnValue>> ReadRow(string text)
    {
        try
        {
            return ReadRow(System.Text.Encoding.UTF8.GetBytes(text));
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>A column or member of a row as text; null where it is none.</summary>
    public static string? TextOf(List<KeyValuePair<string, ColumnValue>> row, string name) => row.Find(column => column.Key == name).Value.Text;

    /// <summary>The members of an object that was scanned; none if it is anything else.</summary>
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
}

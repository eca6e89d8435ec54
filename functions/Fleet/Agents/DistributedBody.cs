using System.Text.Json;
using Fleet.Kernel;
using Fleet.Queries;

namespace Fleet.Agents;

/// <summary>The answers in a <c>distributed/write</c>, from any version: members may be missing, scalars may be text, no rows may be <c>""</c>.</summary>
internal sealed record DistributedBody(ReadOnlyMemory<byte> NodeKey, IReadOnlyList<WrittenAnswer> Answers)
{
    private static readonly byte[] s_none = "[]"u8.ToArray();

    /// <exception cref="JsonException">It is not one JSON object.</exception>
    public static DistributedBody Read(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("The body must be a JSON object.");

        ReadOnlyMemory<byte> key = default;
        var hasKey = false;
        Dictionary<string, (byte[]? Rows, string? Fault)>? queries = null;
        Dictionary<string, long>? statuses = null;
        Dictionary<string, string>? messages = null;
        Dictionary<string, long?>? times = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = JsonText.String(ref reader);
            reader.Read();
            if (member == "node_key" && !hasKey)
            {
                hasKey = true;
                key = JsonText.Bytes(ref reader, json, "node_key");
            }
            else if (reader.TokenType == JsonTokenType.StartObject)
            {
                if (member == "queries" && queries is null) queries = ReadMap(ref reader, json, ReadRows);
                else if (member == "statuses" && statuses is null) statuses = ReadMap(ref reader, json, ReadStatus);
                else if (member == "messages" && messages is null) messages = ReadMap(ref reader, json, ReadMessage);
                else if (member == "stats" && times is null) times = ReadMap(ref reader, json, ReadTime);
                else reader.Skip();
            }
            else
            {
                reader.Skip();
            }
        }

        while (reader.Read())
        {
        }

        queries ??= [];
        statuses ??= [];
        return new(key, [.. queries.Keys.Union(statuses.Keys, StringComparer.Ordinal).Where(id => id.Length > 0).Select(id =>
        {
            var (rows, fault) = queries.TryGetValue(id, out var written) ? written : (s_none, null);
            return new WrittenAnswer(id, rows, statuses.GetValueOrDefault(id), messages?.GetValueOrDefault(id) ?? "", fault, times?.GetValueOrDefault(id));
        })]);
    }

    /// <summary>The end of a body that was over the limit: its ids and its key come last, so each query can be told why it has no rows.</summary>
    public static DistributedBody ReadTail(ReadOnlyMemory<byte> tail, long size)
    {
        var at = tail.Span.LastIndexOf(",\"statuses\":{"u8);
        if (at < 0) return new(default, []);
        byte[] rest = [(byte)'{', .. tail.Span[(at + 1)..]];
        try
        {
            var body = Read(rest);
            return body with
            {
                Answers = [.. body.Answers.Select(answer => answer with { Rows = null, Fault = $"the node's answers had {size} bytes, which is over the limit: ask for less" })],
            };
        }
        catch (JsonException)
        {
            return new(default, []);
        }
    }

    private delegate T ReadValue<out T>(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json);

    private static Dictionary<string, T> ReadMap<T>(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json, ReadValue<T> read)
    {
        var map = new Dictionary<string, T>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var id = JsonText.String(ref reader);
            reader.Read();
            map.TryAdd(id, read(ref reader, json));
        }

        return map;
    }

    private static (byte[]? Rows, string? Fault) ReadRows(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        var start = (int)reader.TokenStartIndex;
        var isNone = reader.TokenType == JsonTokenType.Null || (reader.TokenType == JsonTokenType.String && reader.ValueSpan.IsEmpty);
        var areRows = reader.TokenType == JsonTokenType.StartArray;
        if (areRows)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                areRows &= reader.TokenType == JsonTokenType.StartObject;
                reader.Skip();
            }
        }
        else
        {
            reader.Skip();
        }

        return isNone ? (s_none, null)
            : areRows ? (json[start..(int)reader.BytesConsumed].ToArray(), null)
            : (null, "the agent's answer was no list of rows");
    }

    private static long ReadStatus(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        // What is no number is no success.
        var status = reader.TokenType == JsonTokenType.Null ? 0 : JsonText.Number(ref reader) ?? 1;
        reader.Skip();
        return status;
    }

    /// <summary>Milliseconds, where the agent measured them.</summary>
    private static long? ReadTime(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        long? time = null;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return null;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isWall = JsonText.Is(ref reader, "wall_time_ms"u8);
            reader.Read();
            if (isWall) time = JsonText.Number(ref reader);
            reader.Skip();
        }

        return time;
    }

    private static string ReadMessage(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json) => JsonText.Scalar(ref reader, json.Span) ?? "";
}

using System.Globalization;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Storage.Azure;

/// <summary>Rows as Table Storage writes them: each property with its type beside it where JSON has none of that kind. No document is built.</summary>
internal static class EntityJson
{
    private const string TypeSuffix = "@odata.type";

    public static byte[] Write(Write write)
    {
        using var bytes = new MemoryStream(1_024);
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("PartitionKey", write.Key.Partition);
            json.WriteString("RowKey", write.Key.Row);
            foreach (var (name, value) in write.Columns) WriteColumn(json, name, value);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    /// <summary>One entity, as a point read answers it; its ETag is a header.</summary>
    public static Row ReadRow(ReadOnlySpan<byte> json, string etag)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return ReadEntity(ref reader) with { Etag = etag };
    }

    /// <summary>A page of entities: <c>{"value":[…]}</c>, each with its ETag.</summary>
    public static List<Row> ReadRows(ReadOnlySpan<byte> json)
    {
        var rows = new List<Row>();
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isValue = JsonText.Is(ref reader, "value"u8);
            reader.Read();
            if (!isValue) reader.Skip();
            else while (reader.Read() && reader.TokenType == JsonTokenType.StartObject) rows.Add(ReadEntity(ref reader));
        }

        return rows;
    }

    private static void WriteColumn(Utf8JsonWriter json, string name, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteString(name, text);
                break;
            case bool flag:
                json.WriteBoolean(name, flag);
                break;
            case long number:
                json.WriteString(name + TypeSuffix, "Edm.Int64");
                json.WriteString(name, number.ToString(CultureInfo.InvariantCulture));
                break;
            case double real:
                json.WriteString(name + TypeSuffix, "Edm.Double");
                if (double.IsFinite(real)) json.WriteNumber(name, real);
                else json.WriteString(name, real.ToString(CultureInfo.InvariantCulture));
                break;
            case DateTimeOffset time:
                json.WriteString(name + TypeSuffix, "Edm.DateTime");
                json.WriteString(name, time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
                break;
            case byte[] bytes:
                json.WriteString(name + TypeSuffix, "Edm.Binary");
                json.WriteBase64String(name, bytes);
                break;
            default:
                throw new ArgumentException($"Column {name} is a {value.GetType().Name}.");
        }
    }

    /// <summary>Reads an object whose start was read; the reader is at its end afterwards.</summary>
    private static Row ReadEntity(ref Utf8JsonReader reader)
    {
        var types = ReadTypes(reader);
        var columns = new Columns();
        string partition = "", rowKey = "", etag = "";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == "PartitionKey") partition = reader.GetString()!;
            else if (name == "RowKey") rowKey = reader.GetString()!;
            else if (name == "odata.etag") etag = reader.GetString()!;
            else if (name == "Timestamp" || name.StartsWith("odata.", StringComparison.Ordinal) || name.EndsWith(TypeSuffix, StringComparison.Ordinal)) reader.Skip();
            else columns.With(name, ReadValue(ref reader, types?.GetValueOrDefault(name)));
        }

        return new(new(partition, rowKey), etag, columns);
    }

    /// <summary>The types that stand beside properties: before them or after, no order is promised. Works on a copy of the reader.</summary>
    private static Dictionary<string, string>? ReadTypes(Utf8JsonReader reader)
    {
        Dictionary<string, string>? types = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueSpan.EndsWith("@odata.type"u8) ? reader.GetString()![..^TypeSuffix.Length] : null;
            reader.Read();
            if (name is not null) (types ??= new(StringComparer.Ordinal))[name] = reader.GetString()!;
            else reader.Skip();
        }

        return types;
    }

    private static object? ReadValue(ref Utf8JsonReader reader, string? type) => (reader.TokenType, type) switch
    {
        (JsonTokenType.Null, _) => null,
        (JsonTokenType.True or JsonTokenType.False, _) => reader.GetBoolean(),
        (JsonTokenType.String, "Edm.Int64") => long.Parse(reader.GetString()!, CultureInfo.InvariantCulture),
        (JsonTokenType.String, "Edm.Double") => double.Parse(reader.GetString()!, CultureInfo.InvariantCulture),
        (JsonTokenType.String, "Edm.DateTime") =>
            DateTimeOffset.Parse(reader.GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal),
        (JsonTokenType.String, "Edm.Binary") => reader.GetBytesFromBase64(),
        (JsonTokenType.String, _) => reader.GetString(),
        (JsonTokenType.Number, _) => reader.GetDouble(),
        _ => throw new JsonException($"A property is a {reader.TokenType}."),
    };
}

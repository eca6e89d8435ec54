using System.Text.Json.Nodes;
using Fleet.Results;

namespace Fleet.Manager;

/// <summary>Rows that agents sent, as JSON. Written out column by column: they may hold lone surrogates and nest deeply.</summary>
internal static class Rows
{
    public static JsonObject Columns(IEnumerable<KeyValuePair<string, ColumnValue>> columns)
    {
        var json = new JsonObject();
        foreach (var (name, value) in columns) json[name] = value.IsRaw && value.Text is not null ? JsonNode.Parse(value.Text) : value.Text;
        return json;
    }

    /// <summary>Columns beside an object's own members, as in a table. A column that is called like one of them, or like one of <paramref name="own"/>, does not replace it.</summary>
    public static void Beside(JsonObject json, IEnumerable<KeyValuePair<string, ColumnValue>> columns, IReadOnlyCollection<string>? own = null)
    {
        foreach (var (name, value) in Columns(columns).ToList()) json[json.ContainsKey(name) || own?.Contains(name) == true ? "column." + name : name] = value?.DeepClone();
    }

    /// <summary>A <c>data</c> array or an answer.</summary>
    public static JsonArray Array(byte[] rows) => new([.. LineReader.ReadRows(rows).Select(Columns)]);
}

using System.Text;
using System.Text.Json;

namespace Fleet.Results;

/// <summary>Rows as JSON.</summary>
internal static class RowJson
{
    /// <summary>Writes columns as an object: text as text, numbers as the agent wrote them.</summary>
    public static void WriteColumns(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, ColumnValue>> columns)
    {
        json.WriteStartObject();
        foreach (var (name, value) in columns)
        {
            json.WritePropertyName(name);
            if (value.Text is null) json.WriteNullValue();
            else if (value.IsRaw) json.WriteRawValue(value.Text);
            else json.WriteStringValue(value.Text);
        }

        json.WriteEndObject();
    }

    /// <summary>The columns of a row that hold something, as text.</summary>
    public static IReadOnlyDictionary<string, string> Texts(IEnumerable<KeyValuePair<string, ColumnValue>> columns) =>
        columns.Where(column => column.Value.Text is not null).DistinctBy(column => column.Key).ToDictionary(column => column.Key, column => column.Value.Text!);

    /// <summary>One text for equal rows, whatever the order of their columns.</summary>
    public static string Identity(IEnumerable<KeyValuePair<string, ColumnValue>> columns)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in columns.OrderBy(column => column.Key, StringComparer.Ordinal))
        {
            text.Append(name).Append('\u0001').Append(value.Text ?? "\u0003").Append('\u0002');
        }

        return text.ToString();
    }
}

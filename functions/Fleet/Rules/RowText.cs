using System.Text;
using System.Text.Json;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>A row as alerts keep it.</summary>
internal static class RowText
{
    /// <summary>The row as JSON: name, action, time, hostIdentifier, columns; and decorations where there are some.</summary>
    public static string Of(ResultRow row, string host)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("name", row.Name);
            json.WriteString("action", row.Action);
            json.WriteString("time", row.Time);
            json.WriteString("hostIdentifier", host);
            json.WritePropertyName("columns");
            RowJson.WriteColumns(json, row.Columns);
            if (row.Decorations is { Count: > 0 } decorations)
            {
                json.WritePropertyName("decorations");
                RowJson.WriteColumns(json, decorations.DistinctBy(decoration => decoration.Key));
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}

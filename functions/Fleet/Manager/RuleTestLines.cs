using System.Text.Json;
using Fleet.Results;

namespace Fleet.Manager;

/// <summary>Lines to try a rule on, as an agent would send them.</summary>
internal static class RuleTestLines
{
    /// <summary>The line with all its rows.</summary>
    public static byte[] Whole(RuleTestLine line) => line.Columns is null && (line.Snapshot ?? line.DiffResults) is not null
        ? Write(line, line.Action, columns: null)
        : Write(line, line.Action, line.Columns ?? default(JsonElement));

    /// <summary>Its rows, each as a line of its own.</summary>
    public static List<byte[]> Rows(RuleTestLine line)
    {
        if (line.Columns is not null || (line.Snapshot ?? line.DiffResults) is null) return [Write(line, line.Action, line.Columns ?? default(JsonElement))];
        if (line.DiffResults is { ValueKind: JsonValueKind.Object } sides) return [.. Each(Member(sides, "added"), "added"), .. Each(Member(sides, "removed"), "removed")];
        return [.. Each(line.Snapshot, "snapshot")];

        IEnumerable<byte[]> Each(JsonElement? rows, string action) =>
            rows is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray().Where(row => row.ValueKind == JsonValueKind.Object).Select(row => Write(line, action, row)) : [];
    }

    /// <summary>The line with a row that has nothing in it.</summary>
    public static byte[] Empty(RuleTestLine line) => Write(line, line.Action, default(JsonElement));

    private static JsonElement? Member(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value : null;

    /// <param name="line">What the line says beside its rows.</param>
    /// <param name="action">What happened to the row.</param>
    /// <param name="columns">The one row; null for those of the line.</param>
    private static byte[] Write(RuleTestLine line, string? action, JsonElement? columns)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("name", BuiltInResults.Canonical(line.Name ?? ""));
            if (action is not null) json.WriteString("action", action);
            WriteObject(json, "decorations", line.Decorations);
            if (columns is { } row) WriteObject(json, "columns", row);
            else WriteRows(json, line);
            foreach (var (member, value) in (line.Others ?? []).Where(other => other.Value.ValueKind == JsonValueKind.String)) json.WriteString(member, value.GetString());
            json.WriteEndObject();
            json.WriteEndArray();
        }

        return bytes.ToArray();
    }

    private static void WriteRows(Utf8JsonWriter json, RuleTestLine line)
    {
        json.WritePropertyName(line.DiffResults is null ? "snapshot" : "diffResults");
        (line.DiffResults ?? line.Snapshot!.Value).WriteTo(json);
    }

    private static void WriteObject(Utf8JsonWriter json, string member, JsonElement? value)
    {
        json.WritePropertyName(member);
        if (value is { ValueKind: JsonValueKind.Object } given) given.WriteTo(json);
        else json.WriteRawValue("{}");
    }
}

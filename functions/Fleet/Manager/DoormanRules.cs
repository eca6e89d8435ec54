using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsvHelper;
using CsvHelper.Configuration;

namespace Fleet.Manager;

/// <summary>A row of Doorman's table <c>rule</c>.</summary>
internal sealed record DoormanRule(string Id, string Name, string Description, IReadOnlyList<string> Alerters, JsonElement Conditions);

/// <summary>Reads Doorman's rules as its database gives them: a JSON array (<c>select json_agg(r) from rule r</c>), JSON lines (<c>select row_to_json(r) from rule r</c>),
/// or CSV with a header (<c>\copy rule to rules.csv csv header</c>).</summary>
internal static class DoormanRules
{
    /// <exception cref="FormatException">It is none of these.</exception>
    public static IReadOnlyList<DoormanRule> Read(string text)
    {
        try
        {
            var start = text.TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
            return start switch
            {
                ['[', ..] => [.. JsonNode.Parse(start)!.AsArray().Select(Of)],
                ['{', ..] => [.. start.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(line => Of(JsonNode.Parse(line)))],
                _ => ReadCsv(start),
            };
        }
        catch (Exception fault) when (fault is JsonException or CsvHelperException or InvalidOperationException)
        {
            throw new FormatException($"These are not Doorman's rules as JSON or CSV: {fault.Message}", fault);
        }
    }

    private static List<DoormanRule> ReadCsv(string text)
    {
        using var csv = new CsvReader(new StringReader(text), new CsvConfiguration(CultureInfo.InvariantCulture) { MissingFieldFound = null });
        if (!csv.Read() || !csv.ReadHeader() || csv.HeaderRecord?.Contains("conditions") != true) throw new FormatException("The first line names no column 'conditions': write it with \\copy rule to rules.csv csv header.");
        var rules = new List<DoormanRule>();
        while (csv.Read())
        {
            rules.Add(new(csv.GetField("id") ?? "", csv.GetField("name") ?? "", csv.GetField("description") ?? "", Names(csv.GetField("alerters") ?? ""), Conditions(csv.GetField("conditions"))));
        }

        return rules;
    }

    private static DoormanRule Of(JsonNode? node)
    {
        if (node is not JsonObject row) throw new FormatException("A rule is a JSON object.");
        var alerters = row["alerters"] switch
        {
            JsonArray names => [.. names.Select(name => name?.ToString() ?? "")],
            JsonValue text => Names(text.ToString()),
            _ => (IReadOnlyList<string>)[],
        };
        return new(
            row["id"]?.ToString() ?? "", row["name"]?.ToString() ?? "", row["description"]?.ToString() ?? "", alerters,
            row["conditions"] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? Conditions(value.ToString()) : Element(row["conditions"]));
    }

    /// <summary>Doorman takes text for conditions too.</summary>
    private static JsonElement Conditions(string? text)
    {
        try
        {
            return string.IsNullOrWhiteSpace(text) ? default : JsonDocument.Parse(text).RootElement;
        }
        catch (JsonException)
        {
            return JsonDocument.Parse("\"\"").RootElement;
        }
    }

    private static JsonElement Element(JsonNode? node) => node is null ? default : JsonDocument.Parse(node.ToJsonString()).RootElement;

    /// <summary>PostgreSQL's way of writing a list: <c>{email,"on call"}</c>.</summary>
    private static List<string> Names(string text)
    {
        var names = new List<string>();
        var inside = text.Trim().TrimStart('{').TrimEnd('}');
        for (var i = 0; i < inside.Length; i++)
        {
            var name = new StringBuilder();
            if (inside[i] == '"')
            {
                for (i++; i < inside.Length && inside[i] != '"'; i++) name.Append(inside[i] == '\\' && i + 1 < inside.Length ? inside[++i] : inside[i]);
                i++;
            }
            else
            {
                for (; i < inside.Length && inside[i] != ','; i++) name.Append(inside[i]);
            }

            if (name.Length > 0) names.Add(name.ToString());
        }

        return names;
    }
}

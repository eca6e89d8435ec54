using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>The parts of a configuration beside schedule, packs and file paths: options, decorators, YARA, views, and what else osquery's parsers take.</summary>
internal static class Section
{
    private static readonly string[] s_known =
    [
        "options", "decorators", "yara", "views", "auto_table_construction", "events", "file_paths", "file_paths_query", "exclude_paths", "file_accesses",
        "prometheus_targets", "feature_vectors", "kafka_topics", "logger",
    ];

    private const int MostDepth = 20;

    public static bool IsKnown(string name) => s_known.Contains(name);

    /// <summary>osquery ignores members that it does not know, and so does this, unless one is a known one misspelt.</summary>
    public static void CheckUnknown(string member, string path, IEnumerable<string> others, List<ConfigFault> faults)
    {
        if (Nearest.To(member, s_known.Concat(others)) is { } near) faults.Add(new(path, $"osquery knows no '{member}'; did you mean '{near}'?"));
    }

    /// <summary>Levels of objects and lists. osquery keeps no schedule at all when a configuration has 32.</summary>
    private static int DepthOf(JsonNode? node) => node switch
    {
        JsonObject json => 1 + json.Select(member => DepthOf(member.Value)).DefaultIfEmpty().Max(),
        JsonArray array => 1 + array.Select(DepthOf).DefaultIfEmpty().Max(),
        _ => 0,
    };

    public static string Hint(string name, IEnumerable<string> others) =>
        Nearest.To(name, s_known.Concat(others)) is { } near ? $"; did you mean '{near}'?" : ".";

    /// <summary>The section as it may be sent, or null with faults: osquery crashes on some wrong shapes and drops others without a word.</summary>
    public static JsonNode? Read(string name, JsonNode? section, string path, SqlCheck sql, List<ConfigFault> faults)
    {
        var before = faults.Count;
        if (name == "file_accesses" ? section is not JsonArray : section is not JsonObject)
        {
            faults.Add(new(path, name == "file_accesses" ? "This is a list of categories." : "This is a JSON object."));
            return null;
        }

        if (DepthOf(section) > MostDepth) faults.Add(new(path, $"This is nested more than {MostDepth} deep."));
        switch (name)
        {
            case "options": CheckOptions((JsonObject)section, path, faults); break;
            case "decorators": CheckDecorators((JsonObject)section, path, sql, faults); break;
            case "views": CheckStatements((JsonObject)section, path, sql, faults); break;
            case "auto_table_construction": CheckTables((JsonObject)section, path, faults); break;
            case "yara": CheckYara((JsonObject)section, path, faults); break;
            case "prometheus_targets": CheckTargets((JsonObject)section, path, faults); break;
            case "kafka_topics" or "events" or "file_paths" or "exclude_paths" or "file_paths_query":
                foreach (var (member, value) in (JsonObject)section) CheckTexts(value, $"{path}.{member}", faults);
                break;
        }

        return faults.Count == before ? section : null;
    }

    private static void CheckOptions(JsonObject options, string path, List<ConfigFault> faults)
    {
        foreach (var (option, value) in options)
        {
            var isFine = value is JsonValue scalar && scalar.GetValueKind() switch
            {
                JsonValueKind.True or JsonValueKind.False => true,
                JsonValueKind.String => scalar.GetValue<string>().Length > 0,
                JsonValueKind.Number => long.TryParse(scalar.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
                _ => false,
            };
            if (!isFine) faults.Add(new($"{path}.{option}", "An option is a text that is not empty, a whole number, true or false: osquery skips or misreads all else."));
        }
    }

    private static void CheckDecorators(JsonObject decorators, string path, SqlCheck sql, List<ConfigFault> faults)
    {
        foreach (var (when, value) in decorators)
        {
            if (when is "load" or "always") CheckList(value, $"{path}.{when}");
            else if (when != "interval" || value is not JsonObject intervals) faults.Add(new($"{path}.{when}", "Decorators have 'load', 'always' and 'interval'."));
            else
            {
                foreach (var (seconds, list) in intervals)
                {
                    var isMinutes = int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number % 60 == 0;
                    if (!isMinutes) faults.Add(new($"{path}.interval.{seconds}", "An interval is a multiple of 60 seconds."));
                    CheckList(list, $"{path}.interval.{seconds}");
                }
            }
        }

        void CheckList(JsonNode? list, string at)
        {
            if (list is not JsonArray statements) faults.Add(new(at, "This is a list of SQL statements."));
            else
            {
                for (var i = 0; i < statements.Count; i++)
                {
                    if (sql.Check(statements[i]?.ToString()) is { Valid: false } verdict) faults.Add(new($"{at}[{i}]", verdict.Message!));
                }
            }
        }
    }

    private static void CheckStatements(JsonObject views, string path, SqlCheck sql, List<ConfigFault> faults)
    {
        foreach (var (view, statement) in views)
        {
            if (sql.Check(statement?.ToString()) is { Valid: false } verdict) faults.Add(new($"{path}.{view}", verdict.Message!));
        }
    }

    private static void CheckTables(JsonObject tables, string path, List<ConfigFault> faults)
    {
        foreach (var (name, table) in tables)
        {
            if (OsquerySchema.Bundled.ByName.ContainsKey(name)) faults.Add(new($"{path}.{name}", "This is a table of osquery's own, which cannot be overridden."));
            if (table is not JsonObject atc || atc["query"] is not JsonValue || atc["path"] is not JsonValue || atc["columns"] is not JsonArray { Count: > 0 })
            {
                faults.Add(new($"{path}.{name}", "A table has 'query', 'path' and a list of 'columns'."));
            }
        }
    }

    private static void CheckYara(JsonObject yara, string path, List<ConfigFault> faults)
    {
        foreach (var (member, value) in yara)
        {
            if (member == "signature_urls") CheckTexts(value, $"{path}.{member}", faults);
            else if (value is not JsonObject groups) faults.Add(new($"{path}.{member}", "This is a JSON object: group to list."));
            else
            {
                foreach (var (group, list) in groups) CheckTexts(list, $"{path}.{member}.{group}", faults);
            }
        }
    }

    /// <summary>Wrong types here crash the agent.</summary>
    private static void CheckTargets(JsonObject targets, string path, List<ConfigFault> faults)
    {
        CheckTexts(targets["urls"], $"{path}.urls", faults);
        if (targets.ContainsKey("timeout")) ScheduledQuery.Whole(targets, "timeout", 0, 3_600, path + ".", faults);
    }

    private static void CheckTexts(JsonNode? list, string path, List<ConfigFault> faults)
    {
        if (list is not JsonArray texts || texts.Any(text => text?.GetValueKind() != JsonValueKind.String)) faults.Add(new(path, "This is a list of texts."));
    }
}

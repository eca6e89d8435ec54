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

    /// <summary>Members that old configurations have.</summary>
    private static readonly Dictionary<string, string> s_former = new()
    {
        ["scheduledQueries"] = "it is the schedule of osquery before 1.4. Write its queries as 'schedule': {\"name\": {\"query\": …, \"interval\": …}}.",
        ["additional_monitoring"] = "its parts stand at the top now. Move 'file_paths' and the others out of it.",
        ["overrides"] = "it is Fleet's (fleetdm) own, read by that server. Import each part with the tags of its machines instead.",
    };

    private const int MostDepth = 20;

    public static bool IsKnown(string name) => s_known.Contains(name);

    /// <summary>osquery ignores members that it does not know, and does not say so.</summary>
    public static void TellUnknown(string member, string path, IReadOnlyList<string> known, ConfigFindings found)
    {
        if (known.Contains(member)) return;
        found.Tell(path, Nearest.To(member, known) is { } near ? $"osquery ignores '{member}'; did you mean '{near}'?" : $"osquery ignores '{member}'. It is left out.");
    }

    /// <summary>The same beside the sections of a configuration. Some were known once, or are of other programs.</summary>
    public static void TellUnknownSection(string member, string path, IReadOnlyList<string> others, ConfigFindings found)
    {
        if (s_former.TryGetValue(member, out var word)) found.Tell(path, $"osquery ignores '{member}': {word}");
        else TellUnknown(member, path, [.. s_known, .. others], found);
    }

    /// <summary>Levels of objects and lists. osquery keeps no schedule at all when a configuration has 32.</summary>
    private static int DepthOf(JsonNode? node) => node switch
    {
        JsonObject json => 1 + json.Select(member => DepthOf(member.Value)).DefaultIfEmpty().Max(),
        JsonArray array => 1 + array.Select(DepthOf).DefaultIfEmpty().Max(),
        _ => 0,
    };

    /// <summary>The section as it may be sent, or null with faults: osquery crashes on some wrong shapes and drops others without a word.</summary>
    public static JsonNode? Read(string name, JsonNode? section, string path, SqlCheck sql, ConfigFindings found)
    {
        var before = found.Faults.Count;
        var kept = section;
        if (name == "file_accesses" ? section is not JsonArray : section is not JsonObject)
        {
            found.Refuse(path, name == "file_accesses" ? "This is a list of categories." : "This is a JSON object.");
            return null;
        }

        if (DepthOf(section) > MostDepth) found.Refuse(path, $"This is nested more than {MostDepth} deep.");
        switch (name)
        {
            case "options": CheckOptions((JsonObject)section, path, found); break;
            case "decorators": kept = Decorators((JsonObject)section, path, sql, found); break;
            case "views": kept = Views((JsonObject)section, path, sql, found); break;
            case "auto_table_construction": CheckTables((JsonObject)section, path, found); break;
            case "yara": CheckYara((JsonObject)section, path, found); break;
            case "prometheus_targets": CheckTargets((JsonObject)section, path, found); break;
            case "kafka_topics" or "events" or "file_paths" or "exclude_paths" or "file_paths_query":
                foreach (var (member, value) in (JsonObject)section) CheckTexts(value, $"{path}.{member}", found);
                break;
        }

        return found.Faults.Count == before ? kept : null;
    }

    private static void CheckOptions(JsonObject options, string path, ConfigFindings found)
    {
        foreach (var (option, value) in options)
        {
            var kind = value?.GetValueKind() ?? JsonValueKind.Null;
            if (kind is JsonValueKind.Object or JsonValueKind.Array || (kind == JsonValueKind.Number && !long.TryParse(value!.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)))
            {
                found.Refuse($"{path}.{option}", "An option is a text, a whole number, true or false: osquery misreads all else.");
            }
            else if (OsqueryFlags.NoteOn(option, value) is { } note) found.Tell($"{path}.{option}", note);
        }
    }

    private static JsonObject Decorators(JsonObject decorators, string path, SqlCheck sql, ConfigFindings found)
    {
        var kept = new JsonObject();
        foreach (var (when, value) in decorators)
        {
            if (when is "load" or "always") kept[when] = Statements(value, $"{path}.{when}", sql, found);
            else if (when != "interval" || value is not JsonObject intervals) found.Refuse($"{path}.{when}", "Decorators have 'load', 'always' and 'interval'.");
            else
            {
                var byInterval = new JsonObject();
                foreach (var (seconds, list) in intervals)
                {
                    var isMinutes = int.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number % 60 == 0;
                    if (!isMinutes) found.Refuse($"{path}.interval.{seconds}", "An interval is a multiple of 60 seconds.");
                    byInterval[seconds] = Statements(list, $"{path}.interval.{seconds}", sql, found);
                }

                kept[when] = byInterval;
            }
        }

        return kept;
    }

    /// <summary>Those that osquery runs, or all with faults.</summary>
    private static JsonArray Statements(JsonNode? list, string path, SqlCheck sql, ConfigFindings found)
    {
        var kept = new JsonArray();
        if (list is not JsonArray statements) found.Refuse(path, "This is a list of SQL statements.");
        else
        {
            for (var i = 0; i < statements.Count; i++)
            {
                if (IsValid(statements[i], $"{path}[{i}]", sql, found)) kept.Add(statements[i]?.DeepClone());
            }
        }

        return kept;
    }

    private static JsonObject Views(JsonObject views, string path, SqlCheck sql, ConfigFindings found)
    {
        var kept = new JsonObject();
        foreach (var (view, statement) in views)
        {
            if (IsValid(statement, $"{path}.{view}", sql, found)) kept[view] = statement?.DeepClone();
        }

        return kept;
    }

    private static bool IsValid(JsonNode? statement, string path, SqlCheck sql, ConfigFindings found)
    {
        var verdict = sql.Check(statement?.ToString());
        if (!verdict.Valid) found.RefusePart(path, verdict.Message!);
        return verdict.Valid;
    }

    private static void CheckTables(JsonObject tables, string path, ConfigFindings found)
    {
        foreach (var (name, table) in tables)
        {
            if (OsquerySchema.Bundled.ByName.ContainsKey(name)) found.Refuse($"{path}.{name}", "This is a table of osquery's own, which cannot be overridden.");
            if (table is not JsonObject atc || atc["query"] is not JsonValue || atc["path"] is not JsonValue || atc["columns"] is not JsonArray { Count: > 0 })
            {
                found.Refuse($"{path}.{name}", "A table has 'query', 'path' and a list of 'columns'.");
            }
        }
    }

    private static void CheckYara(JsonObject yara, string path, ConfigFindings found)
    {
        foreach (var (member, value) in yara)
        {
            if (member == "signature_urls") CheckTexts(value, $"{path}.{member}", found);
            else if (value is not JsonObject groups) found.Refuse($"{path}.{member}", "This is a JSON object: group to list.");
            else
            {
                foreach (var (group, list) in groups) CheckTexts(list, $"{path}.{member}.{group}", found);
            }
        }
    }

    /// <summary>Wrong types here crash the agent.</summary>
    private static void CheckTargets(JsonObject targets, string path, ConfigFindings found)
    {
        CheckTexts(targets["urls"], $"{path}.urls", found);
        if (targets.ContainsKey("timeout")) ScheduledQuery.Whole(targets, "timeout", 0, 3_600, path + ".", found);
    }

    private static void CheckTexts(JsonNode? list, string path, ConfigFindings found)
    {
        if (list is not JsonArray texts || texts.Any(text => text?.GetValueKind() != JsonValueKind.String)) found.Refuse(path, "This is a list of texts.");
    }
}

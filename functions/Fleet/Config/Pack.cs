using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Config;

/// <summary>A pack: queries that belong together, with conditions for the whole.</summary>
/// <param name="Json">As osquery reads it, normalised: no null, numbers as numbers.</param>
internal sealed record Pack(string Name, TagSet Tags, JsonObject Json)
{
    /// <summary>What a pack may carry beside its queries: osquery applies it where the pack is active.</summary>
    private static readonly string[] s_conditions = ["platform", "version", "shard", "discovery", "queries", "description", "oncall", "name"];

    /// <summary>Whether it holds anything for an agent.</summary>
    public bool HasContent => Json["queries"] is JsonObject { Count: > 0 } || Json.Any(member => Section.IsKnown(member.Key));

    /// <summary>Its queries with their schedules.</summary>
    public IEnumerable<(string Name, ScheduledQuery Schedule)> Queries =>
        (Json["queries"] as JsonObject ?? []).Select(query => (query.Key, ScheduledQuery.OfStored((JsonObject)query.Value!)));

    /// <summary>The names of its queries, which are not read.</summary>
    public IEnumerable<string> QueryNames => (Json["queries"] as JsonObject ?? []).Select(query => query.Key);

    /// <summary>What results call one of its queries.</summary>
    public string ResultName(string query) => $"pack/{Name}/{query}";

    /// <summary>As an agent gets it: without what only people read.</summary>
    public JsonObject ForAgent()
    {
        var json = (JsonObject)Json.DeepClone();
        json.Remove("description");
        json.Remove("name");
        var queries = (JsonObject)json["queries"]!;
        foreach (var (name, query) in queries.ToList())
        {
            if (ScheduledQuery.ForAgent((JsonObject)query!) is { } entry) queries[name] = entry;
            else queries.Remove(name);
        }

        return json;
    }

    /// <summary>Reads a pack as it stands in a file. <paramref name="within"/> is the configuration that it is part of.</summary>
    public static Pack? Read(string name, TagSet tags, JsonObject file, OsquerySql sql, Limits limits, ConfigFindings found, string path = "", JsonObject? within = null)
    {
        var before = found.Faults.Count;
        if (Names.PackFault(name, limits) is { } fault) found.Refuse(path + "name", fault);
        if (TagSet.Fault([.. tags.Tags], limits) is { } tagFault) found.Refuse(path + "tags", tagFault);

        var json = new JsonObject();
        Keep("platform", ScheduledQuery.Text(file, "platform", path, found), PlatformFilter.NoteOn);
        Keep("version", ScheduledQuery.Text(file, "version", path, found), VersionFilter.NoteOn);
        if (ScheduledQuery.Whole(file, "shard", 0, 100, path, found) is { } shard) json["shard"] = shard;
        Keep("description", ScheduledQuery.Text(file, "description", path, found));
        Keep("oncall", ScheduledQuery.Text(file, "oncall", path, found));

        using var check = sql.With(file, within);
        var discovery = Discovery(file["discovery"], check.Value, path + "discovery", found);
        if (discovery.Count > 0) json["discovery"] = discovery;

        var conditions = new PackConditions((string?)json["platform"], (string?)json["version"]);
        var queries = new JsonObject();
        if (file["queries"] is not null and not JsonObject) found.Refuse(path + "queries", "Queries are an object: name to query.");
        foreach (var (query, entry) in file["queries"] as JsonObject ?? [])
        {
            if (Query.ReadPart(query, entry, $"{path}queries.{query}", check.Value, limits, found, conditions) is { } read) queries[query] = read.ToJson();
        }

        FilePathNotes.Tell(file, path, found);
        json["queries"] = queries;
        foreach (var (member, value) in file)
        {
            if (Section.IsKnown(member)) json[member] = Section.Read(member, value, path + member, check.Value, found)?.DeepClone();
            else Section.TellUnknownSection(member, path + member, s_conditions, found);
        }

        return found.Faults.Count == before ? new(name, tags, json) : null;

        void Keep(string member, string? text, Func<string?, string?>? noteOn = null)
        {
            if (!string.IsNullOrEmpty(text)) json[member] = text;
            if (noteOn?.Invoke(text) is { } note) found.Tell(path + member, note);
        }
    }

    private static JsonArray Discovery(JsonNode? node, SqlCheck sql, string path, ConfigFindings found)
    {
        var kept = new JsonArray();
        if (node is null) return kept;
        if (node is not JsonArray queries)
        {
            found.Refuse(path, "Discovery is a list of SQL statements.");
            return kept;
        }

        for (var i = 0; i < queries.Count; i++)
        {
            // Without it the pack would run on machines that it is not for; with it, it runs on none.
            var verdict = sql.Check(queries[i]?.ToString());
            if (!verdict.Valid && (verdict.IsUnreadable || found.Allow == AllowInvalid.No)) found.Refuse($"{path}[{i}]", verdict.Message!);
            else if (!verdict.Valid) found.Tell($"{path}[{i}]", $"{verdict.Message!.TrimEnd('.')}. No agent runs the pack where its discovery fails.");
            kept.Add((JsonNode?)queries[i]?.ToString());
        }

        return kept;
    }
}

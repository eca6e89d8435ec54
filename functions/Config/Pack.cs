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

    /// <summary>As an agent gets it: without what only people read.</summary>
    public JsonObject ForAgent()
    {
        var json = (JsonObject)Json.DeepClone();
        json.Remove("description");
        json.Remove("name");
        return json;
    }

    /// <summary>Reads a pack as it stands in a file; adds every fault of it. <paramref name="within"/> is the configuration that it is part of.</summary>
    public static Pack? Read(string name, TagSet tags, JsonObject file, OsquerySql sql, Limits limits, List<ConfigFault> faults, string path = "", JsonObject? within = null)
    {
        var before = faults.Count;
        if (Names.PackFault(name, limits) is { } fault) faults.Add(new(path + "name", fault));
        if (TagSet.Fault([.. tags.Tags], limits) is { } tagFault) faults.Add(new(path + "tags", tagFault));

        var json = new JsonObject();
        Keep("platform", ScheduledQuery.Text(file, "platform", path, faults));
        Keep("version", ScheduledQuery.Text(file, "version", path, faults));
        if (ScheduledQuery.Whole(file, "shard", 0, 100, path, faults) is { } shard) json["shard"] = shard;
        Keep("description", ScheduledQuery.Text(file, "description", path, faults));
        Keep("oncall", ScheduledQuery.Text(file, "oncall", path, faults));

        using var check = sql.With(file, within);
        var discovery = Discovery(file["discovery"], check.Value, path + "discovery", faults);
        if (discovery.Count > 0) json["discovery"] = discovery;

        var queries = new JsonObject();
        if (file["queries"] is not null and not JsonObject) faults.Add(new(path + "queries", "Queries are an object: name to query."));
        foreach (var (query, entry) in file["queries"] as JsonObject ?? [])
        {
            var at = $"{path}queries.{query}";
            if (Names.QueryFault(query, limits) is { } nameFault) faults.Add(new(at, nameFault));
            if (ScheduledQuery.Read(entry, at, check.Value, faults) is { } read) queries[query] = read.ToJson();
        }

        json["queries"] = queries;
        foreach (var (member, value) in file)
        {
            if (Section.IsKnown(member)) json[member] = Section.Read(member, value, path + member, check.Value, faults)?.DeepClone();
            else if (!s_conditions.Contains(member)) Section.CheckUnknown(member, path + member, s_conditions, faults);
        }

        return faults.Count == before ? new(name, tags, json) : null;

        void Keep(string member, string? text)
        {
            if (!string.IsNullOrEmpty(text)) json[member] = text;
        }
    }

    private static JsonArray Discovery(JsonNode? node, SqlCheck sql, string path, List<ConfigFault> faults)
    {
        var kept = new JsonArray();
        if (node is null) return kept;
        if (node is not JsonArray queries)
        {
            faults.Add(new(path, "Discovery is a list of SQL statements."));
            return kept;
        }

        for (var i = 0; i < queries.Count; i++)
        {
            var verdict = sql.Check(queries[i]?.ToString());
            if (!verdict.Valid) faults.Add(new($"{path}[{i}]", verdict.Message!));
            kept.Add((JsonNode?)queries[i]?.ToString());
        }

        return kept;
    }
}

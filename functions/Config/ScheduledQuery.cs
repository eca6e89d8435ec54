using System.Globalization;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>A query with its schedule, as osquery knows it. What is null is not sent, and osquery's default holds.</summary>
/// <param name="Interval">Seconds, 1 to 604,800.</param>
/// <param name="Platform">Which platforms run it, in osquery's words: <c>linux</c>, <c>darwin,linux</c>, <c>posix</c>, <c>all</c>.</param>
/// <param name="Version">The least osquery version that runs it.</param>
/// <param name="StartupPriority">From osquery 5.17 on: which queries run first after a start.</param>
/// <param name="Shard">The percentage of hosts that run it, 0 to 100.</param>
internal sealed record ScheduledQuery(
    string Sql, int Interval, string? Platform = null, string? Version = null, int? Shard = null, bool? Snapshot = null, bool? Removed = null,
    bool? Denylist = null, string? Description = null, string? Value = null, int? StartupPriority = null)
{
    private static readonly string[] s_members =
        ["query", "interval", "platform", "version", "shard", "snapshot", "removed", "denylist", "blacklist", "description", "value", "startup_priority"];

    public const int DefaultInterval = 3_600;
    public const int MostInterval = 604_800;

    /// <summary>As an entry of osquery's schedule or of a pack.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["query"] = Sql, ["interval"] = Interval };
        if (Platform is not null) json["platform"] = Platform;
        if (Version is not null) json["version"] = Version;
        if (Description is not null) json["description"] = Description;
        if (Value is not null) json["value"] = Value;
        json["removed"] = Removed ?? true;
        if (Snapshot is { } snapshot) json["snapshot"] = snapshot;
        if (Denylist is { } denylist) json["denylist"] = denylist;
        if (Shard is { } shard) json["shard"] = shard;
        if (StartupPriority is { } priority) json["startup_priority"] = priority;
        return json;
    }

    /// <summary>What <see cref="ToJson"/> made: it was checked when it was saved, and is not checked again.</summary>
    public static ScheduledQuery OfStored(JsonObject json) => new(
        json["query"]!.GetValue<string>(), json["interval"]!.GetValue<int>(), (string?)json["platform"], (string?)json["version"], (int?)json["shard"],
        (bool?)json["snapshot"], (bool?)json["removed"], (bool?)json["denylist"], (string?)json["description"], (string?)json["value"],
        (int?)json["startup_priority"]);

    /// <summary>Reads an entry as osquery does, text for numbers and booleans included; what osquery would drop or misread is a fault.</summary>
    public static ScheduledQuery? Read(JsonNode? node, string path, SqlCheck sql, List<ConfigFault> faults)
    {
        if (node is not JsonObject entry)
        {
            faults.Add(new(path, "A query is a JSON object."));
            return null;
        }

        var inside = path + ".";
        var query = new ScheduledQuery(
            Text(entry, "query", inside, faults) ?? "",
            Interval: (int)(Whole(entry, "interval", 1, MostInterval, inside, faults) ?? DefaultInterval),
            Text(entry, "platform", inside, faults),
            Text(entry, "version", inside, faults),
            (int?)Whole(entry, "shard", 0, 100, inside, faults),
            Flag(entry, "snapshot", inside, faults),
            Flag(entry, "removed", inside, faults),
            Flag(entry, "denylist", inside, faults) ?? Flag(entry, "blacklist", inside, faults),
            Text(entry, "description", inside, faults),
            Text(entry, "value", inside, faults),
            (int?)Whole(entry, "startup_priority", 0, int.MaxValue, inside, faults));
        foreach (var (member, _) in entry)
        {
            if (!s_members.Contains(member) && Nearest.To(member, s_members) is { } near) faults.Add(new(inside + member, $"osquery knows no '{member}'; did you mean '{near}'?"));
        }

        if (sql.Check(query.Sql) is { Valid: false } verdict) faults.Add(new($"{path}.query", verdict.Message!));
        return query;
    }

    public static string? Text(JsonObject entry, string member, string path, List<ConfigFault> faults)
    {
        if (entry[member] is not { } node) return null;
        if (node is JsonValue value && value.TryGetValue<string>(out var text)) return text;
        faults.Add(new(path + member, "This is a text."));
        return null;
    }

    public static long? Whole(JsonObject entry, string member, long least, long most, string path, List<ConfigFault> faults)
    {
        if (!entry.TryGetPropertyValue(member, out var node)) return null;
        if (node is JsonValue && long.TryParse(node.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
        faults.Add(new(path + member, FormattableString.Invariant($"This is a whole number from {least} to {most}.")));
        return null;
    }

    private static bool? Flag(JsonObject entry, string member, string path, List<ConfigFault> faults)
    {
        // osquery reads null as false, which nobody means.
        if (entry[member] is not { } node) return null;
        switch (node.ToString().ToUpperInvariant())
        {
            case "TRUE" or "T" or "1": return true;
            case "FALSE" or "F" or "0": return false;
            default:
                faults.Add(new(path + member, "This is true or false."));
                return null;
        }
    }
}

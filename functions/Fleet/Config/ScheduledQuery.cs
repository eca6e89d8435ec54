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
/// <param name="Disabled">It is kept here and not sent to agents.</param>
/// <param name="Forced">It is sent to agents although the check refuses it.</param>
/// <param name="Fault">Why the check refused it when it was saved; null if it did not.</param>
internal sealed record ScheduledQuery(
    string Sql, int Interval, string? Platform = null, string? Version = null, int? Shard = null, bool? Snapshot = null, bool? Removed = null,
    bool? Denylist = null, string? Description = null, string? Value = null, int? StartupPriority = null, bool Disabled = false, bool Forced = false, string? Fault = null)
{
    private static readonly string[] s_members =
        ["query", "interval", "platform", "version", "shard", "snapshot", "removed", "denylist", "blacklist", "description", "value", "startup_priority"];

    /// <summary>Members of Fleet's own, which agents do not get.</summary>
    private static readonly string[] s_ownMembers = ["disabled", "forced", "fault"];

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
        if (Disabled) json["disabled"] = true;
        if (Forced) json["forced"] = true;
        if (Fault is not null) json["fault"] = Fault;
        return json;
    }

    /// <summary>What <see cref="ToJson"/> made, as an agent gets it; null if agents do not get it.</summary>
    public static JsonObject? ForAgent(JsonObject entry)
    {
        if ((bool?)entry["disabled"] == true) return null;
        var json = (JsonObject)entry.DeepClone();
        foreach (var member in s_ownMembers) json.Remove(member);
        return json;
    }

    /// <summary>What <see cref="ToJson"/> made: it was checked when it was saved, and is not checked again.</summary>
    public static ScheduledQuery OfStored(JsonObject json) => new(
        json["query"]!.GetValue<string>(), json["interval"]!.GetValue<int>(), (string?)json["platform"], (string?)json["version"], (int?)json["shard"],
        (bool?)json["snapshot"], (bool?)json["removed"], (bool?)json["denylist"], (string?)json["description"], (string?)json["value"],
        (int?)json["startup_priority"], (bool?)json["disabled"] ?? false, (bool?)json["forced"] ?? false, (string?)json["fault"]);

    /// <summary>Reads an entry as osquery does, text for numbers and booleans included. What osquery would drop is a fault; what it ignores is told.</summary>
    /// <param name="node">The entry.</param>
    /// <param name="path">Where it stands.</param>
    /// <param name="sql">Checks its SQL.</param>
    /// <param name="found">What is found.</param>
    /// <param name="pack">The pack that it is in.</param>
    public static ScheduledQuery? Read(JsonNode? node, string path, SqlCheck sql, ConfigFindings found, PackConditions? pack = null)
    {
        if (node is not JsonObject entry)
        {
            found.Refuse(path, "A query is a JSON object.");
            return null;
        }

        var inside = path + ".";
        var query = new ScheduledQuery(
            Text(entry, "query", inside, found) ?? "",
            Interval: (int)(Whole(entry, "interval", 1, MostInterval, inside, found) ?? DefaultInterval),
            Text(entry, "platform", inside, found),
            Text(entry, "version", inside, found),
            (int?)Whole(entry, "shard", 0, 100, inside, found),
            Flag(entry, "snapshot", inside, found),
            Flag(entry, "removed", inside, found),
            Flag(entry, "denylist", inside, found) ?? Flag(entry, "blacklist", inside, found),
            Text(entry, "description", inside, found),
            Text(entry, "value", inside, found),
            (int?)Whole(entry, "startup_priority", 0, int.MaxValue, inside, found),
            Flag(entry, "disabled", inside, found) ?? false,
            Flag(entry, "forced", inside, found) ?? false);
        foreach (var (member, _) in entry) Section.TellUnknown(member, inside + member, [.. s_members, .. s_ownMembers], found);
        if (PlatformFilter.NoteOn(query.Platform) is { } onPlatform) found.Tell(inside + "platform", onPlatform);
        if (VersionFilter.NoteOn(query.Version) is { } onVersion) found.Tell(inside + "version", onVersion);
        return query.Checked(sql, inside, found, pack);
    }

    /// <summary>With its SQL checked. One that is refused is kept where the query itself, or whoever saves it, says so.</summary>
    private ScheduledQuery Checked(SqlCheck sql, string path, ConfigFindings found, PackConditions? pack)
    {
        var verdict = sql.Check(Sql);
        found.Statements.Add(new(path + "query", verdict, VersionFilter.Later(Version, pack?.Version)));
        if (verdict.Valid)
        {
            TellPlatforms(verdict, path, found, pack);
            return this with { Forced = false };
        }

        if (verdict.IsUnreadable || (!Disabled && !Forced && found.Allow == AllowInvalid.No))
        {
            found.Refuse(path + "query", verdict.Message!);
            return this;
        }

        var isForced = !Disabled && (Forced || found.Allow == AllowInvalid.Forced);
        found.Tell(path + "query", $"{verdict.Message!.TrimEnd('.')}. {(isForced ? "The query is sent to agents all the same." : "The query is disabled: agents do not get it.")}");
        return this with { Disabled = !isForced, Forced = isForced, Fault = verdict.Message };
    }

    /// <summary>Agents that get a query without having its tables log an error each time.</summary>
    private void TellPlatforms(SqlVerdict verdict, string path, ConfigFindings found, PackConditions? pack)
    {
        if (verdict.Tables.Count == 0) return;
        var sentTo = OsquerySchema.Platforms.Where(platform => PlatformFilter.Includes(Platform, platform) && PlatformFilter.Includes(pack?.Platform, platform)).ToList();
        var without = sentTo.Except(verdict.Platforms).ToList();
        if (without.Count == 0) return;
        var have = verdict.Platforms.Count == 0 ? "No platform has all that it reads." : $"Only {string.Join(" and ", verdict.Platforms)} {(verdict.Platforms.Count == 1 ? "has" : "have")} all that it reads.";
        found.Tell(path + "platform", $"{have} It is sent to {string.Join(" and ", without)} too, where it fails.");
    }

    public static string? Text(JsonObject entry, string member, string path, ConfigFindings found)
    {
        if (entry[member] is not { } node) return null;
        if (node is JsonValue value && value.TryGetValue<string>(out var text)) return text;
        found.Refuse(path + member, "This is a text.");
        return null;
    }

    public static long? Whole(JsonObject entry, string member, long least, long most, string path, ConfigFindings found)
    {
        if (!entry.TryGetPropertyValue(member, out var node)) return null;
        if (node is JsonValue && long.TryParse(node.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most) return number;
        found.Refuse(path + member, FormattableString.Invariant($"This is a whole number from {least} to {most}."));
        return null;
    }

    private static bool? Flag(JsonObject entry, string member, string path, ConfigFindings found)
    {
        // osquery reads null as false, which nobody means.
        if (entry[member] is not { } node) return null;
        switch (node.ToString().ToUpperInvariant())
        {
            case "TRUE" or "T" or "1": return true;
            case "FALSE" or "F" or "0": return false;
            default:
                found.Refuse(path + member, "This is true or false.");
                return null;
        }
    }
}

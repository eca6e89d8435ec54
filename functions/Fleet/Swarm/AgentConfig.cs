using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Swarm;

/// <summary>A query that a configuration schedules.</summary>
/// <param name="Name">As result lines say it, with its pack.</param>
/// <param name="Removed">Rows that are gone are logged too.</param>
internal sealed record ScheduledQuery(string Name, string Sql, TimeSpan Interval, bool Snapshot, bool Removed);

/// <summary>A configuration as osqueryd reads it. Agents that are given the same bytes share one, which is what lets one process hold 100,000 of them.</summary>
internal sealed class AgentConfig
{
    private const int MostKept = 1_000;
    private const int DefaultInterval = 3_600;
    private static readonly ConcurrentDictionary<string, AgentConfig> s_kept = new(StringComparer.Ordinal);

    private readonly byte[] _bytes;
    private readonly Dictionary<string, string> _options;
    private readonly List<(string[] Platforms, ScheduledQuery Query)> _queries;

    private AgentConfig(byte[] bytes, JsonObject json)
    {
        _bytes = bytes;
        _options = (json["options"] as JsonObject ?? []).ToDictionary(option => option.Key, option => option.Value?.ToString() ?? "");
        _queries = [.. QueriesOf(json, Option("pack_delimiter") ?? "_")];
        Decorators = [.. DecoratorsOf(json["decorators"] as JsonObject ?? [])];
    }

    /// <summary>What an agent runs that was given none.</summary>
    public static AgentConfig Empty { get; } = new("{}"u8.ToArray(), []);

    /// <summary>All of it, read anew: agents on many threads share this object.</summary>
    public JsonObject Json => (JsonObject)JsonNode.Parse(_bytes)!;

    /// <summary>The SQL of its decorators, however often they are to run.</summary>
    public IReadOnlyList<string> Decorators { get; }

    /// <param name="bytes">The body that brought it.</param>
    /// <param name="json">The same, parsed.</param>
    public static AgentConfig Of(byte[] bytes, JsonObject json)
    {
        if (s_kept.Count > MostKept) s_kept.Clear();
        return s_kept.GetOrAdd(Convert.ToHexString(SHA256.HashData(bytes)), _ => new(bytes, json));
    }

    /// <summary>The schedule and the packs of a platform.</summary>
    public IEnumerable<ScheduledQuery> QueriesFor(string platform) =>
        _queries.Where(item => item.Platforms.All(filter => PlatformFilter.Includes(filter, platform))).Select(item => item.Query);

    /// <summary>An option as text, or null where it is not set.</summary>
    public string? Option(string name) => _options.GetValueOrDefault(name) is { Length: > 0 } text ? text : null;

    public bool Flag(string name, bool otherwise) => bool.TryParse(Option(name), out var value) ? value : otherwise;

    /// <summary>An option that is a number above 0; 0 and nonsense are as if it were not set.</summary>
    public long Number(string name, long otherwise) => long.TryParse(Option(name), out var value) && value > 0 ? value : otherwise;

    /// <summary>The same, of things that are counted.</summary>
    public int Count(string name, int otherwise) => (int)Math.Min(Number(name, otherwise), int.MaxValue);

    private static IEnumerable<(string[] Platforms, ScheduledQuery Query)> QueriesOf(JsonObject json, string delimiter)
    {
        foreach (var (name, query) in Objects(json["schedule"])) yield return ([Text(query, "platform")], Scheduled(name, query));
        foreach (var (pack, content) in Objects(json["packs"]))
        {
            foreach (var (name, query) in Objects(content["queries"]))
            {
                yield return ([Text(content, "platform"), Text(query, "platform")], Scheduled(string.Join(delimiter, "pack", pack, name), query));
            }
        }
    }

    private static IEnumerable<string> DecoratorsOf(JsonObject decorators)
    {
        var always = ((string[])["load", "always"]).Select(key => decorators[key]);
        var interval = (decorators["interval"] as JsonObject ?? []).Select(member => member.Value);
        return always.Concat(interval).OfType<JsonArray>().SelectMany(list => list).OfType<JsonValue>().Select(sql => sql.ToString());
    }

    private static ScheduledQuery Scheduled(string name, JsonObject query) => new(
        name, Text(query, "query"), TimeSpan.FromSeconds(int.TryParse(Text(query, "interval"), out var seconds) ? seconds : DefaultInterval),
        Snapshot: Text(query, "snapshot") == "true", Removed: Text(query, "removed") != "false");

    private static IEnumerable<(string Name, JsonObject Content)> Objects(JsonNode? node) =>
        (node as JsonObject ?? []).Where(member => member.Value is JsonObject).Select(member => (member.Key, (JsonObject)member.Value!));

    private static string Text(JsonObject json, string member) => json[member]?.ToString() ?? "";
}

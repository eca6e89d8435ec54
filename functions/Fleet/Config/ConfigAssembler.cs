using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Nodes;

namespace Fleet.Config;

/// <summary>Makes configurations: what shares a tag with a node is what the node gets. Kept as bytes, by tag set.</summary>
/// <remarks>Platform, version and shard are sent along: the agent itself leaves out what is not for it.</remarks>
internal sealed class ConfigAssembler(ConfigItems items)
{
    private volatile Cache _cache = new(default, []);

    public AssembledConfig For(TagSet tags)
    {
        var version = items.Versions;
        var cache = _cache;
        if (cache.Of != version) _cache = cache = new(version, []);
        return cache.ByTags.TryGetValue(tags, out var config)
            ? config
            : cache.ByTags.GetOrAdd(tags, new AssembledConfig(JsonSerializer.SerializeToUtf8Bytes(Assemble(tags), ConfigJson.Default.JsonObject)));
    }

    private JsonObject Assemble(TagSet tags)
    {
        var config = new JsonObject
        {
            ["node_invalid"] = false,
            ["options"] = new JsonObject
            {
                // Rules and reports name packs' queries with it, whatever the agents' flags say. The host identifier stays as the agent was started with: another name would make it another node.
                ["pack_delimiter"] = "/",
                ["schedule_splay_percent"] = 10,
            },
            ["file_paths"] = new JsonObject(),
            ["schedule"] = new JsonObject(),
            ["packs"] = new JsonObject(),
        };

        // By name: the same items give the same bytes on every instance.
        foreach (var set in items.Options.Current.Items.Where(set => set.Tags.Meets(tags)).OrderBy(set => set.Name, StringComparer.Ordinal)) Merge(config, set.Config);
        foreach (var paths in items.FilePaths.Current.Items.Where(paths => paths.Tags.Meets(tags)).OrderBy(paths => paths.Category, StringComparer.Ordinal))
        {
            Merge(config, Section(paths));
        }

        var schedule = (JsonObject)config["schedule"]!;
        foreach (var query in items.Queries.Current.Items.Where(query => query.Tags.Meets(tags)).OrderBy(query => query.Name, StringComparer.Ordinal))
        {
            if (ScheduledQuery.ForAgent(query.Schedule.ToJson()) is { } entry) schedule[query.Name] = entry;
        }

        var packs = (JsonObject)config["packs"]!;
        foreach (var pack in items.Packs.Current.Items.Where(pack => pack.HasContent && pack.Tags.Meets(tags)).OrderBy(pack => pack.Name, StringComparer.Ordinal))
        {
            packs[pack.Name] = pack.ForAgent();
        }

        return config;
    }

    private static JsonObject Section(FilePaths paths)
    {
        var section = new JsonObject { ["file_paths"] = new JsonObject { [paths.Category] = ConfigItems.ToJson(paths.Paths) } };
        if (paths.ExcludePaths.Count > 0) section["exclude_paths"] = new JsonObject { [paths.Category] = ConfigItems.ToJson(paths.ExcludePaths) };
        if (paths.Accesses) section["file_accesses"] = new JsonArray(paths.Category);
        return section;
    }

    /// <summary>Objects are merged, lists joined without repeats, and of two scalars the later one counts.</summary>
    private static void Merge(JsonObject into, JsonObject from)
    {
        foreach (var (member, value) in from)
        {
            switch (into[member], value)
            {
                case (JsonObject a, JsonObject b):
                    Merge(a, b);
                    break;
                case (JsonArray a, JsonArray b):
                    foreach (var item in b.Where(item => !a.Any(have => JsonNode.DeepEquals(have, item)))) a.Add(item?.DeepClone());
                    break;
                default:
                    into[member] = value?.DeepClone();
                    break;
            }
        }
    }

    private sealed record Cache(ConfigVersions Of, ConcurrentDictionary<TagSet, AssembledConfig> ByTags);
}

using System.Text;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Config;

/// <summary>A query of the schedule.</summary>
internal sealed record Query(string Name, TagSet Tags, ScheduledQuery Schedule)
{
    /// <summary>Reads a query of a schedule or pack that the rest can do without.</summary>
    public static ScheduledQuery? ReadPart(string name, JsonNode? entry, string path, SqlCheck sql, Limits limits, ConfigFindings found, PackConditions? pack = null) => found.Part(own =>
    {
        if (Names.QueryFault(name, limits) is { } fault) own.Refuse(path, fault);
        return ScheduledQuery.Read(entry, path, sql, own, pack);
    });
}

/// <summary>Files that osquery watches, by category.</summary>
/// <param name="Accesses">Also tell when they are read.</param>
internal sealed record FilePaths(string Category, TagSet Tags, IReadOnlyList<string> Paths, IReadOnlyList<string> ExcludePaths, bool Accesses);

/// <summary>Parts of a configuration beside queries, packs and file paths: see <see cref="Section"/>.</summary>
internal sealed record OptionSet(string Name, TagSet Tags, JsonObject Config);

/// <summary>Which state of its tables something was made from.</summary>
internal readonly record struct ConfigVersions(long Queries, long Packs, long FilePaths, long Options);

/// <summary>Everything that configurations are made from. Tables: queries, packs, file paths, options.</summary>
internal sealed class ConfigItems(ITables tables, ChangeFeed changes)
{
    public ControlTable<Query> Queries { get; } = new(
        tables, changes, Schema.Queries,
        columns => new(columns.Text("Name")!, Tags(columns), ScheduledQuery.OfStored(Json(columns))),
        query => Columns(query.Name, query.Tags, query.Schedule.ToJson()));

    public ControlTable<Pack> Packs { get; } = new(
        tables, changes, Schema.Packs,
        columns => new(columns.Text("Name")!, Tags(columns), Json(columns)),
        pack => Columns(pack.Name, pack.Tags, pack.Json));

    public ControlTable<FilePaths> FilePaths { get; } = new(
        tables, changes, Schema.FilePaths,
        columns =>
        {
            var json = Json(columns);
            return new(columns.Text("Name")!, Tags(columns), Texts(json["paths"]), Texts(json["excludePaths"]), json["accesses"]!.GetValue<bool>());
        },
        paths => Columns(paths.Category, paths.Tags, new JsonObject
        {
            ["paths"] = ToJson(paths.Paths),
            ["excludePaths"] = ToJson(paths.ExcludePaths),
            ["accesses"] = paths.Accesses,
        }));

    public ControlTable<OptionSet> Options { get; } = new(
        tables, changes, Schema.Options,
        columns => new(columns.Text("Name")!, Tags(columns), Json(columns)),
        options => Columns(options.Name, options.Tags, options.Config));

    /// <summary>Differ when any of them changed.</summary>
    public ConfigVersions Versions => new(Queries.Current.Version, Packs.Current.Version, FilePaths.Current.Version, Options.Current.Version);

    /// <summary>What is scheduled under a name that results have: a query, or packs' queries as <c>pack/PACK/QUERY</c>, whatever the pack_delimiter is.</summary>
    public IEnumerable<(TagSet Tags, ScheduledQuery Schedule, JsonObject? Pack)> ScheduledAs(string name)
    {
        if (Queries.Find(name) is { Item: var own })
        {
            yield return (own.Tags, own.Schedule, null);
            yield break;
        }

        if (!name.StartsWith("pack", StringComparison.Ordinal)) yield break;
        foreach (var pack in Packs.Current.Items)
        {
            var (_, schedule) = pack.Queries.FirstOrDefault(one => IsDelimited(name, pack.Name, one.Name));
            if (schedule is not null) yield return (pack.Tags, schedule, pack.Json);
        }
    }

    /// <summary>The name that a pack's query has here, where an agent with another <c>pack_delimiter</c> calls it <c>pack_base_users</c> or <c>pack:base:users</c>;
    /// null for all other names, and where it could be two queries'.</summary>
    public string? PackQueryName(string name)
    {
        if (name.Length < 7 || name[4] == '/' || !name.StartsWith("pack", StringComparison.Ordinal) || Queries.Find(name) is not null) return null;
        var found = Packs.Current.Items.SelectMany(pack => pack.QueryNames.Where(query => IsDelimited(name, pack.Name, query)).Select(pack.ResultName)).Take(2).ToList();
        return found.Count == 1 ? found[0] : null;
    }

    private static bool IsDelimited(string name, string pack, string query)
    {
        var delimiters = name.Length - 4 - pack.Length - query.Length;
        if (delimiters < 2 || delimiters % 2 != 0) return false;
        var delimiter = name.AsSpan(4, delimiters / 2);
        var rest = name.AsSpan(4 + delimiter.Length);
        return rest.StartsWith(pack, StringComparison.Ordinal) && rest[pack.Length..].StartsWith(delimiter, StringComparison.Ordinal) && rest.EndsWith(query, StringComparison.Ordinal);
    }

    /// <summary>What a node runs under a name that results have; null if it is asked for nothing by that name.</summary>
    /// <param name="name">As results have it.</param>
    /// <param name="tags">The node's.</param>
    /// <param name="platform">The node's; empty if it is not known.</param>
    public (ScheduledQuery Schedule, JsonObject? Pack)? ScheduledFor(string name, TagSet tags, string platform)
    {
        foreach (var (itemTags, schedule, pack) in ScheduledAs(name))
        {
            if (!schedule.Disabled && itemTags.Meets(tags) && RunsOn(schedule.Platform) && RunsOn((string?)pack?["platform"])) return (schedule, pack);
        }

        return null;

        bool RunsOn(string? filter) => platform.Length == 0 || PlatformFilter.Includes(filter, platform);
    }

    public static JsonArray ToJson(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)JsonValue.Create(text))];

    private static Columns Columns(string name, TagSet tags, JsonObject json) => new Columns { ["Name"] = name, ["Tags"] = tags.Text }
        .WithBytes("Json", Compression.Pack(Encoding.UTF8.GetBytes(json.ToJsonString())));

    private static TagSet Tags(Columns columns) => TagSet.Read(columns.Text("Tags"));

    private static JsonObject Json(Columns columns) => (JsonObject)JsonNode.Parse(Compression.Unpack(columns.AllBytes("Json")))!;

    private static List<string> Texts(JsonNode? array) => [.. ((JsonArray)array!).Select(text => text!.GetValue<string>())];
}

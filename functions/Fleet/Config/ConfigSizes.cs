using System.Text;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Config;

/// <summary>A part of configurations, and how much it adds to them.</summary>
/// <param name="Kind">As the API calls it: <c>packs</c>.</param>
internal sealed record SizedItem(string Kind, string Name, TagSet Tags, int Bytes);

/// <summary>Nodes whose configuration is larger than their agents take, or nearly so.</summary>
/// <param name="Most">What these agents take.</param>
internal sealed record LargeConfig(TagSet Tags, int Nodes, int Bytes, int Most)
{
    public bool IsTooLarge => Bytes > Most;

    public override string ToString()
    {
        var whose = Nodes == 0 ? "of a node" : Nodes == 1 ? "of 1 node" : FormattableString.Invariant($"of {Nodes:N0} nodes");
        var size = FormattableString.Invariant($"The configuration {whose} with the tags {Tags} has {Bytes:N0} bytes, and its agents take at most {Most:N0}");
        return IsTooLarge ? size + ": they keep the one that they have. Give them fewer or smaller packs." : size + ".";
    }
}

/// <summary>How large configurations are. Agents up to osquery 5.23 take 1 MiB, newer ones 4 MiB.</summary>
internal sealed class ConfigSizes(ConfigItems items, NodeCatalog nodes, Limits limits)
{
    /// <summary>From this share of the most that agents take people are warned.</summary>
    private const double Near = 0.8;

    /// <summary>What every configuration has: names of sections, and options that are always there.</summary>
    private const int Base = 256;

    /// <summary>More sets of tags than this are not looked at.</summary>
    private const int MostSets = 5_000;

    private static readonly Version s_lastSmall = new(5, 23);

    private volatile Sizes _current = new(default, []);

    /// <summary>How many bytes an agent takes.</summary>
    public static int MostFor(string? osqueryVersion, Limits limits) =>
        VersionFilter.Read(osqueryVersion) is { } version && new Version(version.Major, version.Minor) > s_lastSmall ? limits.LargeConfigBytes : limits.ConfigBytes;

    public static SizedItem Of(Query query) => new("queries", query.Name, query.Tags, ScheduledQuery.ForAgent(query.Schedule.ToJson()) is { } entry ? BytesOf(query.Name, entry) : 0);

    public static SizedItem Of(Pack pack) => new("packs", pack.Name, pack.Tags, BytesOf(pack.Name, pack.ForAgent()));

    public static SizedItem Of(FilePaths paths) => new("file-paths", paths.Category, paths.Tags, BytesOf(paths.Category, ConfigItems.ToJson(paths.Paths.Concat(paths.ExcludePaths))));

    public static SizedItem Of(OptionSet options) => new("options", options.Name, options.Tags, BytesOf("", options.Config));

    /// <summary>The nodes whose configuration is too large or nearly so, the largest first.</summary>
    /// <param name="changes">Items as they will be; nodes that get none of them are left out. Null for all as it is now.</param>
    /// <param name="ct">Ends it.</param>
    public async ValueTask<IReadOnlyList<LargeConfig>> FindAsync(IReadOnlyList<SizedItem>? changes, CancellationToken ct)
    {
        var changed = (changes ?? []).GroupBy(item => (item.Kind, item.Name)).ToDictionary(same => same.Key, same => same.Last());
        var sized = Current().Where(item => !changed.ContainsKey((item.Kind, item.Name))).Concat(changed.Values).ToList();

        // Nothing can be large where all of it together is not.
        if (sized.Sum(item => (long)item.Bytes) + Base < limits.ConfigBytes * Near) return [];
        var sets = (await nodes.AllAsync(ct)).GroupBy(one => (one.Node.Tags, Most: MostFor(one.Node.OsqueryVersion, limits))).Select(group => (group.Key.Tags, group.Key.Most, Nodes: group.Count()));
        if (changes is not null)
        {
            // A node that has these tags alone: the next that gets them.
            sets = sets.Where(set => changes.Any(item => item.Tags.Meets(set.Tags))).Concat(changes.Select(item => item.Tags).Where(tags => tags.Tags.Count > 0).Distinct().Select(tags => (tags, limits.ConfigBytes, 0)));
        }

        return [.. sets.Take(MostSets).Select(set => new LargeConfig(set.Tags, set.Nodes, Base + sized.Where(item => item.Tags.Meets(set.Tags)).Sum(item => item.Bytes), set.Most))
            .Where(config => config.Bytes > config.Most * Near).GroupBy(config => config.Tags).Select(same => same.MaxBy(config => config.Nodes)!).OrderByDescending(config => config.Bytes)];
    }

    /// <summary>Of all items as they are: written out once for each state of them, and not for each who asks.</summary>
    private IReadOnlyList<SizedItem> Current()
    {
        var versions = items.Versions;
        var current = _current;
        if (current.Of == versions) return current.Items;
        _current = current = new(
            versions, [.. items.Queries.Current.Items.Select(Of), .. items.Packs.Current.Items.Select(Of), .. items.FilePaths.Current.Items.Select(Of), .. items.Options.Current.Items.Select(Of)]);
        return current.Items;
    }

    private sealed record Sizes(ConfigVersions Of, IReadOnlyList<SizedItem> Items);

    private static int BytesOf(string name, JsonNode json) => Encoding.UTF8.GetByteCount(json.ToJsonString()) + name.Length + 4;
}

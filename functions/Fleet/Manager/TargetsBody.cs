using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <summary>Whom a campaign asks.</summary>
/// <param name="All">Every active node.</param>
/// <param name="Match"><c>any</c> (default) or <c>all</c> of the tags.</param>
/// <param name="Sample">A percentage of what the rest chose.</param>
internal sealed record TargetsBody(
    bool All = false, IReadOnlyList<string>? Nodes = null, IReadOnlyList<string>? Tags = null, string? Match = null, IReadOnlyList<string>? Platforms = null, int? Sample = null)
{
    public static TargetsBody Of(Targets targets) => new(
        targets.All, [.. targets.Nodes.Select(node => node.ToString())], targets.Tags, targets.MatchAll ? "all" : "any", targets.Platforms, targets.Sample);

    public async ValueTask<Targets> ReadAsync(NodeStore nodes, List<FieldError> errors, CancellationToken ct)
    {
        var ids = new List<NodeId>();
        if (Nodes?.Count > 1_000) errors.Add(new("targets.nodes", "At most 1,000 nodes are named one by one: give them a tag."));
        foreach (var text in (Nodes ?? []).Take(1_000))
        {
            if (NodeId.TryParse(text, out var id) && await nodes.FindAsync(id, ct) is not null) ids.Add(id);
            else errors.Add(new("targets.nodes", $"There is no node '{text}'."));
        }

        var platforms = (Platforms ?? []).Select(platform => platform.ToLowerInvariant() is "macos" ? "darwin" : platform.ToLowerInvariant()).ToList();
        if (platforms.Find(platform => platform is not ("linux" or "darwin" or "windows" or "freebsd")) is { } unknown)
        {
            errors.Add(new("targets.platforms", $"There is no platform '{unknown}': it is linux, darwin, windows or freebsd."));
        }

        if (Match is not (null or "any" or "all")) errors.Add(new("targets.match", "This is 'any' or 'all'."));
        if (Sample is < 1 or > 100) errors.Add(new("targets.sample", "This is a percentage from 1 to 100."));
        var tags = Tags ?? [];
        var choosesNone = !All && ids.Count == 0 && tags.Count == 0 && platforms.Count == 0 && Sample is null && Nodes is not { Count: > 0 };
        if (choosesNone) errors.Add(new("targets", "Nobody is asked: give all, nodes, tags, platforms or sample."));

        // A sample of nothing else is a sample of all.
        var all = All || (Sample is not null && ids.Count == 0 && tags.Count == 0 && platforms.Count == 0);
        return new(all, ids, tags, Match == "all", platforms, Sample);
    }
}

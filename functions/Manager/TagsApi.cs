using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>A tag, and how many things carry it.</summary>
internal sealed record TagBody(string Name, int Nodes, int Queries, int Packs, int FilePaths, int Options, int EnrollSecrets);

internal static class TagsApi
{
    public static void MapTags(this IEndpointRouteBuilder api) => api.MapGet("/tags", ListAsync).For(Role.Viewer);

    /// <summary>Counts by reading all nodes: one transaction for each thousand.</summary>
    private static async Task<IResult> ListAsync(
        NodeStore nodes, ConfigItems items, EnrollSecrets secrets, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        var counts = new Dictionary<string, int[]>(StringComparer.Ordinal);
        await foreach (var node in nodes.AllAsync(ct)) Count(0, node.Tags);
        foreach (var query in items.Queries.Current.Items) Count(1, query.Tags);
        foreach (var pack in items.Packs.Current.Items) Count(2, pack.Tags);
        foreach (var paths in items.FilePaths.Current.Items) Count(3, paths.Tags);
        foreach (var set in items.Options.Current.Items) Count(4, set.Tags);
        foreach (var secret in await secrets.ListAsync(ct)) Count(5, secret.Tags);
        return TypedResults.Ok(Paging.PageOf(counts, tag => tag.Key, take, after, limits, tag =>
            new TagBody(tag.Key, tag.Value[0], tag.Value[1], tag.Value[2], tag.Value[3], tag.Value[4], tag.Value[5])));

        void Count(int place, TagSet tags)
        {
            foreach (var tag in tags.Tags)
            {
                if (!counts.TryGetValue(tag, out var places)) counts[tag] = places = new int[6];
                places[place]++;
            }
        }
    }
}

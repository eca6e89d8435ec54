using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>A tag, and how many things carry it.</summary>
internal sealed record TagBody(string Name, int Nodes, int Queries, int Packs, int FilePaths, int Options, int EnrollSecrets);

/// <summary>Everything that carries a tag.</summary>
/// <param name="Nodes">At most a thousand: <c>GET /api/nodes?tag=</c> has all.</param>
internal sealed record TaggedBody(
    string Name, int NodeCount, IReadOnlyList<NodeName> Nodes, IReadOnlyList<string> Queries, IReadOnlyList<string> Packs, IReadOnlyList<string> FilePaths, IReadOnlyList<string> Options,
    IReadOnlyList<string> EnrollSecrets);

/// <param name="Items">Queries, packs, file paths, options and enroll secrets.</param>
internal sealed record TagChangeBody(int Nodes, int Items, bool DryRun);

/// <summary>Tags. One is there as long as something carries it. Names may hold anything: slashes are written %2F, or as they are where nothing follows.</summary>
internal static class TagsApi
{
    public static void MapTags(this IEndpointRouteBuilder api)
    {
        api.MapGet("/tags", ListAsync).For(Role.Viewer).Docs<ListOf<TagBody>>("List tags, and how many things carry each");
        api.MapGet("/tags/{**name}", FindAsync).For(Role.Viewer).Docs<TaggedBody>("Read everything that carries a tag");
        api.MapPost("/tags/{name}/rename", (string name, NewName request, bool? dryRun, TagChanges tags, Limits limits, HttpContext http, CancellationToken ct) =>
            RenameAsync(Paging.Name(name), request.Name, dryRun == true, tags, limits, http, ct)).For(Role.Operator).Docs<TagChangeBody>("Rename a tag wherever it is", body: """{"name":"penguins"}""");
        api.MapDelete("/tags/{**name}", (string name, bool? dryRun, TagChanges tags, HttpContext http, CancellationToken ct) =>
            ChangeAsync(Paging.Name(name), null, dryRun == true, tags, http, ct)).For(Role.Operator).Docs<TagChangeBody>("Take a tag off everything");
    }

    private static async Task<IResult> ListAsync(
        NodeCatalog catalog, ConfigItems items, EnrollSecrets secrets, Limits limits, CancellationToken ct, int? take = null, string? after = null, int? page = null, string? q = null)
    {
        var counts = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach (var one in await catalog.AllAsync(ct)) Count(0, one.Node.Tags);
        foreach (var query in items.Queries.Current.Items) Count(1, query.Tags);
        foreach (var pack in items.Packs.Current.Items) Count(2, pack.Tags);
        foreach (var paths in items.FilePaths.Current.Items) Count(3, paths.Tags);
        foreach (var set in items.Options.Current.Items) Count(4, set.Tags);
        foreach (var secret in await secrets.ListAsync(ct)) Count(5, secret.Tags);
        var wanted = counts.Where(tag => q is null || tag.Key.Contains(q, StringComparison.OrdinalIgnoreCase));
        return TypedResults.Ok(Paging.PageOf(wanted, tag => tag.Key, take, after, page, limits, tag =>
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

    private static async Task<IResult> FindAsync(string name, NodeCatalog catalog, ConfigItems items, EnrollSecrets secrets, CancellationToken ct)
    {
        name = Paging.Name(name);
        var nodes = (await catalog.AllAsync(ct)).Where(one => one.Node.Tags.Has(name)).ToList();
        var body = new TaggedBody(
            name, nodes.Count, [.. nodes.Select(one => new NodeName(one.Node.Id.ToString(), one.Node.Name)).OrderBy(node => node.DisplayName, StringComparer.OrdinalIgnoreCase).Take(1_000)],
            Names(items.Queries.Current.Items, query => query.Tags, query => query.Name), Names(items.Packs.Current.Items, pack => pack.Tags, pack => pack.Name),
            Names(items.FilePaths.Current.Items, paths => paths.Tags, paths => paths.Category), Names(items.Options.Current.Items, set => set.Tags, set => set.Name),
            [.. (await secrets.ListAsync(ct)).Where(secret => secret.Tags.Has(name)).Select(secret => secret.Id)]);
        return body is { NodeCount: 0, Queries: [], Packs: [], FilePaths: [], Options: [], EnrollSecrets: [] } ? Problem.NotFound($"tag '{name}' on anything") : TypedResults.Ok(body);

        List<string> Names<T>(IEnumerable<T> all, Func<T, TagSet> tags, Func<T, string> read) => [.. all.Where(item => tags(item).Has(name)).Select(read).Order(StringComparer.Ordinal)];
    }

    private static async Task<IResult> RenameAsync(string name, string to, bool isRehearsal, TagChanges tags, Limits limits, HttpContext http, CancellationToken ct)
    {
        if (TagSet.Fault([to], limits) is { } fault) return Problem.Invalid("name", fault);
        return await ChangeAsync(name, to.Trim(), isRehearsal, tags, http, ct);
    }

    private static async Task<IResult> ChangeAsync(string name, string? to, bool isRehearsal, TagChanges tags, HttpContext http, CancellationToken ct)
    {
        (http.Audit().Target, http.Audit().Before, http.Audit().After) = ("tags/" + name, JsonValue.Create(name), to is null ? null : JsonValue.Create(to));
        var (nodes, items) = await tags.ReplaceAsync(http, name, to, isRehearsal, ct);
        return nodes + items == 0 ? Problem.NotFound($"tag '{name}' on anything") : TypedResults.Ok(new TagChangeBody(nodes, items, isRehearsal));
    }
}

using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Manager;

/// <summary>Something that a node gets.</summary>
/// <param name="Tags">Those that both carry: why it does.</param>
internal sealed record AppliesBody(string Name, IReadOnlyList<string> Tags);

/// <param name="Most">How many bytes the node's version of osquery takes.</param>
/// <param name="Fault">Why it is not sent; null if it is.</param>
internal sealed record ConfigSizeBody(int Bytes, int Most, string? Fault);

/// <summary>What a node gets, and what it sent and did.</summary>
internal static class NodeDetailsApi
{
    public static void MapNodeDetails(this IEndpointRouteBuilder api)
    {
        api.MapGet("/nodes/{id}/config", ConfigAsync).For(Role.Viewer).Docs<System.Text.Json.Nodes.JsonObject>(
            "Read the configuration that a node gets", example: """{"schedule":{"uptime":{"query":"SELECT * FROM uptime;","interval":3600}}}""");
        api.MapGet("/nodes/{id}/config-size", ConfigSizeAsync).For(Role.Viewer).Docs<ConfigSizeBody>("Say how large the configuration of a node is");
        api.MapGet("/nodes/{id}/packs", (string id, NodeStore nodes, ConfigItems items, Limits limits, int? take, string? after, int? page, CancellationToken ct) =>
            AppliesAsync(id, nodes, new(take, after, page, limits), items.Packs.Current.Items, pack => (pack.Name, pack.Tags), ct)).For(Role.Viewer).Docs<ListOf<AppliesBody>>("List the packs that a node gets, and why");
        api.MapGet("/nodes/{id}/queries", (string id, NodeStore nodes, ConfigItems items, Limits limits, int? take, string? after, int? page, CancellationToken ct) =>
            AppliesAsync(id, nodes, new(take, after, page, limits), items.Queries.Current.Items.Where(query => !query.Schedule.Disabled), query => (query.Name, query.Tags), ct)).For(Role.Viewer).Docs<ListOf<AppliesBody>>("List the queries that a node gets, and why");
        api.MapGet("/nodes/{id}/file-paths", (string id, NodeStore nodes, ConfigItems items, Limits limits, int? take, string? after, int? page, CancellationToken ct) =>
            AppliesAsync(id, nodes, new(take, after, page, limits), items.FilePaths.Current.Items, paths => (paths.Category, paths.Tags), ct)).For(Role.Viewer).Docs<ListOf<AppliesBody>>("List the file paths that a node watches, and why");
        api.MapGet("/nodes/{id}/options", (string id, NodeStore nodes, ConfigItems items, Limits limits, int? take, string? after, int? page, CancellationToken ct) =>
            AppliesAsync(id, nodes, new(take, after, page, limits), items.Options.Current.Items, set => (set.Name, set.Tags), ct)).For(Role.Viewer).Docs<ListOf<AppliesBody>>("List the sets of options that a node gets, and why");
        api.MapGet("/nodes/{id}/results", ResultsAsync).For(Role.Viewer).Docs<ListOf<ResultBody>>("List what a node's queries brought, newest first");
        api.MapGet("/nodes/{id}/status-logs", StatusLogsAsync).For(Role.Viewer).Docs<ListOf<StatusBody>>("List a node's status logs, newest first");
        api.MapGet("/nodes/{id}/activity", ActivityAsync).For(Role.Viewer).Docs<ListOf<NodeEvent>>("List what happened to a node, newest first");
    }

    private static async Task<IResult> ConfigAsync(string id, NodeStore nodes, ConfigAssembler assembler, Limits limits, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return NodesApi.Missing(id);
        var config = assembler.For(node.Tags);
        return config.FaultFor(node.OsqueryVersion, limits) is { } fault ? Problem.Conflict(fault) : TypedResults.Bytes(config.Json, "application/json");
    }

    private static async Task<IResult> ConfigSizeAsync(string id, NodeStore nodes, ConfigAssembler assembler, Limits limits, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return NodesApi.Missing(id);
        var config = assembler.For(node.Tags);
        return TypedResults.Ok(new ConfigSizeBody(config.WithEtag.Length, ConfigSizes.MostFor(node.OsqueryVersion, limits), config.FaultFor(node.OsqueryVersion, limits)));
    }

    private static async Task<IResult> AppliesAsync<T>(string id, NodeStore nodes, PageWish wish, IEnumerable<T> items, Func<T, (string Name, TagSet Tags)> read, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return NodesApi.Missing(id);
        var applied = items.Select(read).Where(item => item.Tags.Meets(node.Tags));
        return TypedResults.Ok(Paging.PageOf(applied, item => item.Name, wish.Take, wish.After, wish.Page, wish.Limits, item => new AppliesBody(item.Name, [.. item.Tags.Tags.Where(node.Tags.Has)])));
    }

    private static async Task<IResult> ResultsAsync(
        string id, ResultPages pages, Limits limits, CancellationToken ct, string? query = null, DateTimeOffset? from = null, DateTimeOffset? to = null, int? take = null, string? after = null)
    {
        if (!NodeId.TryParse(id, out var key)) return NodesApi.Missing(id);
        var page = await pages.ResultsAsync(key, new(query, from, to), Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(row => ResultsApi.Body(key, row)));
    }

    private static async Task<IResult> StatusLogsAsync(
        string id, ResultPages pages, Limits limits, CancellationToken ct, DateTimeOffset? from = null, DateTimeOffset? to = null, int? take = null, string? after = null)
    {
        if (!NodeId.TryParse(id, out var key)) return NodesApi.Missing(id);
        var page = await pages.StatusLogsAsync(key, new(null, from, to), Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(line => ResultsApi.Body(key, line)));
    }

    private static async Task<IResult> ActivityAsync(string id, NodeStore nodes, NodeTimeline timeline, Limits limits, TimeProvider clock, CancellationToken ct, DateTimeOffset? from = null, int? take = null, string? after = null)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return NodesApi.Missing(id);
        return TypedResults.Ok(Paging.Numbered(await timeline.ReadAsync(node, from ?? clock.GetUtcNow().AddDays(-7), ct), take, after, limits));
    }

    private sealed record PageWish(int? Take, string? After, int? Page, Limits Limits);
}

using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Manager;

/// <param name="Pending">It enrolled again and waits to be let in: <c>PATCH {"active":true}</c> does.</param>
/// <param name="Cloned">Several installations share its identifier.</param>
internal sealed record NodeBody(
    string Id, string HostIdentifier, string DisplayName, string Platform, string OsqueryVersion, IReadOnlyList<string> Tags, bool Active, bool Pending, bool Cloned,
    DateTimeOffset? EnrolledAt, DateTimeOffset? LastSeenAt, string? LastAddress, IReadOnlyDictionary<string, string> Info, JsonNode? HostDetails);

/// <summary>A node that is made before its machine comes, with a secret of its own.</summary>
internal sealed record NewNode(string? DisplayName = null, IReadOnlyList<string>? Tags = null);

internal sealed record NewNodeBody(NodeBody Node, string EnrollSecret);

/// <summary>What of a node people change; what is left out stays. An empty displayName gives the machine its own name back.</summary>
internal sealed record NodePatch(string? DisplayName = null, IReadOnlyList<string>? Tags = null, bool? Active = null);

/// <summary>One row of a result.</summary>
/// <param name="Empty">A snapshot that holds no rows.</param>
/// <param name="Fault">Why the line is no result; its text is in <paramref name="Raw"/>.</param>
internal sealed record ResultBody(
    string Name, string Action, DateTimeOffset Time, JsonObject Columns, string? HostIdentifier, long? Epoch, long? Counter, JsonObject? Decorations, bool? Empty,
    string? Fault, string? Raw);

internal sealed record StatusBody(DateTimeOffset Time, int Severity, string Filename, int Line, string Message, string Version, JsonObject Decorations);

internal static class NodesApi
{
    public static void MapNodes(this IEndpointRouteBuilder api)
    {
        api.MapGet("/nodes", ListAsync).For(Role.Viewer);
        api.MapPost("/nodes", CreateAsync).For(Role.Admin);
        api.MapGet("/nodes/{id}", FindAsync).For(Role.Viewer);
        api.MapPatch("/nodes/{id}", ChangeAsync).For(Role.Operator);
        api.MapDelete("/nodes/{id}", RemoveAsync).For(Role.Operator);
        api.MapGet("/nodes/{id}/config", ConfigAsync).For(Role.Viewer);
        api.MapGet("/nodes/{id}/results", ResultsAsync).For(Role.Viewer);
        api.MapGet("/nodes/{id}/status-logs", StatusLogsAsync).For(Role.Viewer);
    }

    private static async Task<IResult> ListAsync(NodeStore nodes, LastSeen seen, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        var page = await nodes.PageAsync(Paging.Take(take, limits), after, ct);
        var times = page.Items.Count == 0 ? [] : await seen.BetweenAsync(page.Items[0].Id, page.Items[^1].Id, ct);
        return TypedResults.Ok(page.Select(node => Body(node, times.GetValueOrDefault(node.Id))));
    }

    private static async Task<IResult> CreateAsync(NewNode request, NodeStore nodes, EnrollSecrets secrets, Limits limits, TimeProvider clock, CancellationToken ct)
    {
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } fault) return Problem.Invalid("tags", fault);
        var node = new Node(
            NodeId.Random(), HostIdentifier: "", request.DisplayName, Platform: "", OsqueryVersion: "", TagSet.Of(request.Tags ?? []), Active: true, Epoch: 0,
            clock.GetUtcNow(), EnrolledAt: null, Announced: false, Pending: false, LetIn: false, InstanceIds: [], IsCloned: false, new Dictionary<string, string>(), null);
        await nodes.InsertAsync(node, ct);
        var (_, text) = await secrets.CreateAsync($"node {node.Name}", TagSet.None, expiresAt: null, maxUses: null, node.Id, text: null, ct);
        return TypedResults.Created($"/api/nodes/{node.Id}", new NewNodeBody(Body(node, null), text));
    }

    private static async Task<IResult> FindAsync(string id, NodeStore nodes, LastSeen seen, CancellationToken ct) =>
        NodeId.TryParse(id, out var key) && await nodes.FindAsync(key, ct) is { } node
            ? TypedResults.Ok(Body(node, await seen.FindAsync(key, ct)))
            : Missing(id);

    private static async Task<IResult> ChangeAsync(string id, NodePatch patch, NodeStore nodes, LastSeen seen, Limits limits, CancellationToken ct)
    {
        if (patch.Tags is { } tags && TagSet.Fault([.. tags], limits) is { } fault) return Problem.Invalid("tags", fault);
        if (patch.DisplayName?.Length > limits.NameCharacters) return Problem.Invalid("displayName", $"At most {limits.NameCharacters} characters fit.");
        if (!NodeId.TryParse(id, out var key)) return Missing(id);
        var node = await nodes.ChangeAsync(
            key,
            before => before with
            {
                DisplayName = patch.DisplayName is null ? before.DisplayName : patch.DisplayName.Trim() is { Length: > 0 } name ? name : null,
                Tags = patch.Tags is null ? before.Tags : TagSet.Of(patch.Tags),
                Active = patch.Active ?? before.Active,
                Pending = patch.Active is null && before.Pending,
                LetIn = before.LetIn || (patch.Active == true && before.Pending),
            },
            ct);
        return node is null ? Missing(id) : TypedResults.Ok(Body(node, await seen.FindAsync(key, ct)));
    }

    private static async Task<IResult> RemoveAsync(string id, NodeStore nodes, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is null) return Missing(id);
        await nodes.RemoveAsync(key, ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ConfigAsync(string id, NodeStore nodes, ConfigAssembler assembler, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return Missing(id);
        var config = assembler.For(node.Tags);
        return config.Fault is { } fault ? Problem.Conflict(fault) : TypedResults.Bytes(config.Json, "application/json");
    }

    private static async Task<IResult> ResultsAsync(
        string id, ResultPages pages, Limits limits, CancellationToken ct, string? query = null, DateTimeOffset? from = null, DateTimeOffset? to = null, int? take = null, string? after = null)
    {
        if (!NodeId.TryParse(id, out var key)) return Missing(id);
        var page = await pages.ResultsAsync(key, new(query, from, to), Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(Body));
    }

    private static async Task<IResult> StatusLogsAsync(
        string id, ResultPages pages, Limits limits, CancellationToken ct, DateTimeOffset? from = null, DateTimeOffset? to = null, int? take = null, string? after = null)
    {
        if (!NodeId.TryParse(id, out var key)) return Missing(id);
        var page = await pages.StatusLogsAsync(key, new(null, from, to), Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(line => new StatusBody(
            line.Time, line.Severity, line.Filename, line.Line, line.Message, line.Version, Columns(line.Decorations))));
    }

    private static IResult Missing(string id) => Problem.NotFound($"node '{id}'");

    private static NodeBody Body(Node node, Seen? seen) => new(
        node.Id.ToString(), node.HostIdentifier, node.Name, node.Platform, node.OsqueryVersion, node.Tags.Tags, node.Active, node.Pending, node.IsCloned, node.EnrolledAt,
        seen?.At ?? node.EnrolledAt, seen?.Address, node.Info, Details(node));

    /// <summary>Written out column by column: what agents send may hold lone surrogates and nest deeply.</summary>
    private static JsonObject? Details(Node node)
    {
        if (node.HostDetails is null) return null;
        var details = new JsonObject();
        foreach (var (table, value) in LineReader.ReadRow(node.HostDetails))
        {
            details[table] = value is { IsRaw: false, Text: ['{', ..] json } ? Columns(LineReader.ReadRow(System.Text.Encoding.UTF8.GetBytes(json))) : value.Text;
        }

        return details;
    }

    private static ResultBody Body(ResultRow row) => new(
        row.Name, row.Action, row.Time, Columns(row.Columns), row.HostIdentifier is { Length: > 0 } host ? host : null, row.Epoch, row.Counter,
        row.Decorations.Count > 0 ? Columns(row.Decorations) : null,
        row.IsEmpty ? true : null, row.Fault, row.Fault is null ? null : System.Text.Encoding.UTF8.GetString(row.Raw.Span));

    internal static JsonObject Columns(IEnumerable<KeyValuePair<string, ColumnValue>> columns)
    {
        var json = new JsonObject();
        foreach (var (name, value) in columns) json[name] = value.IsRaw && value.Text is not null ? JsonNode.Parse(value.Text) : value.Text;
        return json;
    }
}

using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <param name="Filter">At least one member: <c>{"statuses":[…all six…]}</c> is everything.</param>
/// <param name="Change">What PATCH takes, without a name.</param>
/// <param name="DryRun">Only say what would be done.</param>
internal sealed record BulkRequest(NodeFilter Filter, NodePatch Change, bool DryRun = false);

/// <param name="Matched">Nodes that the filter finds.</param>
/// <param name="Changed">Those that are, or would be, different.</param>
/// <param name="Sample">The first of those.</param>
internal sealed record BulkBody(int Matched, int Changed, bool DryRun, IReadOnlyList<NodeName> Sample);

internal sealed record NodeName(string Id, string DisplayName);

/// <param name="Keep">The installation that stays; the others are forgotten, or get nodes of their own.</param>
internal sealed record KeepInstance(string Keep);

/// <param name="InstanceIds">osquery installations behind one identifier, the one that enrolled last first.</param>
internal sealed record DuplicateBody(string NodeId, string DisplayName, string HostIdentifier, IReadOnlyList<string> InstanceIds);

/// <summary>What people do with nodes beside changing them.</summary>
internal static class NodeActionsApi
{
    public static void MapNodeActions(this IEndpointRouteBuilder api)
    {
        api.MapPost("/nodes/bulk", BulkAsync).For(Role.Operator).Docs<BulkBody>(
            "Change tags and state of all nodes that a filter finds", id: "changeNodes", body: """{"filter":{"platforms":["linux"]},"change":{"addTags":["penguins"]},"dryRun":true}""");
        api.MapPost("/nodes/{id}/revoke", RevokeAsync).For(Role.Operator).Docs<NodeBody>("Revoke a node's key: it must enroll again");
        api.MapPost("/nodes/{id}/approve", ApproveAsync).For(Role.Operator).Docs<NodeBody>("Let in a node that enrolled again");
        api.MapGet("/nodes/duplicates", DuplicatesAsync).For(Role.Viewer).Docs<ListOf<DuplicateBody>>("List identifiers that several installations share", id: "listDuplicates");
        api.MapPost("/nodes/{id}/duplicates/resolve", ResolveAsync).For(Role.Operator).Docs<NodeBody>(
            "Keep one installation of several", id: "resolveDuplicate", body: """{"keep":"5d2f0d9c-0000-0000-0000-000000000001"}""");
        api.MapPost("/nodes/{id}/duplicates/split", SplitAsync).For(Role.Operator).Docs<NodeBody>(
            "Make each installation but one a node of its own, with the same tags", id: "splitDuplicates", body: """{"keep":"5d2f0d9c-0000-0000-0000-000000000001"}""");
    }

    private static async Task<IResult> BulkAsync(BulkRequest request, NodeQuery query, NodeChanges changes, HttpContext http, CancellationToken ct)
    {
        var errors = request.Filter.Errors().Select(error => error with { Path = "filter." + error.Path }).Concat(changes.Errors(request.Change).Select(error => error with { Path = "change." + error.Path })).ToList();
        if (request.Filter.IsEmpty) errors.Add(new("filter", "A filter has at least one member, so that nobody changes the whole fleet by mistake."));
        if (request.Change.DisplayName is not null) errors.Add(new("change.displayName", "Names are given one by one."));
        if (errors.Count > 0) return Problem.Invalid(errors);

        var matched = await query.FindAsync(request.Filter, ct);
        var different = matched.Where(one => !ReferenceEquals(changes.Of(one.Node, request.Change), one.Node)).ToList();
        var sample = different.Take(20).Select(one => new NodeName(one.Node.Id.ToString(), one.Node.Name)).ToList();
        http.Audit().Reason = $"{different.Count} of {matched.Count} nodes{(request.DryRun ? ", dry run" : "")}";
        http.Audit().After = System.Text.Json.JsonSerializer.SerializeToNode(request, ManagerJson.Strict.BulkRequest);
        if (request.DryRun) return TypedResults.Ok(new BulkBody(matched.Count, different.Count, DryRun: true, sample));

        // Whom it is about was decided by the filter; what they are then is looked at again with each write.
        var changed = await changes.ApplyAsync(http, different.Select(one => one.Node.Id).ToHashSet(), node => changes.Of(node, request.Change), ct);
        return TypedResults.Ok(new BulkBody(matched.Count, changed, DryRun: false, sample));
    }

    private static Task<IResult> RevokeAsync(string id, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http) =>
        ChangeAsync(id, node => node with { Epoch = node.Epoch + 1 }, changes, seen, query, http);

    private static Task<IResult> ApproveAsync(string id, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http) =>
        ChangeAsync(id, node => node.Pending ? node with { Active = true, Pending = false, LetIn = true } : node, changes, seen, query, http);

    private static async Task<IResult> DuplicatesAsync(NodeQuery query, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        var cloned = (await query.FindAsync(new(), ct)).Where(one => one.Node.IsCloned);
        return TypedResults.Ok(Paging.PageOf(cloned, one => one.Node.Id.ToString(), take, after, number: null, limits, one =>
            new DuplicateBody(one.Node.Id.ToString(), one.Node.Name, one.Node.HostIdentifier, one.Node.InstanceIds)));
    }

    /// <summary>All must enroll again; if the other one does too, it is shown again.</summary>
    private static Task<IResult> ResolveAsync(string id, KeepInstance request, NodeStore nodes, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http, CancellationToken ct) =>
        KeepAsync(id, request, isSplit: false, nodes, changes, seen, query, http, ct);

    /// <summary>All must enroll again, and do within a minute or so.</summary>
    private static Task<IResult> SplitAsync(string id, KeepInstance request, NodeStore nodes, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http, CancellationToken ct) =>
        KeepAsync(id, request, isSplit: true, nodes, changes, seen, query, http, ct);

    private static async Task<IResult> KeepAsync(string id, KeepInstance request, bool isSplit, NodeStore nodes, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return NodesApi.Missing(id);
        if (!node.InstanceIds.Contains(request.Keep)) return Problem.Invalid("keep", $"This is one of {string.Join(", ", node.InstanceIds)}.");
        return await ChangeAsync(id, before => before with { InstanceIds = [request.Keep], IsCloned = false, IsSplit = isSplit || before.IsSplit, Epoch = before.Epoch + 1 }, changes, seen, query, http);
    }

    private static async Task<IResult> ChangeAsync(string id, Func<Node, Node> change, NodeChanges changes, LastSeen seen, NodeQuery query, HttpContext http) =>
        NodeId.TryParse(id, out var key) && await changes.ApplyAsync(http, key, change) is { } after
            ? TypedResults.Ok(NodesApi.Body(after, await seen.FindAsync(key, http.RequestAborted), query))
            : NodesApi.Missing(id);
}

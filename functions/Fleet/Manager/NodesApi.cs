using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Manager;

/// <param name="Status"><c>online</c>, <c>offline</c>, <c>silent</c>, <c>never_reported</c>, <c>pending</c> or <c>inactive</c>.</param>
/// <param name="Pending">It enrolled again and waits to be let in.</param>
/// <param name="Cloned">Several installations share its identifier.</param>
/// <param name="Info">What queries said of the machine.</param>
/// <param name="Denylisted">Queries that its agent leaves alone for a day, since it was ended while it ran them.</param>
/// <param name="HostDetails">What the agent said when it enrolled; not in lists.</param>
internal sealed record NodeBody(
    string Id, string HostIdentifier, string DisplayName, string Status, string Platform, string OsqueryVersion, IReadOnlyList<string> Tags, bool Active, bool Pending, bool Cloned,
    DateTimeOffset? EnrolledAt, DateTimeOffset? LastSeenAt, string? LastAddress, IReadOnlyDictionary<string, string> Info, IReadOnlyList<DenylistedQuery> Denylisted, JsonNode? HostDetails);

/// <param name="Query">A query of the schedule by its name, or the SQL of a distributed one.</param>
/// <param name="At">When the agent denylisted it, for a day.</param>
internal sealed record DenylistedQuery(string Query, DateTimeOffset At);

/// <summary>A node that is made before its machine comes, with a secret of its own.</summary>
internal sealed record NewNode(string? DisplayName = null, IReadOnlyList<string>? Tags = null);

internal sealed record NewNodeBody(NodeBody Node, string EnrollSecret);

/// <summary>What of a node people change; what is left out stays. An empty displayName gives the machine its own name back.</summary>
/// <param name="Tags">Replaces all tags. To change some of them whatever the others are, use the next two.</param>
/// <param name="Active">Also lets in a node that is pending.</param>
internal sealed record NodePatch(
    string? DisplayName = null, IReadOnlyList<string>? Tags = null, IReadOnlyList<string>? AddTags = null, IReadOnlyList<string>? RemoveTags = null, bool? Active = null);

internal sealed record NodeLookup(string Identifier);

/// <summary>Machines.</summary>
internal static class NodesApi
{
    private static readonly string[] s_csv =
        ["id", "displayName", "hostIdentifier", "status", "platform", "osqueryVersion", "tags", "active", "enrolledAt", "lastSeenAt", "lastAddress"];

    public static void MapNodes(this IEndpointRouteBuilder api)
    {
        api.MapGet("/nodes", ListAsync).For(Role.Viewer).Docs<ListOf<NodeBody>>("List nodes: filtered, sorted, in pages");
        api.MapGet("/nodes.csv", Csv).For(Role.Viewer).IsExport().Stream().DocsFile("Export nodes as CSV", Export.Csv);
        api.MapPost("/nodes", CreateAsync).For(Role.Admin).Docs<NewNodeBody>("Make a node before its machine comes", body: """{"displayName":"db-7","tags":["prod"]}""", status: [201]);
        api.MapPost("/nodes/lookup", LookUpAsync).For(Role.Viewer).ReadsOnly().Docs<ListOf<NodeBody>>(
            "Find nodes by host identifier, name, address or hardware serial", id: "lookUpNodes", body: """{"identifier":"web-1"}""");
        api.MapGet("/nodes/{id}", FindAsync).For(Role.Viewer).Docs<NodeBody>("Read a node");
        api.MapPatch("/nodes/{id}", ChangeAsync).For(Role.Operator).Docs<NodeBody>("Change a node", body: """{"displayName":"the printer","addTags":["prod"]}""");
        api.MapDelete("/nodes/{id}", RemoveAsync).For(Role.Operator).Docs("Remove a node, which may enroll anew");
    }

    private static async Task<IResult> ListAsync(
        NodeQuery query, Limits limits, CancellationToken ct, string? q = null, string? tag = null, string? allTags = null, string? noTags = null, bool? untagged = null,
        string? platform = null, string? status = null, string? osqueryVersion = null, DateTimeOffset? seenSince = null, DateTimeOffset? seenBefore = null, string? denylisted = null, string? sort = null, string? order = null,
        int? take = null, string? after = null, int? page = null)
    {
        var filter = Filter(q, tag, allTags, noTags, untagged, platform, status, osqueryVersion, seenSince, seenBefore) with { Denylisted = denylisted };
        if (Check(filter, sort, order) is { } fault) return fault;
        return TypedResults.Ok(await query.PageAsync(filter, sort ?? "id", order == "desc", take, after, page, limits, one => Body(one.Node, one.Seen, query), ct));
    }

    /// <summary>Names and what else comes from machines may look like formulas: see <see cref="CsvRows"/>.</summary>
    private static async Task<IResult> Csv(
        NodeQuery query, CancellationToken ct, string? q = null, string? tag = null, string? allTags = null, string? noTags = null, bool? untagged = null, string? platform = null, string? status = null,
        string? osqueryVersion = null, DateTimeOffset? seenSince = null, DateTimeOffset? seenBefore = null, string? denylisted = null)
    {
        var filter = Filter(q, tag, allTags, noTags, untagged, platform, status, osqueryVersion, seenSince, seenBefore) with { Denylisted = denylisted };
        if (Check(filter, null, null) is { } fault) return fault;
        var found = (await query.FindAsync(filter, ct)).OrderBy(one => one.Node.Name, StringComparer.OrdinalIgnoreCase).ToList();
        var info = found.SelectMany(one => one.Node.Info.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        return new Export<CatalogNode>("nodes", "csv", found.ToAsyncEnumerable(), one => Row(Body(one.Node, one.Seen, query)), [.. s_csv, .. info]);
    }

    private static async Task<IResult> CreateAsync(NewNode request, NodeStore nodes, EnrollSecrets secrets, NodeQuery query, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } fault) return Problem.Invalid("tags", fault);
        if (request.DisplayName?.Length > limits.NameCharacters) return Problem.Invalid("displayName", $"At most {limits.NameCharacters} characters fit.");
        var node = new Node(
            NodeId.Random(), HostIdentifier: "", request.DisplayName, Platform: "", OsqueryVersion: "", TagSet.Of(request.Tags ?? []), Active: true, Epoch: 0,
            clock.GetUtcNow(), EnrolledAt: null, Announced: false, Pending: false, LetIn: false, InstanceIds: [], IsCloned: false, new Dictionary<string, string>(), null);
        await nodes.InsertAsync(node, ct);
        var (_, text) = await secrets.CreateAsync($"node {node.Name}", TagSet.None, expiresAt: null, maxUses: null, node.Id, text: null, ct);
        http.Audit().Target = "nodes/" + node.Id;
        return TypedResults.Created($"/api/nodes/{node.Id}", new NewNodeBody(Body(node, null, query), text));
    }

    /// <summary>By POST, so that what identifies a person's machine is in no log of addresses.</summary>
    private static async Task<IResult> LookUpAsync(NodeLookup request, NodeQuery query, NodeStore nodes, LastSeen seen, CancellationToken ct)
    {
        var wanted = request.Identifier.Trim();
        if (wanted.Length is 0 or > 1_024) return Problem.Invalid("identifier", "This is an identifier, a name, an address or a serial of up to 1,024 characters.");

        // The two that need no search first.
        var found = new List<NodeBody>();
        foreach (var id in new[] { NodeId.TryParse(wanted, out var own) ? own : default, NodeId.OfHost(wanted), NodeId.OfCertificate(wanted) })
        {
            if (await nodes.FindAsync(id, ct) is { } node) found.Add(Body(node, await seen.FindAsync(id, ct), query));
        }

        var others = await query.FindAsync(new(), ct);
        found.AddRange(others.Where(one => Is(one.Node.Name) || Is(one.Node.HostIdentifier) || Is(one.Seen?.Address) || one.Node.Info.Values.Any(Is)).Select(one => Body(one.Node, one.Seen, query)));
        return TypedResults.Ok(new ListOf<NodeBody>([.. found.DistinctBy(node => node.Id).Take(100)], Next: null));

        bool Is(string? text) => string.Equals(text, wanted, StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<IResult> FindAsync(string id, NodeStore nodes, LastSeen seen, NodeQuery query, HttpContext http, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return Missing(id);
        http.ShowEtag(NodeChanges.EtagOf(node));
        return TypedResults.Ok(Body(node, await seen.FindAsync(key, ct), query));
    }

    private static async Task<IResult> ChangeAsync(string id, NodePatch patch, NodeChanges changes, NodeStore nodes, LastSeen seen, NodeQuery query, HttpContext http, CancellationToken ct)
    {
        if (changes.Errors(patch) is { Count: > 0 } errors) return Problem.Invalid(errors);
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } before) return Missing(id);
        if (Preconditions.Fault(http.Request, NodeChanges.EtagOf(before), isRequired: false) is { } fault) return fault;
        return await changes.ApplyAsync(http, key, node => changes.Of(node, patch), http.Request.Headers.IfMatch.Count > 0 ? before : null) is { } after
            ? TypedResults.Ok(Body(after, await seen.FindAsync(key, ct), query))
            : Missing(id);
    }

    private static async Task<IResult> RemoveAsync(string id, NodeStore nodes, HttpContext http, CancellationToken ct)
    {
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node) return Missing(id);
        if (Preconditions.Fault(http.Request, NodeChanges.EtagOf(node), isRequired: false) is { } fault) return fault;
        (http.Audit().Target, http.Audit().Before) = ("nodes/" + id, NodeChanges.Json(node));
        await nodes.RemoveAsync(key, ct);
        return TypedResults.NoContent();
    }

    internal static NodeFilter Filter(
        string? q, string? tag, string? allTags, string? noTags, bool? untagged, string? platform, string? status, string? osqueryVersion, DateTimeOffset? seenSince, DateTimeOffset? seenBefore) =>
        new(q, Words(tag), Words(allTags), Words(noTags), untagged == true, Words(platform), Words(status), Words(osqueryVersion), seenSince, seenBefore);

    internal static string[] Words(string? text) => text?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static IResult? Check(NodeFilter filter, string? sort, string? order)
    {
        var errors = filter.Errors().Select(error => error with { Path = "status" }).ToList();
        if (sort is not null && !NodeQuery.Orders.Contains(sort)) errors.Add(new("sort", $"This is one of {string.Join(", ", NodeQuery.Orders)}."));
        if (order is not (null or "asc" or "desc")) errors.Add(new("order", "This is asc or desc."));
        return errors.Count > 0 ? Problem.Invalid(errors) : null;
    }

    internal static IResult Missing(string id) => Problem.NotFound($"node '{id}'");

    internal static NodeBody Body(Node node, Seen? seen, NodeQuery query) => new(
        node.Id.ToString(), node.HostIdentifier, node.Name, PresenceSettings.NameOf(query.StatusOf(node, seen)), node.Platform, node.OsqueryVersion, node.Tags.Tags, node.Active, node.Pending,
        node.IsCloned, node.EnrolledAt, seen?.At ?? node.EnrolledAt, seen?.Address, node.Info, [.. query.DenylistedOf(node).Select(one => new DenylistedQuery(one.Key, one.Value))], Details(node));

    private static JsonObject Row(NodeBody node)
    {
        var row = new JsonObject
        {
            ["id"] = node.Id,
            ["displayName"] = node.DisplayName,
            ["hostIdentifier"] = node.HostIdentifier,
            ["status"] = node.Status,
            ["platform"] = node.Platform,
            ["osqueryVersion"] = node.OsqueryVersion,
            ["tags"] = string.Join(", ", node.Tags),
            ["active"] = node.Active ? "true" : "false",
            ["enrolledAt"] = node.EnrolledAt is { } enrolled ? UtcTime.Text(enrolled) : "",
            ["lastSeenAt"] = node.LastSeenAt is { } seen ? UtcTime.Text(seen) : "",
            ["lastAddress"] = node.LastAddress ?? "",
        };
        foreach (var (name, value) in node.Info) row.TryAdd(name, value);
        return row;
    }

    /// <summary>Written out column by column: what agents send may hold lone surrogates and nest deeply.</summary>
    private static JsonObject? Details(Node node)
    {
        if (node.HostDetails is null) return null;
        var details = new JsonObject();
        foreach (var (table, value) in LineReader.ReadRow(node.HostDetails))
        {
            details[table] = value is { IsRaw: false, Text: ['{', ..] json } && LineReader.ReadRow(json) is { Count: > 0 } members ? Rows.Columns(members) : value.Text;
        }

        return details;
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Microsoft.Extensions.Primitives;

namespace Fleet.Manager;

/// <summary>One row of a result.</summary>
/// <param name="Name">The query, as the agent names it: <c>uptime</c>, or <c>pack/NAME/QUERY</c>.</param>
/// <param name="Action"><c>added</c>, <c>removed</c>, <c>snapshot</c>, or <c>triggered</c> for what Fleet makes itself.</param>
/// <param name="Empty">A snapshot that holds no rows.</param>
/// <param name="Fault">Why the line is no result; its text is in <c>raw</c>.</param>
internal sealed record ResultBody(
    string NodeId, string Name, string Action, DateTimeOffset Time, JsonObject Columns, string? HostIdentifier, long? Epoch, long? Counter, JsonObject? Decorations, bool? Empty,
    string? Fault, string? Raw);

/// <param name="Severity">0 info, 1 warning, 2 error, 3 fatal.</param>
internal sealed record StatusBody(string NodeId, DateTimeOffset Time, int Severity, string Filename, int Line, string Message, string Version, JsonObject Decorations);

/// <summary>Search over all nodes, by the index, newest hour first. A page may end early, or empty, with a <c>next</c>: then the search goes on there.</summary>
internal static class ResultsApi
{
    private const string Column = "column.";
    private static readonly string[] s_actions = ["added", "removed", "snapshot", "triggered"];
    private static readonly string[] s_status = ["nodeId", "time", "severity", "filename", "line", "message", "version", "decorations"];
    private static readonly string[] s_result = ["nodeId", "hostIdentifier", "name", "action", "time", "epoch", "counter", "decorations"];

    public static void MapResults(this IEndpointRouteBuilder api)
    {
        api.MapGet("/results", SearchAsync).For(Role.Viewer).Takes(Column).Docs<ListOf<ResultBody>>("Search the results of all nodes");
        api.MapGet("/results/export", ExportAsync).For(Role.Viewer).Takes(Column).IsExport().Stream().DocsFile("Export results", Export.Ndjson, Export.Csv);
        api.MapGet("/status-logs", SearchStatusAsync).For(Role.Viewer).Docs<ListOf<StatusBody>>("Search the status logs of all nodes");
        api.MapGet("/status-logs/export", ExportStatusAsync).For(Role.Viewer).IsExport().Stream().DocsFile("Export status logs", Export.Ndjson, Export.Csv);
    }

    private static async Task<IResult> SearchAsync(
        ResultSearch search, NodeCatalog catalog, Limits limits, HttpContext http, CancellationToken ct, string? query = null, string? node = null, string? tag = null, DateTimeOffset? from = null,
        DateTimeOffset? to = null, string? action = null, int? take = null, string? after = null)
    {
        if (Check(http, action) is { } fault) return fault;
        if (await FilterAsync(http, catalog, query, node, tag, from, to, action, ct) is not { } filter) return s_badNode;
        var page = await search.ResultsAsync(filter, Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(found => Body(found.NodeId, found.Item)));
    }

    private static async Task<IResult> ExportAsync(
        ResultSearch search, NodeCatalog catalog, Inbox inbox, TimeProvider clock, HttpContext http, CancellationToken ct, string? format = null, bool? trailer = null, string? query = null, string? node = null, string? tag = null, DateTimeOffset? from = null,
        DateTimeOffset? to = null, string? action = null)
    {
        if (Check(http, action) is { } fault) return fault;
        if (await FilterAsync(http, catalog, query, node, tag, from, to, action, ct) is not { } filter) return s_badNode;
        var isCsv = format == "csv";
        return new Export<Found<ResultRow>>("results", format, search.AllResultsAsync(filter, ct), found => Json(found, isCsv), isCsv ? s_result : null, await inbox.CompleteUpToAsync(ct) ?? clock.GetUtcNow());
    }

    private static async Task<IResult> SearchStatusAsync(
        ResultSearch search, NodeCatalog catalog, Limits limits, CancellationToken ct, string? node = null, string? tag = null, DateTimeOffset? from = null, DateTimeOffset? to = null, int? severity = null,
        string? q = null, int? take = null, string? after = null)
    {
        if (!TryNode(node, out _)) return s_badNode;
        var filter = new StatusFilter(await NodesAsync(catalog, node, tag, ct), from, to, severity ?? 0, q);
        return TypedResults.Ok((await search.StatusLogsAsync(filter, Paging.Take(take, limits), after, ct)).Select(found => Body(found.NodeId, found.Item)));
    }

    private static async Task<IResult> ExportStatusAsync(
        ResultSearch search, NodeCatalog catalog, Inbox inbox, TimeProvider clock, CancellationToken ct, string? format = null, bool? trailer = null, string? node = null, string? tag = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        int? severity = null, string? q = null)
    {
        if (!TryNode(node, out _)) return s_badNode;
        var filter = new StatusFilter(await NodesAsync(catalog, node, tag, ct), from, to, severity ?? 0, q);
        return new Export<Found<StatusLine>>("status-logs", format, search.AllStatusLogsAsync(filter, ct), found => new()
        {
            ["nodeId"] = found.NodeId.ToString(),
            ["time"] = UtcTime.Text(found.Item.Time),
            ["severity"] = found.Item.Severity,
            ["filename"] = found.Item.Filename,
            ["line"] = found.Item.Line,
            ["message"] = found.Item.Message,
            ["version"] = found.Item.Version,
            ["decorations"] = found.Item.Decorations.Count > 0 ? Rows.Columns(found.Item.Decorations) : null,
        }, s_status, await inbox.CompleteUpToAsync(ct) ?? clock.GetUtcNow());
    }

    internal static ResultBody Body(NodeId node, ResultRow row) => new(
        node.ToString(), row.Name, row.Action, row.Time, Rows.Columns(row.Columns), row.HostIdentifier is { Length: > 0 } host ? host : null, row.Epoch, row.Counter,
        row.Decorations.Count > 0 ? Rows.Columns(row.Decorations) : null,
        row.IsEmpty ? true : null, row.Fault, row.Fault is null ? null : Encoding.UTF8.GetString(row.Whole.Text.Span));

    internal static StatusBody Body(NodeId node, StatusLine line) =>
        new(node.ToString(), line.Time, line.Severity, line.Filename, line.Line, line.Message, line.Version, Rows.Columns(line.Decorations));

    private static IResult? Check(HttpContext http, string? action)
    {
        if (NodesApi.Words(action).Except(s_actions).FirstOrDefault() is { } unknown) return Problem.Invalid("action", $"'{unknown}' is not one of {string.Join(", ", s_actions)}.");
        var odd = http.Request.Query.Keys.FirstOrDefault(key => key.StartsWith(Column, StringComparison.Ordinal) && key[Column.Length..].Split('.') is not ([_] or [_, "contains" or "begins"]));
        return odd is null ? null : Problem.Invalid(odd, "This is column.NAME, column.NAME.contains or column.NAME.begins.");
    }

    private static readonly IResult s_badNode = Problem.Invalid("node", "This is a node's id: 32 hex digits.");

    private static async ValueTask<ResultFilter?> FilterAsync(
        HttpContext http, NodeCatalog catalog, string? query, string? node, string? tag, DateTimeOffset? from, DateTimeOffset? to, string? action, CancellationToken ct) => TryNode(node, out _)
        ? new(query, await NodesAsync(catalog, node, tag, ct), from, to, NodesApi.Words(action), [.. http.Request.Query.Where(one => one.Key.StartsWith(Column, StringComparison.Ordinal)).Select(Test)])
        : null;

    /// <summary><c>column.NAME=VALUE</c>, <c>column.NAME.contains=VALUE</c> or <c>column.NAME.begins=VALUE</c>; the same again means either.</summary>
    private static ColumnTest Test(KeyValuePair<string, StringValues> parameter)
    {
        var name = parameter.Key[Column.Length..];
        var values = parameter.Value.Select(value => value ?? "").ToList();
        return name.EndsWith(".contains", StringComparison.Ordinal) ? new(name[..^".contains".Length], ColumnOperator.Contains, values)
            : name.EndsWith(".begins", StringComparison.Ordinal) ? new(name[..^".begins".Length], ColumnOperator.Begins, values)
            : new(name, ColumnOperator.Equals, values);
    }

    private static bool TryNode(string? node, out NodeId id)
    {
        id = default;
        return node is null || NodeId.TryParse(node, out id);
    }

    /// <summary>The nodes that are meant; null for all.</summary>
    private static async ValueTask<IReadOnlySet<NodeId>?> NodesAsync(NodeCatalog catalog, string? node, string? tag, CancellationToken ct)
    {
        var tagged = tag is null ? null : (await catalog.AllAsync(ct)).Where(one => one.Node.Tags.Has(tag)).Select(one => one.Node.Id).ToHashSet();
        if (node is null || !TryNode(node, out var id)) return tagged;
        return tagged is null || tagged.Contains(id) ? new HashSet<NodeId> { id } : new HashSet<NodeId>();
    }

    /// <summary>In CSV a row's columns stand beside its own members.</summary>
    private static JsonObject Json(Found<ResultRow> found, bool isFlat)
    {
        var row = found.Item;
        var json = new JsonObject
        {
            ["nodeId"] = found.NodeId.ToString(),
            ["hostIdentifier"] = row.HostIdentifier,
            ["name"] = row.Name,
            ["action"] = row.Action,
            ["time"] = UtcTime.Text(row.Time),
        };
        if (row.Epoch is { } epoch) json["epoch"] = epoch;
        if (row.Counter is { } counter) json["counter"] = counter;
        if (row.Decorations.Count > 0) json["decorations"] = Rows.Columns(row.Decorations);
        if (!isFlat)
        {
            json["columns"] = Rows.Columns(row.Columns);
            if (row.Fault is not null) (json["fault"], json["raw"]) = (row.Fault, Encoding.UTF8.GetString(row.Whole.Text.Span));
            return json;
        }

        Rows.Beside(json, row.Columns, s_result);
        return json;
    }
}

using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Manager;

/// <summary>What one node holds now for a query.</summary>
/// <param name="Truncated">Older rows were let go to stay under the limit.</param>
internal sealed record ReportBody(string NodeId, DateTimeOffset UpdatedAt, bool Truncated, IReadOnlyList<JsonObject> Rows);

internal static class ReportsApi
{
    private static readonly string[] s_columns = ["nodeId", "hostIdentifier", "updatedAt"];

    public static void MapReports(this IEndpointRouteBuilder api)
    {
        api.MapGet("/reports/{**query}", FindAsync).For(Role.Viewer).Docs<ListOf<ReportBody>>("List what each node holds now for a query");
        api.MapGet("/report-exports/{**query}", ExportAllAsync).For(Role.Viewer).IsExport().Stream().DocsFile("Export what each node holds now for a query, row by row", Export.Ndjson, Export.Csv);
    }

    private static async Task<IResult> FindAsync(string query, ReportStore reports, CurrentReports current, Limits limits, CancellationToken ct, string? node = null, int? take = null, string? after = null)
    {
        if (node is not null)
        {
            if (!NodeId.TryParse(node, out var id)) return Problem.Invalid("node", "This is a node's id: 32 hex digits.");
            return TypedResults.Ok(new ListOf<ReportBody>(await reports.FindAsync(Paging.Name(query), id, ct) is { } one && await current.IsAsync(Paging.Name(query), id, one, ct) ? [Body(id, one)] : [], null));
        }

        var page = await reports.PageAsync(Paging.Name(query), Paging.Take(take, limits), after, ct);
        var held = new List<ReportBody>();
        foreach (var (id, report) in page.Items)
        {
            if (await current.IsAsync(Paging.Name(query), id, report, ct)) held.Add(Body(id, report));
        }

        return TypedResults.Ok(new ListOf<ReportBody>(held, page.After));
    }

    private static ReportBody Body(NodeId node, Report report) => new(node.ToString(), report.UpdatedAt, report.IsTruncated, [.. report.Rows.Select(Rows.Columns)]);

    /// <summary>In CSV a row's columns stand beside the node's.</summary>
    private static async Task<IResult> ExportAllAsync(string query, ReportStore reports, CurrentReports current, NodeDirectory nodes, Inbox inbox, TimeProvider clock, Limits limits, CancellationToken ct, string? format = null, bool? trailer = null) =>
        new Export<JsonObject>("report", format, RowsAsync(Paging.Name(query), reports, current, nodes, limits, isFlat: format == "csv", ct), row => row, format == "csv" ? s_columns : null, await inbox.CompleteUpToAsync(ct) ?? clock.GetUtcNow());

    private static async IAsyncEnumerable<JsonObject> RowsAsync(string query, ReportStore reports, CurrentReports current, NodeDirectory nodes, Limits limits, bool isFlat, [EnumeratorCancellation] CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await reports.PageAsync(query, limits.PageMost, after, ct);
            foreach (var (node, report) in page.Items)
            {
                if (!await current.IsAsync(query, node, report, ct)) continue;
                var host = (await nodes.FindAsync(node, ct))?.HostIdentifier;
                foreach (var held in report.Rows)
                {
                    var row = new JsonObject { ["nodeId"] = node.ToString(), ["hostIdentifier"] = host, ["updatedAt"] = UtcTime.Text(report.UpdatedAt) };
                    if (isFlat) Rows.Beside(row, held);
                    else row["columns"] = Rows.Columns(held);
                    yield return row;
                }
            }

            after = page.After;
        }
        while (after is not null);
    }
}

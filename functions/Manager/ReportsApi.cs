using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Results;

namespace Fleet.Manager;

/// <summary>What one node holds now for a query.</summary>
/// <param name="Truncated">Older rows were let go to stay under the limit.</param>
internal sealed record ReportBody(string NodeId, DateTimeOffset UpdatedAt, bool Truncated, IReadOnlyList<JsonObject> Rows);

internal static class ReportsApi
{
    public static void MapReports(this IEndpointRouteBuilder api) => api.MapGet("/reports/{**query}", FindAsync).For(Role.Viewer).Docs<ListOf<ReportBody>>("List what each node holds now for a query");

    private static async Task<IResult> FindAsync(string query, ReportStore reports, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        var page = await reports.PageAsync(Paging.Name(query), Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(found => new ReportBody(
            found.Node.ToString(), found.Report.UpdatedAt, found.Report.IsTruncated, [.. found.Report.Rows.Select(Manager.Rows.Columns)])));
    }
}

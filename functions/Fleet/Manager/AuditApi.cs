using System.Globalization;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Manager;

/// <param name="Id">The request's, as <c>X-Request-Id</c> told it.</param>
/// <param name="Method">How the actor was known; empty for nobody.</param>
/// <param name="Status">The answer's; null when the program died before it knew.</param>
/// <param name="Before">What it was, without secrets.</param>
internal sealed record AuditBody(
    string Id, DateTimeOffset At, string Actor, string Method, string? Address, string Action, string Target, string Path, int? Status, string? Reason, JsonNode? Before, JsonNode? After);

/// <summary>Who did what.</summary>
internal static class AuditApi
{
    private static readonly string[] s_columns = ["id", "at", "actor", "method", "address", "action", "target", "path", "status", "reason", "before", "after"];

    public static void MapAudit(this IEndpointRouteBuilder api)
    {
        api.MapGet("/audit", ListAsync).For(Role.Admin).Docs<ListOf<AuditBody>>("List what people did, newest first");
        api.MapGet("/audit/export", ExportAll).For(Role.Admin).IsExport().Stream().DocsFile("Export what people did", Export.Ndjson, Export.Csv);
    }

    private static async Task<IResult> ListAsync(
        AuditLog log, Limits limits, CancellationToken ct, string? actor = null, string? action = null, string? target = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        bool? failed = null, int? take = null, string? after = null) =>
        TypedResults.Ok((await log.PageAsync(new(actor, action, target, from, to, failed == true), Paging.Take(take, limits), after, ct)).Select(Body));

    private static Export<AuditEntry> ExportAll(
        AuditLog log, HttpContext http, CancellationToken ct, string? format = null, bool? trailer = null, string? actor = null, string? action = null, string? target = null, DateTimeOffset? from = null,
        DateTimeOffset? to = null, bool? failed = null) =>
        new("audit", format, log.AllAsync(new(actor, action, target, from, to, failed == true), ct), entry => Json(Body(entry)), s_columns);

    private static JsonObject Json(AuditBody entry) => new()
    {
        ["id"] = entry.Id,
        ["at"] = UtcTime.Text(entry.At),
        ["actor"] = entry.Actor,
        ["method"] = entry.Method,
        ["address"] = entry.Address,
        ["action"] = entry.Action,
        ["target"] = entry.Target,
        ["path"] = entry.Path,
        ["status"] = entry.Status?.ToString(CultureInfo.InvariantCulture),
        ["reason"] = entry.Reason,
        ["before"] = entry.Before?.DeepClone(),
        ["after"] = entry.After?.DeepClone(),
    };

    private static AuditBody Body(AuditEntry entry) => new(
        entry.Id, entry.At, entry.Actor, entry.Method, entry.Address, entry.Action, entry.Target, entry.Path, entry.Status, entry.Reason, entry.Before, entry.After);
}

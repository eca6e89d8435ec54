using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <summary>A query of the schedule. What is left out has osquery's default.</summary>
internal sealed record QueryRequest(
    string Sql, int? Interval = null, string? Platform = null, string? Version = null, int? Shard = null, bool? Snapshot = null, bool? Removed = null,
    bool? Denylist = null, string? Description = null, string? Value = null, IReadOnlyList<string>? Tags = null);

internal sealed record QueryBody(
    string Name, string Sql, int Interval, string? Platform, string? Version, int? Shard, bool Snapshot, bool Removed, bool Denylist, string? Description, string? Value,
    IReadOnlyList<string> Tags);

internal sealed record SqlRequest(string Sql);

internal sealed record SqlBody(bool Valid, string? Message, IReadOnlyList<string> Tables, IReadOnlyList<string> Platforms);

internal static class QueriesApi
{
    public static void MapQueries(this IEndpointRouteBuilder api)
    {
        api.MapGet("/queries", (ConfigItems items, Limits limits, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(items.Queries.Current.Items, query => query.Name, take, after, limits, Body))).For(Role.Viewer);
        api.MapGet("/queries/{**name}", Find).For(Role.Viewer);
        api.MapPut("/queries/{**name}", PutAsync).For(Role.Operator);
        api.MapDelete("/queries/{**name}", RemoveAsync).For(Role.Operator);
        api.MapPost("/queries/check", Check).For(Role.Viewer);
    }

    private static IResult Find(string name, ConfigItems items) =>
        items.Queries.Find(Paging.Name(name)) is { } stored ? TypedResults.Ok(Body(stored.Item)) : Missing(name);

    private static async Task<IResult> PutAsync(string name, QueryRequest request, ConfigItems items, OsquerySql sql, Limits limits, CancellationToken ct)
    {
        name = Paging.Name(name);
        var schedule = new ScheduledQuery(
            request.Sql, request.Interval ?? ScheduledQuery.DefaultInterval, request.Platform, request.Version, request.Shard, request.Snapshot, request.Removed,
            request.Denylist, request.Description, request.Value);

        // Read back as a file's entry is: one set of rules for both ways in.
        var faults = new List<ConfigFault>();
        if (Names.QueryFault(name, limits) is { } nameFault) faults.Add(new("name", nameFault));
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } tagFault) faults.Add(new("tags", tagFault));
        ScheduledQuery.Read(schedule.ToJson(), "", sql.Current, faults);
        if (faults.Count > 0) return Problem.Invalid([.. faults.Select(fault => new FieldError(fault.Path.TrimStart('.') is "query" ? "sql" : fault.Path.TrimStart('.'), fault.Message))]);

        var isNew = items.Queries.Find(name) is null;
        var query = new Query(name, TagSet.Of(request.Tags ?? []), schedule);
        await items.Queries.PutAsync(name, query, etag: null, ct);
        return isNew ? TypedResults.Created($"/api/queries/{Uri.EscapeDataString(name)}", Body(query)) : TypedResults.Ok(Body(query));
    }

    private static async Task<IResult> RemoveAsync(string name, ConfigItems items, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (items.Queries.Find(name) is null) return Missing(name);
        await items.Queries.RemoveAsync(name, etag: null, ct);
        return TypedResults.NoContent();
    }

    private static Ok<SqlBody> Check(SqlRequest request, OsquerySql sql)
    {
        var verdict = sql.Current.Check(request.Sql);
        return TypedResults.Ok(new SqlBody(verdict.Valid, verdict.Message, verdict.Tables, verdict.Platforms));
    }

    private static IResult Missing(string name) => Problem.NotFound($"query '{name}'");

    private static QueryBody Body(Query query) => new(
        query.Name, query.Schedule.Sql, query.Schedule.Interval, query.Schedule.Platform, query.Schedule.Version, query.Schedule.Shard, query.Schedule.Snapshot ?? false,
        query.Schedule.Removed ?? true, query.Schedule.Denylist ?? true, query.Schedule.Description, query.Schedule.Value, query.Tags.Tags);
}

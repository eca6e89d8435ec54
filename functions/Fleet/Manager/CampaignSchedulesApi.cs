using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Queries;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="Cron">When: minute, hour, day of the month, month, day of the week, such as <c>0 6 * * MON</c>. At least five minutes apart.</param>
/// <param name="TimeZone">IANA name, such as <c>Europe/Berlin</c>; UTC if it is left out.</param>
/// <param name="ExpiresAfter">How long each run takes answers, such as <c>12h</c>; a day if it is left out, <c>30d</c> at most.</param>
/// <param name="Reason">Why: asked for where many nodes or a sensitive table are meant.</param>
/// <param name="IncludeLater">Each run also asks nodes that enroll, or get the tag, before it expires.</param>
internal sealed record CampaignScheduleRequest(
    string Name, string Sql, TargetsBody Targets, string Cron, string? TimeZone = null, string? ExpiresAfter = null, string? Reason = null, bool IncludeLater = false, bool Enabled = true);

/// <param name="Next">When it is asked next; null while it is disabled, or when its expression has no such time.</param>
/// <param name="LastRun">The time that its newest run was meant for.</param>
/// <param name="LastCampaignId">That run; null before the first, or when it was not started.</param>
/// <param name="Fault">Why the newest run was not started.</param>
internal sealed record CampaignScheduleBody(
    string Id, string Name, string Sql, TargetsBody Targets, string Cron, string TimeZone, string ExpiresAfter, string Reason, bool IncludeLater, bool Enabled,
    DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset? Next, DateTimeOffset? LastRun, string? LastCampaignId, string? Fault);

/// <summary>Questions that are asked again and again. Their runs are campaigns: <c>/api/campaigns?schedule=ID</c>.</summary>
internal static class CampaignSchedulesApi
{
    public static void MapCampaignSchedules(this IEndpointRouteBuilder api)
    {
        const string Body = """{"name":"Who is signed in","sql":"select * from logged_in_users","targets":{"all":true},"cron":"0 6 * * MON","timeZone":"Europe/Berlin","reason":"Ticket 12"}""";
        api.MapGet("/campaign-schedules", List).For(Role.Viewer).Docs<ListOf<CampaignScheduleBody>>("List the questions that are asked again and again");
        api.MapPost("/campaign-schedules", CreateAsync).For(Role.Operator).ChecksSql().Docs<CampaignScheduleBody>("Ask a question again and again, at the times of a cron expression", id: "createCampaignSchedule", body: Body, status: [201]);
        api.MapGet("/campaign-schedules/{id}", FindAsync).For(Role.Viewer).Docs<CampaignScheduleBody>("Read a campaign's schedule");
        api.MapPut("/campaign-schedules/{id}", ReplaceAsync).For(Role.Operator).ChecksSql().Docs<CampaignScheduleBody>("Change a campaign's schedule; runs that are under way stay as they are", id: "replaceCampaignSchedule", body: Body);
        api.MapDelete("/campaign-schedules/{id}", RemoveAsync).For(Role.Operator).Docs("Delete a campaign's schedule; its runs stay");
    }

    private static Ok<ListOf<CampaignScheduleBody>> List(CampaignSchedules schedules, Limits limits, TimeProvider clock, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(schedules.Table.Current.Items, one => one.Id, take, after, page, limits, one => Body(one, clock.GetUtcNow())));

    private static async Task<IResult> FindAsync(string id, CampaignSchedules schedules, TimeProvider clock, CancellationToken ct) =>
        await schedules.Table.ReadAsync(id, ct) is { } stored ? TypedResults.Ok(Body(stored.Item, clock.GetUtcNow())) : Missing(id);

    private static async Task<IResult> CreateAsync(CampaignScheduleRequest request, CampaignScheduleReader reader, CampaignSchedules schedules, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (schedules.Table.Current.ByName.Count >= limits.CampaignSchedules) return Problem.Conflict($"There are {limits.CampaignSchedules} schedules already: delete one first.");
        var (schedule, refused) = await reader.ReadAsync(Guid.CreateVersion7(now).ToString("N"), request, ct);
        if (refused is not null) return refused;
        schedule = schedule! with { CreatedAt = now, From = now, CreatedBy = http.Actor() };
        Note(http, schedule.Id, before: null, schedule);
        await schedules.Table.PutAsync(schedule.Id, schedule, etag: null, ct, isNew: true);
        return TypedResults.Created($"/api/campaign-schedules/{schedule.Id}", Body(schedule, now));
    }

    private static async Task<IResult> ReplaceAsync(string id, CampaignScheduleRequest request, CampaignScheduleReader reader, CampaignSchedules schedules, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        if (await schedules.Table.ReadAsync(id, ct) is not { } stored) return Missing(id);
        var (schedule, refused) = await reader.ReadAsync(id, request, ct);
        if (refused is not null) return refused;
        var was = stored.Item;
        var now = clock.GetUtcNow();

        // What another expression, or the same one while it was disabled, would have been due for is not asked now.
        var isOther = (was.Cron, was.TimeZone) != (schedule!.Cron, schedule.TimeZone) || (!was.Enabled && schedule.Enabled);
        schedule = schedule with { CreatedAt = was.CreatedAt, CreatedBy = http.Actor(), From = isOther ? now : was.From, LastRun = was.LastRun, StartingSince = was.StartingSince, HasRun = was.HasRun, Fault = was.Fault };
        Note(http, id, was, schedule);
        await schedules.Table.PutAsync(id, schedule, stored.Etag, ct);
        return TypedResults.Ok(Body(schedule, now));
    }

    private static async Task<IResult> RemoveAsync(string id, CampaignSchedules schedules, HttpContext http, CancellationToken ct)
    {
        if (await schedules.Table.ReadAsync(id, ct) is not { } stored) return Missing(id);
        Note(http, id, stored.Item, after: null);
        await schedules.Table.RemoveAsync(id, stored.Etag, ct);
        return TypedResults.NoContent();
    }

    private static void Note(HttpContext http, string id, CampaignSchedule? before, CampaignSchedule? after) =>
        (http.Audit().Target, http.Audit().Before, http.Audit().After, http.Audit().Reason) = ("campaign-schedules/" + id, Json(before), Json(after), after?.Reason);

    private static JsonObject? Json(CampaignSchedule? schedule) => schedule is null ? null : new()
    {
        ["name"] = schedule.Name, ["sql"] = schedule.Sql, ["targets"] = JsonSerializer.SerializeToNode(TargetsBody.Of(schedule.Targets), ManagerJson.Strict.TargetsBody),
        ["cron"] = schedule.Cron, ["timeZone"] = schedule.TimeZone, ["expiresAfter"] = Duration.Text(schedule.Life), ["includeLater"] = schedule.IncludesLater, ["enabled"] = schedule.Enabled,
    };

    private static CampaignScheduleBody Body(CampaignSchedule one, DateTimeOffset now) => new(
        one.Id, one.Name, one.Sql, TargetsBody.Of(one.Targets), one.Cron, one.TimeZone, Duration.Text(one.Life)!, one.Reason, one.IncludesLater, one.Enabled,
        one.CreatedAt, one.CreatedBy, one.Enabled ? one.After(now) : null, one.LastRun, one.LastCampaignId, one.Fault);

    private static IResult Missing(string id) => Problem.NotFound($"campaign schedule '{id}'");
}

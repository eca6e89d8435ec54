using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <param name="Reason">Why: asked for where many nodes or a sensitive table are meant; kept in the audit log, and shown to the machines' users.</param>
/// <param name="IncludeLater">Nodes that enroll, or get the tag, before it expires are asked too.</param>
internal sealed record NewCampaign(
    string Sql, TargetsBody Targets, string? Description = null, DateTimeOffset? NotBefore = null, DateTimeOffset? ExpiresAt = null, string? Reason = null,
    bool IncludeLater = false);

internal sealed record CampaignPreviewRequest(string Sql, TargetsBody Targets);

/// <param name="Targeted">Who would be asked now.</param>
/// <param name="Cautions">What a reason is needed for.</param>
internal sealed record CampaignPreview(int Targeted, int Online, int Offline, IReadOnlyList<string> Tables, IReadOnlyList<string> Platforms, IReadOnlyList<CautionBody> Cautions);

internal sealed record CampaignCounts(long Targeted, long New, long Sent, long Done, long Failed, long Expired);

/// <param name="Status"><c>waiting</c>, <c>active</c>, <c>expired</c> or <c>cancelled</c>.</param>
/// <param name="Link">Where people look at it, on this server: to be sent to whoever may sign in here.</param>
/// <param name="IncludeLater">Nodes that enroll, or get the tag, before it expires are asked too.</param>
/// <param name="ScheduleId">The schedule that started it; null for one that a person started.</param>
internal sealed record CampaignBody(
    string Id, string Sql, string Description, string Reason, TargetsBody Targets, string Status, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset NotBefore, DateTimeOffset ExpiresAt,
    DateTimeOffset? CancelledAt, long Targeted, CampaignCounts Counts, string Link, bool IncludeLater, string? ScheduleId);

/// <param name="Reason">Where one is needed; left out, the first campaign's.</param>
internal sealed record RepeatRequest(string? Reason = null, DateTimeOffset? ExpiresAt = null);

/// <param name="Interval">Seconds; 3,600 if it is left out.</param>
internal sealed record SaveAsQuery(string Name, int? Interval = null, IReadOnlyList<string>? Tags = null);

/// <summary>Distributed queries: one statement, asked of many nodes.</summary>
internal static class CampaignsApi
{
    public static void MapCampaigns(this IEndpointRouteBuilder api)
    {
        const string New = """{"sql":"select username from users","targets":{"platforms":["linux"]},"reason":"Ticket 12"}""";
        api.MapGet("/campaigns", ListAsync).For(Role.Viewer).Docs<ListOf<CampaignBody>>("List campaigns, newest first");
        api.MapPost("/campaigns", StartAsync).For(Role.Operator).ChecksSql().Docs<CampaignBody>("Ask nodes a question", id: "startCampaign", body: New, status: [201]);
        api.MapPost("/campaigns/preview", PreviewAsync).For(Role.Viewer).ReadsOnly().ChecksSql().Docs<CampaignPreview>(
            "Say whom a question would reach, and what to think of first", body: """{"sql":"select * from shell_history","targets":{"all":true}}""");
        api.MapGet("/campaigns/{id}", FindAsync).For(Role.Viewer).Docs<CampaignBody>("Read a campaign with its counts");
        api.MapPost("/campaigns/{id}/cancel", CancelAsync).For(Role.Operator).Docs<CampaignBody>("Cancel a campaign");
        api.MapPost("/campaigns/{id}/repeat", RepeatAsync).For(Role.Operator).ChecksSql().Docs<CampaignBody>("Ask the same again", body: """{"reason":"Ticket 12 again"}""", status: [201]);
        api.MapPost("/campaigns/{id}/save", SaveAsync).For(Role.Operator).ChecksSql().Docs<QueryBody>("Save a campaign's SQL as a query of the schedule", body: """{"name":"users","interval":3600}""", status: [201]);
    }

    private static async Task<IResult> ListAsync(CampaignStore campaigns, CampaignTallies tallies, Limits limits, TimeProvider clock, CancellationToken ct, int? take = null, string? after = null, string? status = null, string? q = null, string? schedule = null)
    {
        var now = clock.GetUtcNow();
        var wanted = (await campaigns.ListAsync(ct)).Where(campaign =>
            (status is null || StatusOf(campaign, now) == status)
            && (schedule is null || campaign.ScheduleId == schedule)
            && (q is null || campaign.Sql.Contains(q, StringComparison.OrdinalIgnoreCase) || campaign.Description.Contains(q, StringComparison.OrdinalIgnoreCase) || campaign.CreatedBy.Contains(q, StringComparison.OrdinalIgnoreCase))).ToList();

        // Counting one costs a read.
        var (page, next) = Paging.Slice(wanted, campaign => campaign.Id, Math.Min(take ?? 20, 20), after, limits);
        var counts = await tallies.OfAsync(page, ct);
        return TypedResults.Ok(new ListOf<CampaignBody>([.. page.Select((campaign, i) => Body(campaign, now, Counts(campaign, counts[i])))], next));
    }

    private static async Task<IResult> PreviewAsync(CampaignPreviewRequest request, NodeStore nodes, TargetCount count, CampaignCaution caution, OsquerySql sql, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        var verdict = sql.Current.Check(request.Sql);
        if (!verdict.Valid) errors.Add(new("sql", verdict.Message!));
        var targets = await request.Targets.ReadAsync(nodes, errors, ct);
        if (errors.Count > 0) return Problem.Invalid(errors);
        var (targeted, online) = await count.OfAsync("preview", targets, ct);
        return TypedResults.Ok(new CampaignPreview(targeted, online, targeted - online, verdict.Tables, verdict.Platforms, caution.Of(request.Sql, targeted)));
    }

    private static async Task<IResult> StartAsync(NewCampaign request, CampaignStart start, NodeStore nodes, OsquerySql sql, HttpContext http, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        if (sql.Current.Check(request.Sql) is { Valid: false } verdict) errors.Add(new("sql", verdict.Message!));
        var targets = await request.Targets.ReadAsync(nodes, errors, ct);
        return await start.StartAsync(http, request, targets, errors, ct);
    }

    private static async Task<IResult> FindAsync(string id, CampaignStore campaigns, AnswerStore answers, TimeProvider clock, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        return TypedResults.Ok(await BodyAsync(campaign, answers, clock.GetUtcNow(), ct));
    }

    private static async Task<IResult> CancelAsync(string id, CampaignStore campaigns, AnswerStore answers, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        http.Audit().Target = "campaigns/" + id;
        campaign = await campaigns.CancelAsync(campaign, clock.GetUtcNow(), ct);
        return TypedResults.Ok(await BodyAsync(campaign, answers, clock.GetUtcNow(), ct));
    }

    /// <summary>The same targets, of whom there may be others by now.</summary>
    private static async Task<IResult> RepeatAsync(string id, RepeatRequest request, CampaignStore campaigns, CampaignStart start, HttpContext http, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        var again = new NewCampaign(campaign.Sql, TargetsBody.Of(campaign.Targets), campaign.Description, ExpiresAt: request.ExpiresAt, Reason: request.Reason ?? campaign.Reason, IncludeLater: campaign.IncludesLater);
        return await start.StartAsync(http, again, campaign.Targets, [], ct);
    }

    private static async Task<IResult> SaveAsync(string id, SaveAsQuery request, CampaignStore campaigns, QueryItems queries, Edits edits, HttpContext http, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        if (await queries.Table.ReadAsync(request.Name, ct) is not null) return Problem.Conflict($"There is a query '{request.Name}' already.");
        var body = new JsonObject { ["sql"] = campaign.Sql, ["tags"] = ConfigItems.ToJson(request.Tags ?? []) };
        if (campaign.Description.Length > 0) body["description"] = campaign.Description;
        if (request.Interval is { } interval) body["interval"] = interval;
        return await edits.PutAsync(http, queries.Table, queries.Path, request.Name, stored: null, queries.ReadNamed(request.Name, body, before: null, new()), queries.Body);
    }

    private static async ValueTask<CampaignBody> BodyAsync(Campaign campaign, AnswerStore answers, DateTimeOffset now, CancellationToken ct) =>
        Body(campaign, now, Counts(campaign, campaign.Final ?? await answers.CountAsync(campaign.Id, ct)));

    private static CampaignCounts Counts(Campaign campaign, Tally tally) => new(campaign.TargetedBy(tally), tally.New, tally.Sent, tally.Done, tally.Failed, tally.Expired);

    internal static CampaignBody Body(Campaign campaign, DateTimeOffset now, CampaignCounts counts) => new(
        campaign.Id, campaign.Sql, campaign.Description, campaign.Reason, TargetsBody.Of(campaign.Targets), StatusOf(campaign, now),
        campaign.CreatedAt, campaign.CreatedBy, campaign.NotBefore, campaign.ExpiresAt, campaign.CancelledAt, counts.Targeted, counts, "/campaigns/" + campaign.Id, campaign.IncludesLater, campaign.ScheduleId);

    private static string StatusOf(Campaign campaign, DateTimeOffset now) =>
        campaign.CancelledAt is not null ? "cancelled" : campaign.IsOver(now) ? "expired" : now < campaign.NotBefore ? "waiting" : "active";

    internal static IResult Missing(string id) => Problem.NotFound($"campaign '{id}'");
}

/// <summary>Starts campaigns, those that fetch files too.</summary>
internal sealed class CampaignStart(CampaignStore campaigns, CampaignCaution caution, TargetCount count, Limits limits, TimeProvider clock)
{
    public async Task<IResult> StartAsync(HttpContext http, NewCampaign request, Targets targets, List<FieldError> errors, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var notBefore = request.NotBefore ?? now;
        var expiresAt = request.ExpiresAt ?? (notBefore > now ? notBefore : now) + limits.CampaignLife;
        if (expiresAt <= now || expiresAt <= notBefore) errors.Add(new("expiresAt", "This is in the future, and after notBefore."));
        if (request.Description?.Length > 2_000) errors.Add(new("description", "At most 2,000 characters fit."));
        if (request.Reason?.Length > 2_000) errors.Add(new("reason", "At most 2,000 characters fit."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        if (campaigns.Active.ByName.Count >= limits.ActiveCampaigns) return Problem.Conflict($"{limits.ActiveCampaigns} campaigns are active already: cancel one, or wait.");

        var id = Guid.CreateVersion7(now).ToString("N");
        var (targeted, _) = await count.OfAsync(id, targets, ct);
        if (targeted == 0 && !request.IncludeLater) return Problem.Invalid("targets", "No machine is meant: none that is active and has enrolled has these tags, platforms or ids. With includeLater, those that come later are asked.");
        if (caution.Refusal(request.Sql, targeted, request.Reason) is { } refused) return refused;

        var campaign = await campaigns.StartAsync(
            new(id, request.Sql, request.Description ?? "", targets, now, http.User.FindFirstValue(ClaimTypes.Name) ?? "", notBefore, expiresAt, CancelledAt: null, Targeted: 0, request.Reason?.Trim() ?? "", IncludesLater: request.IncludeLater), ct);
        var note = http.Audit();
        (note.Target, note.Reason, note.After) = ("campaigns/" + id, request.Reason, new JsonObject { ["sql"] = campaign.Sql, ["targeted"] = campaign.Targeted });
        return TypedResults.Created($"/api/campaigns/{id}", CampaignsApi.Body(campaign, now, new(campaign.Targeted, campaign.Targeted, 0, 0, 0, 0)));
    }
}

using System.Security.Claims;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Results;

namespace Fleet.Manager;

/// <param name="All">Every active node.</param>
/// <param name="Match"><c>any</c> (default) or <c>all</c> of the tags.</param>
/// <param name="Sample">A percentage of what the rest chose.</param>
internal sealed record TargetsBody(
    bool All = false, IReadOnlyList<string>? Nodes = null, IReadOnlyList<string>? Tags = null, string? Match = null, IReadOnlyList<string>? Platforms = null, int? Sample = null);

internal sealed record NewCampaign(string Sql, TargetsBody Targets, string? Description = null, DateTimeOffset? NotBefore = null, DateTimeOffset? ExpiresAt = null);

internal sealed record CampaignCounts(long Targeted, long New, long Sent, long Done, long Failed, long Expired);

/// <param name="Status"><c>waiting</c>, <c>active</c>, <c>expired</c> or <c>cancelled</c>.</param>
internal sealed record CampaignBody(
    string Id, string Sql, string Description, TargetsBody Targets, string Status, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset NotBefore, DateTimeOffset ExpiresAt,
    DateTimeOffset? CancelledAt, long Targeted, CampaignCounts Counts);

internal sealed record AnswerBody(string NodeId, string Status, string? Error, JsonNode Rows, DateTimeOffset? SentAt, DateTimeOffset? AnsweredAt);

internal static class CampaignsApi
{
    public static void MapCampaigns(this IEndpointRouteBuilder api)
    {
        api.MapGet("/campaigns", ListAsync).For(Role.Viewer);
        api.MapPost("/campaigns", StartAsync).For(Role.Operator);
        api.MapGet("/campaigns/{id}", FindAsync).For(Role.Viewer);
        api.MapGet("/campaigns/{id}/answers", AnswersAsync).For(Role.Viewer);
        api.MapPost("/campaigns/{id}/cancel", CancelAsync).For(Role.Operator);
    }

    private static async Task<IResult> ListAsync(CampaignStore campaigns, AnswerStore answers, Limits limits, TimeProvider clock, CancellationToken ct, int? take = null, string? after = null)
    {
        var (page, next) = Paging.Slice(await campaigns.ListAsync(ct), campaign => campaign.Id, take, after, limits);
        var bodies = new List<CampaignBody>();
        foreach (var campaign in page) bodies.Add(await BodyAsync(campaign, answers, clock.GetUtcNow(), ct));
        return TypedResults.Ok(new ListOf<CampaignBody>(bodies, next));
    }

    private static async Task<IResult> StartAsync(
        NewCampaign request, CampaignStore campaigns, NodeStore nodes, OsquerySql sql, Limits limits, TimeProvider clock, ClaimsPrincipal person, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var errors = new List<FieldError>();
        if (sql.Current.Check(request.Sql) is { Valid: false } verdict) errors.Add(new("sql", verdict.Message!));
        var targets = await ReadAsync(request.Targets, nodes, errors, ct);
        var notBefore = request.NotBefore ?? now;
        var expiresAt = request.ExpiresAt ?? (notBefore > now ? notBefore : now) + limits.CampaignLife;
        if (expiresAt <= now || expiresAt <= notBefore) errors.Add(new("expiresAt", "This is in the future, and after notBefore."));
        if (request.Description?.Length > 2_000) errors.Add(new("description", "At most 2,000 characters fit."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        if (campaigns.Active.ByName.Count >= limits.ActiveCampaigns) return Problem.Conflict($"{limits.ActiveCampaigns} campaigns are active already: cancel one, or wait.");

        var id = Guid.CreateVersion7(now).ToString("N");
        var campaign = await campaigns.StartAsync(
            new(id, request.Sql, request.Description ?? "", targets, now, person.Identity?.Name ?? "", notBefore, expiresAt, CancelledAt: null, Targeted: 0), ct);
        return TypedResults.Created($"/api/campaigns/{id}", Body(campaign, now, new(campaign.Targeted, campaign.Targeted, 0, 0, 0, 0)));
    }

    private static async Task<IResult> FindAsync(string id, CampaignStore campaigns, AnswerStore answers, TimeProvider clock, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        return TypedResults.Ok(await BodyAsync(campaign, answers, clock.GetUtcNow(), ct));
    }

    private static async Task<IResult> AnswersAsync(
        string id, CampaignStore campaigns, AnswerStore answers, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        if (await campaigns.FindAsync(id, ct) is null) return Missing(id);
        var page = await answers.PageAsync(id, Paging.Take(take, limits), after, ct);
        return TypedResults.Ok(page.Select(answer => new AnswerBody(
            answer.Node.ToString(), NameOf(answer.State), answer.Error, Rows(answer.Rows), answer.SentAt, answer.AnsweredAt)));
    }

    private static async Task<IResult> CancelAsync(string id, CampaignStore campaigns, AnswerStore answers, TimeProvider clock, CancellationToken ct)
    {
        if (await campaigns.FindAsync(id, ct) is not { } campaign) return Missing(id);
        campaign = await campaigns.CancelAsync(campaign, clock.GetUtcNow(), ct);
        return TypedResults.Ok(await BodyAsync(campaign, answers, clock.GetUtcNow(), ct));
    }

    private static async ValueTask<Targets> ReadAsync(TargetsBody body, NodeStore nodes, List<FieldError> errors, CancellationToken ct)
    {
        var ids = new List<NodeId>();
        foreach (var text in body.Nodes ?? [])
        {
            if (NodeId.TryParse(text, out var id) && await nodes.FindAsync(id, ct) is not null) ids.Add(id);
            else errors.Add(new("targets.nodes", $"There is no node '{text}'."));
        }

        var platforms = (body.Platforms ?? []).Select(platform => platform.ToLowerInvariant() is "macos" ? "darwin" : platform.ToLowerInvariant()).ToList();
        if (platforms.Find(platform => platform is not ("linux" or "darwin" or "windows" or "freebsd")) is { } unknown)
        {
            errors.Add(new("targets.platforms", $"There is no platform '{unknown}': it is linux, darwin, windows or freebsd."));
        }

        if (body.Match is not (null or "any" or "all")) errors.Add(new("targets.match", "This is 'any' or 'all'."));
        if (body.Sample is < 1 or > 100) errors.Add(new("targets.sample", "This is a percentage from 1 to 100."));
        var tags = body.Tags ?? [];
        var choosesNone = !body.All && ids.Count == 0 && tags.Count == 0 && platforms.Count == 0 && body.Sample is null && body.Nodes is not { Count: > 0 };
        if (choosesNone) errors.Add(new("targets", "Nobody is asked: give all, nodes, tags, platforms or sample."));

        // A sample of nothing else is a sample of all.
        var all = body.All || (body.Sample is not null && ids.Count == 0 && tags.Count == 0 && platforms.Count == 0);
        return new(all, ids, tags, body.Match == "all", platforms, body.Sample);
    }

    private static async ValueTask<CampaignBody> BodyAsync(Campaign campaign, AnswerStore answers, DateTimeOffset now, CancellationToken ct)
    {
        var counts = await answers.CountAsync(campaign.Id, ct);
        return Body(campaign, now, new(
            campaign.Targeted, counts[AnswerState.New], counts[AnswerState.Sent], counts[AnswerState.Done], counts[AnswerState.Failed], counts[AnswerState.Expired]));
    }

    private static CampaignBody Body(Campaign campaign, DateTimeOffset now, CampaignCounts counts) => new(
        campaign.Id, campaign.Sql, campaign.Description,
        new(campaign.Targets.All, [.. campaign.Targets.Nodes.Select(node => node.ToString())], campaign.Targets.Tags, campaign.Targets.MatchAll ? "all" : "any",
            campaign.Targets.Platforms, campaign.Targets.Sample),
        campaign.CancelledAt is not null ? "cancelled" : campaign.IsOver(now) ? "expired" : now < campaign.NotBefore ? "waiting" : "active",
        campaign.CreatedAt, campaign.CreatedBy, campaign.NotBefore, campaign.ExpiresAt, campaign.CancelledAt, campaign.Targeted, counts);

    /// <summary>Written out column by column: what agents send may hold lone surrogates and nest deeply.</summary>
    private static JsonArray Rows(byte[] rows) => [.. LineReader.ReadRows(rows).Select(NodesApi.Columns)];

    private static string NameOf(AnswerState state) => state.ToString().ToLowerInvariant();

    private static IResult Missing(string id) => Problem.NotFound($"campaign '{id}'");
}

using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <param name="ExpiresAt">Left out: as long as is set.</param>
internal sealed record DeviceLinkRequest(DateTimeOffset? ExpiresAt = null);

/// <param name="Path">On this server: to be handed to the machine's user.</param>
internal sealed record DeviceLinkBody(string Path, DateTimeOffset ExpiresAt);

/// <summary>Something that the machine was asked by a person.</summary>
/// <param name="Reason">As it was given; empty where none was.</param>
/// <param name="Rows">How many rows it answered with; null until it did.</param>
internal sealed record AskedBody(DateTimeOffset AskedAt, string By, string Description, string Reason, string Sql, string Status, DateTimeOffset? AnsweredAt, int? Rows);

/// <summary>Something that the machine is asked again and again.</summary>
/// <param name="Interval">Seconds.</param>
internal sealed record ScheduledBody(string Name, string Sql, int Interval, string? Description);

/// <summary>What a machine was asked, by whom and why, and what it is asked by its schedule; for the machine's own user.</summary>
/// <param name="Next">Given as <c>after</c>, it brings what was asked earlier; null at the end.</param>
internal sealed record DeviceBody(string DisplayName, string HostIdentifier, IReadOnlyList<AskedBody> Asked, string? Next, IReadOnlyList<ScheduledBody> Schedule);

/// <summary>Machines' users read what their machine was asked. Switched off unless <c>Fleet__Transparency__Enabled</c> says otherwise.</summary>
internal static class TransparencyApi
{
    /// <summary>Questions that one page looks at: each costs a read, whether it was for this machine or not.</summary>
    private const int MostLooked = 40;

    public static void MapTransparency(this IEndpointRouteBuilder app)
    {
        app.MapPost("/api/nodes/{id}/device-link", LinkAsync).For(Role.Admin).Docs<DeviceLinkBody>("Make a link by which the machine's user reads what it was asked", id: "createDeviceLink", body: "{}");
        app.MapGet("/device/{token}", ReadAsync).AllowAnonymous().Docs<DeviceBody>("What this machine was asked, for its user", id: "getDevice");
    }

    private static async Task<IResult> LinkAsync(string id, DeviceLinkRequest request, DeviceLinks links, TransparencySettings settings, NodeStore nodes, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        if (!settings.Enabled) return Problem.Conflict("Links for machines' users are switched off: set Fleet__Transparency__Enabled=true.");
        if (!NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is null) return NodesApi.Missing(id);
        var expiresAt = request.ExpiresAt ?? clock.GetUtcNow() + settings.LinkLife;
        if (expiresAt <= clock.GetUtcNow() || expiresAt > clock.GetUtcNow().AddDays(366)) return Problem.Invalid("expiresAt", "This is in the future, within a year.");
        http.Audit().Target = $"nodes/{id}/device-link";
        return TypedResults.Ok(new DeviceLinkBody("/device/" + links.Token(key, expiresAt), expiresAt));
    }

    private static async Task<IResult> ReadAsync(
        string token, DeviceLinks links, NodeStore nodes, ConfigItems items, CampaignStore campaigns, AnswerStore answers, Limits limits, HttpContext http, CancellationToken ct, string? after = null)
    {
        // Where it is switched off there is no such thing at all.
        if (links.Read(token) is not { } id || await nodes.FindAsync(id, ct) is not { } node) return Problem.NotFound("such link, or it has expired");
        http.Response.Headers.CacheControl = "private, no-store";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        var asked = new List<AskedBody>();
        var (page, next) = Paging.Slice(await campaigns.ListAsync(ct), campaign => campaign.Id, MostLooked, after, limits);
        foreach (var campaign in page)
        {
            if (await answers.FindWholeAsync(campaign.Id, id, ct) is not { } answer || answer.State == AnswerState.New) continue;
            asked.Add(new(
                answer.SentAt ?? campaign.CreatedAt, campaign.CreatedBy, campaign.Description, campaign.Reason, campaign.Sql, CampaignAnswersApi.NameOf(answer.State), answer.AnsweredAt,
                answer.State == AnswerState.Done ? Rows.Array(answer.Rows).Count : null));
        }

        var schedule = items.Queries.Current.Items.Where(query => !query.Schedule.Disabled && query.Tags.Meets(node.Tags)).Select(query => new ScheduledBody(query.Name, query.Schedule.Sql, query.Schedule.Interval, query.Schedule.Description))
            .Concat(items.Packs.Current.Items.Where(pack => pack.Tags.Meets(node.Tags)).SelectMany(pack => pack.Queries.Where(query => !query.Schedule.Disabled).Select(query =>
                new ScheduledBody($"{pack.Name}/{query.Name}", query.Schedule.Sql, query.Schedule.Interval, query.Schedule.Description))));
        return TypedResults.Ok(new DeviceBody(node.Name, node.HostIdentifier, asked, next, [.. schedule.OrderBy(query => query.Name, StringComparer.Ordinal)]));
    }
}

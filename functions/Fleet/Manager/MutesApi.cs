using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="To">Alerts that are open then are told of.</param>
/// <param name="From">Left out, now.</param>
/// <param name="Tags">Of nodes with any of these tags; left out, of all.</param>
/// <param name="RuleIds">Of these rules; left out, of all.</param>
internal sealed record NewMute(DateTimeOffset To, string Reason, DateTimeOffset? From = null, IReadOnlyList<string>? Tags = null, IReadOnlyList<string>? RuleIds = null);

internal sealed record MuteBody(string Id, string Reason, IReadOnlyList<string> Tags, IReadOnlyList<string> RuleIds, DateTimeOffset From, DateTimeOffset To, string CreatedBy, DateTimeOffset CreatedAt);

/// <summary>Times in which nobody is told, such as maintenance.</summary>
internal static class MutesApi
{
    public static void MapMutes(this IEndpointRouteBuilder api)
    {
        api.MapGet("/mutes", List).For(Role.Viewer).Docs<ListOf<MuteBody>>("List the times in which nobody is told of alerts");
        api.MapPost("/mutes", CreateAsync).For(Role.Operator).Docs<MuteBody>("Tell nobody of alerts for a while", body: """{"to":"2099-01-01T04:00:00Z","reason":"the database moves","tags":["db"]}""", status: [201]);
        api.MapDelete("/mutes/{id}", RemoveAsync).For(Role.Operator).Docs("End or cancel a mute; alerts that it held back and that are open are told of");
    }

    private static Ok<ListOf<MuteBody>> List(Mutes mutes, Limits limits, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(mutes.Table.Current.Items, mute => mute.Id, take, after, page, limits, Body));

    private static async Task<IResult> CreateAsync(NewMute request, Mutes mutes, RuleStore rules, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var from = request.From ?? now;
        var errors = new List<FieldError>();
        if (string.IsNullOrWhiteSpace(request.Reason) || request.Reason.Length > 1_000) errors.Add(new("reason", "A reason has 1 to 1,000 characters."));
        if (request.To <= from || request.To <= now) errors.Add(new("to", "This is after the beginning, and later than now."));
        if (request.Tags is not null && TagSet.Fault([.. request.Tags], limits) is { } fault) errors.Add(new("tags", fault));
        for (var i = 0; i < request.RuleIds?.Count; i++)
        {
            if (rules.Find(request.RuleIds[i]) is null) errors.Add(new($"ruleIds[{i}]", $"There is no rule '{request.RuleIds[i]}'."));
        }

        if (errors.Count > 0) return Problem.Invalid(errors);
        var mute = new Mute(Guid.CreateVersion7(now).ToString("N"), request.Reason, TagSet.Of(request.Tags ?? []), [.. (request.RuleIds ?? []).Distinct()], from, request.To, http.Actor(), now);
        (http.Audit().Target, http.Audit().After) = ("mutes/" + mute.Id, Json(mute));
        await mutes.Table.PutAsync(mute.Id, mute, etag: null, ct, isNew: true);
        return TypedResults.Created($"/api/mutes/{mute.Id}", Body(mute));
    }

    private static async Task<IResult> RemoveAsync(string id, Mutes mutes, AlertLife life, HttpContext http, CancellationToken ct)
    {
        if (await mutes.Table.ReadAsync(id, ct) is not { } stored) return Problem.NotFound($"mute '{id}'");
        (http.Audit().Target, http.Audit().Before) = ("mutes/" + id, Json(stored.Item));
        await mutes.Table.RemoveAsync(id, stored.Etag, ct);
        await life.UnmuteAsync(stored.Item, ct);
        return TypedResults.NoContent();
    }

    private static JsonObject Json(Mute mute) => (JsonObject)JsonSerializer.SerializeToNode(Body(mute), ManagerJson.Strict.MuteBody)!;

    private static MuteBody Body(Mute mute) => new(mute.Id, mute.Reason, mute.Tags.Tags, mute.RuleIds, mute.From, mute.To, mute.CreatedBy, mute.CreatedAt);
}

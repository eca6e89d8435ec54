using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="Message">The keys of what it is about.</param>
/// <param name="AlertId">Of a message that has an alerter told; with its <paramref name="AlertTitle"/> and <paramref name="Alerter"/>.</param>
internal sealed record DeadLetterBody(string Id, string Queue, string Message, int Deliveries, string Reason, DateTimeOffset DiedAt, string? AlertId, string? AlertTitle, string? Alerter);

internal sealed record DeadLettersSent(int Sent);

/// <summary>Messages that were given up.</summary>
internal static class DeadLettersApi
{
    public static void MapDeadLetters(this IEndpointRouteBuilder api)
    {
        api.MapGet("/dead-letters", ListAsync).For(Role.Viewer).Docs<ListOf<DeadLetterBody>>("List messages that were given up");
        api.MapPost("/dead-letters/{id}/retry", RetryAsync).For(Role.Operator).Docs("Send a message again that was given up");
        api.MapPost("/dead-letters/retry", RetryAllAsync).For(Role.Operator).Docs<DeadLettersSent>("Send all messages again that were given up, at most a thousand", id: "retryDeadLetters");
        api.MapDelete("/dead-letters/{id}", RemoveAsync).For(Role.Operator).Docs("Forget a message that was given up");
    }

    private static async Task<Ok<ListOf<DeadLetterBody>>> ListAsync(IDeadLetters letters, AlertStore alerts, Limits limits, CancellationToken ct, int? take = null)
    {
        var bodies = new List<DeadLetterBody>();
        foreach (var letter in await letters.ListAsync(Paging.Take(take, limits), ct))
        {
            var about = letter.Queue == Addresses.Alerts ? SendAlerts.Read(letter.Body) : null;
            var alert = about is var (place, _, _) ? await alerts.FindAsync(place, ct) : null;
            bodies.Add(new(letter.Id, letter.Queue, letter.Body, letter.Deliveries, letter.Reason, letter.DiedAt, alert?.Id, alert?.Title, about?.Alerter));
        }

        return TypedResults.Ok(new ListOf<DeadLetterBody>(bodies, null));
    }

    private static async Task<IResult> RetryAsync(string id, IDeadLetters letters, HttpContext http, CancellationToken ct)
    {
        http.Audit().Target = "dead-letters/" + id;
        return await letters.RetryAsync(id, ct) ? TypedResults.NoContent() : Missing(id);
    }

    /// <summary>Those that were there when it began: what is given up again meanwhile stays.</summary>
    private static async Task<IResult> RetryAllAsync(IDeadLetters letters, Limits limits, HttpContext http, CancellationToken ct)
    {
        var sent = 0;
        foreach (var letter in await letters.ListAsync(limits.PageMost, ct))
        {
            if (await letters.RetryAsync(letter.Id, ct)) sent++;
        }

        (http.Audit().Target, http.Audit().Reason) = ("dead-letters", $"{sent} again");
        return TypedResults.Ok(new DeadLettersSent(sent));
    }

    private static async Task<IResult> RemoveAsync(string id, IDeadLetters letters, HttpContext http, CancellationToken ct)
    {
        http.Audit().Target = "dead-letters/" + id;
        return await letters.RemoveAsync(id, ct) ? TypedResults.NoContent() : Missing(id);
    }

    private static IResult Missing(string id) => Problem.NotFound($"dead letter '{id}'");
}

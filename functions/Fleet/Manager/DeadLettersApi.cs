using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Results;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="Queue">The queue of a message; of a batch that was put aside the stage that could not work it off: <c>index</c>, <c>status</c> or <c>reports</c>.</param>
/// <param name="Message">The keys of what it is about.</param>
/// <param name="AlertId">Of a message that has an alerter told; with its <paramref name="AlertTitle"/> and <paramref name="Alerter"/>.</param>
internal sealed record DeadLetterBody(string Id, string Queue, string Message, int Deliveries, string Reason, DateTimeOffset DiedAt, string? AlertId, string? AlertTitle, string? Alerter);

internal sealed record DeadLettersSent(int Sent);

/// <summary>Messages that were given up, and batches that were put aside.</summary>
internal static class DeadLettersApi
{
    public static void MapDeadLetters(this IEndpointRouteBuilder api)
    {
        api.MapGet("/dead-letters", ListAsync).For(Role.Viewer).Docs<ListOf<DeadLetterBody>>("List messages that were given up");
        api.MapPost("/dead-letters/{id}/retry", RetryAsync).For(Role.Operator).Docs("Send a message again that was given up");
        api.MapPost("/dead-letters/retry", RetryAllAsync).For(Role.Operator).Docs<DeadLettersSent>("Send all messages again that were given up, at most a thousand", id: "retryDeadLetters");
        api.MapDelete("/dead-letters/{id}", RemoveAsync).For(Role.Operator).Docs("Forget a message that was given up");
    }

    /// <summary>Before the id of a batch that was put aside: it is shown, sent again and forgotten like a message.</summary>
    private const string OfQuarantine = "quarantine-";

    private static async Task<Ok<ListOf<DeadLetterBody>>> ListAsync(IDeadLetters letters, Quarantine quarantine, AlertStore alerts, Limits limits, CancellationToken ct, int? take = null)
    {
        var bodies = new List<DeadLetterBody>();
        foreach (var letter in await letters.ListAsync(Paging.Take(take, limits), ct))
        {
            var about = letter.Queue == Addresses.Alerts ? SendAlerts.Read(letter.Body) : null;
            var alert = about is var (place, _, _) ? await alerts.FindAsync(place, ct) : null;
            bodies.Add(new(letter.Id, letter.Queue, letter.Body, letter.Deliveries, letter.Reason, letter.DiedAt, alert?.Id, alert?.Title, about?.Alerter));
        }

        bodies.AddRange((await quarantine.ListAsync(Paging.Take(take, limits), ct)).Select(one => new DeadLetterBody(OfQuarantine + one.Id, one.Stage, one.Batch.ToString(), 1, one.Reason, one.At, null, null, null)));
        return TypedResults.Ok(new ListOf<DeadLetterBody>([.. bodies.OrderByDescending(body => body.DiedAt).Take(Paging.Take(take, limits))], null));
    }

    private static ValueTask<bool> AgainAsync(string id, IDeadLetters letters, Quarantine quarantine, CancellationToken ct) =>
        id.StartsWith(OfQuarantine, StringComparison.Ordinal) ? quarantine.RetryAsync(id[OfQuarantine.Length..], ct) : letters.RetryAsync(id, ct);

    private static async Task<IResult> RetryAsync(string id, IDeadLetters letters, Quarantine quarantine, HttpContext http, CancellationToken ct)
    {
        http.Audit().Target = "dead-letters/" + id;
        return await AgainAsync(id, letters, quarantine, ct) ? TypedResults.NoContent() : Missing(id);
    }

    /// <summary>Those that were there when it began: what is given up again meanwhile stays.</summary>
    private static async Task<IResult> RetryAllAsync(IDeadLetters letters, Quarantine quarantine, Limits limits, HttpContext http, CancellationToken ct)
    {
        var sent = 0;
        foreach (var letter in await letters.ListAsync(limits.PageMost, ct))
        {
            if (await letters.RetryAsync(letter.Id, ct)) sent++;
        }

        foreach (var one in await quarantine.ListAsync(limits.PageMost, ct))
        {
            if (await quarantine.RetryAsync(one.Id, ct)) sent++;
        }

        (http.Audit().Target, http.Audit().Reason) = ("dead-letters", $"{sent} again");
        return TypedResults.Ok(new DeadLettersSent(sent));
    }

    private static async Task<IResult> RemoveAsync(string id, IDeadLetters letters, Quarantine quarantine, HttpContext http, CancellationToken ct)
    {
        http.Audit().Target = "dead-letters/" + id;
        return await (id.StartsWith(OfQuarantine, StringComparison.Ordinal) ? quarantine.RemoveAsync(id[OfQuarantine.Length..], ct) : letters.RemoveAsync(id, ct)) ? TypedResults.NoContent() : Missing(id);
    }

    private static IResult Missing(string id) => Problem.NotFound($"dead letter '{id}'");
}

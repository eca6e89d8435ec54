using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <param name="State"><c>pending</c>, <c>delivered</c>, <c>queued</c> (for a digest), <c>retrying</c>, <c>failed</c>, <c>quiet</c> (snoozed or muted) or <c>skipped</c>.</param>
internal sealed record DeliveryBody(string Alerter, string State, int Attempts, DateTimeOffset? At, string? Reason);

/// <param name="Title">The rule's name with its placeholders filled in.</param>
/// <param name="State"><c>open</c>, <c>acknowledged</c> or <c>resolved</c>.</param>
/// <param name="NodeId">Empty where it is about several nodes: then <paramref name="About"/> says which.</param>
/// <param name="Count">Rows that were found to be this alert.</param>
/// <param name="QuietUntil">Nobody is told before; <paramref name="QuietBy"/> says why.</param>
/// <param name="Line">The row as it was.</param>
internal sealed record AlertBody(
    string Id, string Title, string Message, string State, string Severity, string RuleId, string RuleName, long RuleVersion, string? Runbook, string NodeId, string HostIdentifier, string? About, IReadOnlyList<string> Tags,
    long Count, DateTimeOffset RaisedAt, DateTimeOffset LastAt, string? Owner, DateTimeOffset? QuietUntil, string? QuietBy, DateTimeOffset? ResolvedAt, DateTimeOffset? EscalatesAt,
    JsonNode Line, IReadOnlyList<DeliveryBody> Deliveries, string? DeviceLink);

/// <param name="Action"><c>opened</c>, <c>acknowledged</c>, <c>resolved</c>, <c>reopened</c>, <c>escalated</c>, <c>reminded</c>, <c>snoozed</c>, <c>assigned</c> or <c>note</c>.</param>
/// <param name="By">Empty for Fleet itself.</param>
internal sealed record AlertStepBody(DateTimeOffset At, string By, string Action, string Text);

/// <param name="Note">Why, for those who read it later.</param>
internal sealed record AlertNote(string? Note = null);

/// <param name="For">Such as <c>4h</c>; this or <paramref name="Until"/>.</param>
internal sealed record AlertSnooze(string? For = null, DateTimeOffset? Until = null, string? Note = null);

/// <param name="Owner">Who takes care of it; empty for nobody.</param>
internal sealed record AlertOwner(string Owner);

/// <param name="Ids">At most a hundred.</param>
/// <param name="Action"><c>acknowledge</c>, <c>resolve</c> or <c>reopen</c>.</param>
internal sealed record AlertsRequest(IReadOnlyList<string> Ids, string Action, string? Note = null);

/// <param name="Changed">How many are in another state now.</param>
internal sealed record AlertsDone(int Changed, IReadOnlyList<string> Missing);

internal static class AlertsApi
{
    private const int MostText = 10_000;
    private const int MostAtOnce = 100;
    private const int Months = 13;
    private static readonly TimeSpan s_mostSnooze = TimeSpan.FromDays(365);

    public static void MapAlerts(this IEndpointRouteBuilder api)
    {
        api.MapGet("/alerts", ListAsync).For(Role.Viewer).Docs<ListOf<AlertBody>>("List alerts, newest first");
        api.MapGet("/alerts/{id}", FindAsync).For(Role.Viewer).Docs<AlertBody>("Read an alert with its deliveries");
        api.MapGet("/alerts/{id}/history", HistoryAsync).For(Role.Viewer).Docs<ListOf<AlertStepBody>>("List what became of an alert");
        api.MapPost("/alerts/{id}/acknowledge", (string id, AlertNote? request, AlertStore alerts, AlertLife life, DeviceLinks links, HttpContext http, CancellationToken ct) =>
            ChangeAsync(id, request?.Note, alerts, links, http, place => life.AcknowledgeAsync(place, http.Actor(), request?.Note ?? "", ct), ct, alert => alert.State == AlertState.Resolved ? "It is resolved: open it again first." : null)).For(Role.Operator)
            .Docs<AlertBody>("Acknowledge an alert: somebody takes care of it", body: """{"note":"looking into it"}""", id: "acknowledgeAlert");
        api.MapPost("/alerts/{id}/resolve", (string id, AlertNote? request, AlertStore alerts, AlertLife life, DeviceLinks links, HttpContext http, CancellationToken ct) =>
            ChangeAsync(id, request?.Note, alerts, links, http, place => life.ResolveAsync(place, http.Actor(), request?.Note ?? "", ct), ct)).For(Role.Operator)
            .Docs<AlertBody>("Resolve an alert", body: """{"note":"a false alarm"}""", id: "resolveAlert");
        api.MapPost("/alerts/{id}/reopen", (string id, AlertNote? request, AlertStore alerts, AlertLife life, DeviceLinks links, HttpContext http, CancellationToken ct) =>
            ChangeAsync(id, request?.Note, alerts, links, http, place => life.ReopenAsync(place, http.Actor(), request?.Note ?? "", ct), ct, alert => alert.State == AlertState.Acknowledged ? "It is acknowledged, and not resolved." : null)).For(Role.Operator)
            .Docs<AlertBody>("Open an alert again that was resolved", body: """{"note":"it is back"}""", id: "reopenAlert");
        api.MapPost("/alerts/{id}/snooze", SnoozeAsync).For(Role.Operator).Docs<AlertBody>("Tell nobody of an alert for a while", body: """{"for":"4h"}""", id: "snoozeAlert");
        api.MapDelete("/alerts/{id}/snooze", (string id, AlertStore alerts, AlertLife life, DeviceLinks links, HttpContext http, CancellationToken ct) =>
            ChangeAsync(id, null, alerts, links, http, place => life.SnoozeAsync(place, http.Actor(), null, "", ct), ct)).For(Role.Operator)
            .Docs<AlertBody>("End an alert's silence now", id: "endSnooze");
        api.MapPost("/alerts/{id}/assign", (string id, AlertOwner request, AlertStore alerts, AlertLife life, DeviceLinks links, HttpContext http, CancellationToken ct) =>
            request.Owner.Length > 200 ? Task.FromResult(Problem.Invalid("owner", "At most 200 characters fit."))
                : ChangeAsync(id, null, alerts, links, http, place => life.AssignAsync(place, http.Actor(), request.Owner.Trim(), ct), ct)).For(Role.Operator)
            .Docs<AlertBody>("Say who takes care of an alert", body: """{"owner":"ada"}""", id: "assignAlert");
        api.MapPost("/alerts/{id}/notes", NoteAsync).For(Role.Operator).Docs<AlertStepBody>("Write a note on an alert", body: """{"note":"seen on two machines"}""", id: "noteAlert");
        api.MapPost("/alerts/change", ChangeManyAsync).For(Role.Operator).Docs<AlertsDone>("Acknowledge, resolve or reopen many alerts", body: """{"ids":["0123456789abcdef0123456789abcdef"],"action":"acknowledge"}""", id: "changeAlerts");
    }

    private static async Task<IResult> ListAsync(
        AlertStore alerts, DeviceLinks links, Limits limits, CancellationToken ct, string? ruleId = null, string? nodeId = null, string? severity = null, string? state = null, string? owner = null, string? tag = null, string? q = null,
        DateTimeOffset? from = null, DateTimeOffset? to = null, int? take = null, string? after = null)
    {
        var states = state?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(StateOf).ToHashSet();
        if (states?.Contains(null) == true) return Problem.Invalid("state", "This is open, acknowledged, resolved, or several with commas between them.");
        if (severity is not null && !Severity.Names.Contains(severity)) return Problem.Invalid("severity", $"This is one of {string.Join(", ", Severity.Names)}.");
        var page = await alerts.PageAsync(
            Paging.Take(take, limits), after,
            alert => (ruleId is null || alert.RuleId == ruleId) && (nodeId is null || alert.Node.ToString() == nodeId) && (severity is null || alert.Severity == severity)
                && (states is null || states.Contains(alert.State)) && (owner is null || alert.Owner == owner) && (tag is null || alert.Tags.Has(tag))
                && (q is null || alert.Title.Contains(q, StringComparison.OrdinalIgnoreCase) || alert.Host.Contains(q, StringComparison.OrdinalIgnoreCase) || alert.Line.Contains(q, StringComparison.OrdinalIgnoreCase))
                && !(alert.RaisedAt > to),
            ct, from);
        return TypedResults.Ok(page.Select(alert => Body(alert, links)));
    }

    private static AlertState? StateOf(string text) => Enum.TryParse<AlertState>(text, ignoreCase: true, out var state) && char.IsAsciiLetter(text[0]) ? state : null;

    private static async Task<IResult> FindAsync(string id, AlertStore alerts, DeviceLinks links, CancellationToken ct) =>
        await PlaceAsync(id, alerts, ct) is { } place && await alerts.FindAsync(place, ct) is { } alert ? TypedResults.Ok(Body(alert, links)) : Missing(id);

    private static async Task<IResult> HistoryAsync(string id, AlertStore alerts, AlertHistory history, Limits limits, CancellationToken ct, int? take = null, string? after = null)
    {
        if (await PlaceAsync(id, alerts, ct) is not { } place || await alerts.FindAsync(place, ct) is not { } alert) return Missing(id);
        var steps = await history.ReadAsync(alert, ct);
        return TypedResults.Ok(Paging.Numbered<AlertStepBody>([.. steps.Select(step => new AlertStepBody(step.At, step.By, step.Action, step.Text)), new(alert.RaisedAt, "", "opened", "")], take, after, limits));
    }

    private static Task<IResult> SnoozeAsync(string id, AlertSnooze request, AlertStore alerts, AlertLife life, DeviceLinks links, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var span = TimeSpan.Zero;
        if ((request.For is null) == (request.Until is null)) return Task.FromResult(Problem.Invalid("for", "Either 'for', a span of time such as 4h, or 'until' says how long."));
        if (request.For is not null && (!Duration.TryParse(request.For, out span) || span <= TimeSpan.Zero)) return Task.FromResult(Problem.Invalid("for", "This is a span of time, such as 4h, of a year at most."));
        var until = request.For is null ? request.Until : now + span;
        if (until <= now || until > now + s_mostSnooze) return Task.FromResult(Problem.Invalid(request.For is null ? "until" : "for", "The silence ends later than now, and within a year."));
        return ChangeAsync(id, request.Note, alerts, links, http, place => life.SnoozeAsync(place, http.Actor(), until, request.Note ?? "", ct), ct,
            alert => alert.State == AlertState.Resolved ? "The alert is resolved: there is nothing to be silent about." : null);
    }

    private static async Task<IResult> NoteAsync(string id, AlertNote request, AlertStore alerts, AlertHistory history, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(request.Note) || request.Note.Length > MostText) return Problem.Invalid("note", "A note has 1 to 10,000 characters.");
        if (await PlaceAsync(id, alerts, ct) is null) return Missing(id);
        http.Audit().Target = "alerts/" + id;
        var step = new AlertStep(clock.GetUtcNow(), http.Actor(), "note", request.Note);
        await history.AddAsync(id, step, ct);
        return TypedResults.Ok(new AlertStepBody(step.At, step.By, step.Action, step.Text));
    }

    private static async Task<IResult> ChangeManyAsync(AlertsRequest request, AlertStore alerts, AlertLife life, HttpContext http, CancellationToken ct)
    {
        if (request.Ids.Count is 0 or > MostAtOnce) return Problem.Invalid("ids", "These are 1 to 100 alerts.");
        if (request.Note?.Length > MostText) return Problem.Invalid("note", "At most 10,000 characters fit.");
        Func<AlertKey, ValueTask<Alert?>>? change = request.Action switch
        {
            "acknowledge" => place => life.AcknowledgeAsync(place, http.Actor(), request.Note ?? "", ct),
            "resolve" => place => life.ResolveAsync(place, http.Actor(), request.Note ?? "", ct),
            "reopen" => place => life.ReopenAsync(place, http.Actor(), request.Note ?? "", ct),
            _ => null,
        };
        if (change is null) return Problem.Invalid("action", "This is acknowledge, resolve or reopen.");
        (http.Audit().Target, http.Audit().Reason) = ("alerts", request.Note);
        http.Audit().After = new JsonObject { ["action"] = request.Action, ["ids"] = new JsonArray([.. request.Ids.Select(id => JsonValue.Create(id))]) };
        var changed = 0;
        var missing = new List<string>();
        foreach (var id in request.Ids.Distinct())
        {
            if (await PlaceAsync(id, alerts, ct) is not { } place || await alerts.FindAsync(place, ct) is not { } before || await change(place) is not { } after) missing.Add(id);
            else if (after.State != before.State) changed++;
        }

        return TypedResults.Ok(new AlertsDone(changed, missing));
    }

    private static async Task<IResult> ChangeAsync(string id, string? note, AlertStore alerts, DeviceLinks links, HttpContext http, Func<AlertKey, ValueTask<Alert?>> change, CancellationToken ct, Func<Alert, string?>? fault = null)
    {
        if (note?.Length > MostText) return Problem.Invalid("note", "At most 10,000 characters fit.");
        if (await PlaceAsync(id, alerts, ct) is not { } place || await alerts.FindAsync(place, ct) is not { } before) return Missing(id);
        if (fault?.Invoke(before) is { } conflict) return Problem.Conflict(conflict);
        if (await change(place) is not { } after) return Missing(id);
        (http.Audit().Target, http.Audit().Reason) = ("alerts/" + id, note);
        (http.Audit().Before, http.Audit().After) = (State(before), State(after));
        return TypedResults.Ok(Body(after, links));
    }

    private static JsonObject State(Alert alert) => new() { ["state"] = NameOf(alert.State), ["owner"] = alert.Owner, ["quietUntil"] = alert.QuietUntil is { } until ? UtcTime.Text(until) : null };

    private static async ValueTask<AlertKey?> PlaceAsync(string id, AlertStore alerts, CancellationToken ct) =>
        id.Length == 32 && id.All(char.IsAsciiLetterOrDigit) ? await alerts.FindPlaceAsync(id, ct, Months) : null;

    private static IResult Missing(string id) => Problem.NotFound($"alert '{id}'");

    private static string NameOf(AlertState state) => state.ToString().ToLowerInvariant();

    private static AlertBody Body(Alert alert, DeviceLinks links) => new(
        alert.Id, alert.Title, alert.Message, NameOf(alert.State), alert.Severity, alert.RuleId, alert.RuleName, alert.RuleVersion, alert.Runbook.OrNull(),
        alert.Node == default ? "" : alert.Node.ToString(), alert.Host, alert.About.OrNull(), alert.Tags.Tags,
        alert.Count, alert.RaisedAt, alert.LastAt, alert.Owner.OrNull(), alert.QuietUntil, alert.QuietBy.OrNull(), alert.ResolvedAt, alert.State == AlertState.Open ? alert.EscalatesAt : null,
        JsonNode.Parse(alert.Line)!,
        [.. alert.Deliveries.Select(delivery => new DeliveryBody(delivery.Alerter, delivery.State, delivery.Attempts, delivery.At, delivery.Reason))],
        alert.Node == default ? null : links.For(alert.Node));
}

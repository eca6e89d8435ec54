using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

internal sealed record DeliveryBody(string Alerter, string State, int Attempts, DateTimeOffset? At, string? Reason);

internal sealed record AlertBody(
    string Id, string RuleId, string RuleName, string NodeId, string HostIdentifier, string Severity, DateTimeOffset RaisedAt, JsonNode Line, IReadOnlyList<DeliveryBody> Deliveries, string? DeviceLink);

internal sealed record DeadLetterBody(string Id, string Queue, string Message, int Deliveries, string Reason, DateTimeOffset DiedAt);

internal static class AlertsApi
{
    public static void MapAlerts(this IEndpointRouteBuilder api)
    {
        api.MapGet("/alerts", ListAsync).For(Role.Viewer).Docs<ListOf<AlertBody>>("List alerts, newest first");
        api.MapGet("/alerts/{id}", FindAsync).For(Role.Viewer).Docs<AlertBody>("Read an alert with its deliveries");
        api.MapGet("/dead-letters", ListDeadAsync).For(Role.Viewer).Docs<ListOf<DeadLetterBody>>("List messages that were given up");
        api.MapPost("/dead-letters/{id}/retry", RetryAsync).For(Role.Operator).Docs("Send a message again that was given up");
    }

    private static async Task<IResult> ListAsync(
        AlertStore alerts, DeviceLinks links, Limits limits, CancellationToken ct, string? ruleId = null, string? nodeId = null, string? severity = null, DateTimeOffset? from = null, DateTimeOffset? to = null,
        int? take = null, string? after = null)
    {
        var page = await alerts.PageAsync(
            Paging.Take(take, limits), after,
            alert => (ruleId is null || alert.RuleId == ruleId) && (nodeId is null || alert.Node.ToString() == nodeId) && (severity is null || alert.Severity == severity) && !(alert.RaisedAt > to),
            ct, from);
        return TypedResults.Ok(page.Select(alert => Body(alert, links)));
    }

    private static async Task<IResult> FindAsync(string id, AlertStore alerts, DeviceLinks links, CancellationToken ct) =>
        id.Length == 32 && id.All(char.IsAsciiLetterOrDigit)
        && await alerts.FindPlaceAsync(id, ct) is { } place && await alerts.FindAsync(place, ct) is { } alert
            ? TypedResults.Ok(Body(alert, links))
            : Problem.NotFound($"alert '{id}'");

    private static async Task<IResult> ListDeadAsync(IDeadLetters letters, Limits limits, CancellationToken ct, int? take = null)
    {
        var dead = await letters.ListAsync(Paging.Take(take, limits), ct);
        return TypedResults.Ok(new ListOf<DeadLetterBody>(
            [.. dead.Select(letter => new DeadLetterBody(letter.Id, letter.Queue, letter.Body, letter.Deliveries, letter.Reason, letter.DiedAt))], null));
    }

    private static async Task<IResult> RetryAsync(string id, IDeadLetters letters, CancellationToken ct) =>
        await letters.RetryAsync(id, ct) ? TypedResults.NoContent() : Problem.NotFound($"dead letter '{id}'");

    private static AlertBody Body(Alert alert, DeviceLinks links) => new(
        alert.Id, alert.RuleId, alert.RuleName, alert.Node.ToString(), alert.Host, alert.Severity, alert.RaisedAt, JsonNode.Parse(alert.Line)!,
        [.. alert.Deliveries.Select(delivery => new DeliveryBody(delivery.Alerter, delivery.State, delivery.Attempts, delivery.At, delivery.Reason))],
        links.For(alert.Node));
}

using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Queue <c>alerts</c>: one alert, one alerter. What is delivered already is not delivered again.</summary>
internal sealed class SendAlerts(AlertStore alerts, Alerters alerters, DeviceLinks links, ChangeFeed changes, Limits limits, TimeProvider clock) : ISubscriber
{
    private const char Separator = '|';

    public string Queue => Addresses.Alerts;

    /// <summary>The message that has this alert sent by this alerter.</summary>
    public static string Message(AlertKey alert, string alerter) => $"{alert}{Separator}{alerter}";

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        if (body.Split(Separator, 2) is not [var place, var name] || !AlertKey.TryParse(place, out var key)) return new Outcome.Dead("The message names no alert.");
        if (await alerts.FindAsync(key, ct) is not { } alert) return Outcome.Finished;

        var seen = alert.Deliveries.FirstOrDefault(d => d.Alerter == name) ?? new(name, "pending", 0, null, null);
        if (seen.State == "delivered") return Outcome.Finished;

        await changes.LookAsync(ct);
        var result = await alerters.FindAsync(name, ct) is { } alerter
            ? await Delivery.OfAsync(alerter, alert with { DeviceLink = links.For(alert.Node) }, limits, ct)
            : new Delivery.Rejected($"There is no alerter '{name}' any more.");

        var tried = seen with { Attempts = seen.Attempts + 1, At = clock.GetUtcNow() };
        switch (result)
        {
            case Delivery.RetryAfter retry:
                var isLast = tried.Attempts >= limits.Deliveries;
                await alerts.NoteAsync(key, tried with { State = isLast ? "failed" : "retrying", Reason = retry.Reason }, ct);
                return new Outcome.Again(retry.Wait ?? limits.BackOff(tried.Attempts), retry.Reason);
            case Delivery.Rejected rejected:
                await alerts.NoteAsync(key, tried with { State = "failed", Reason = rejected.Reason }, ct);
                return new Outcome.Dead(rejected.Reason);
            default:
                await alerts.NoteAsync(key, tried with { State = "delivered", Reason = null }, ct);
                return Outcome.Finished;
        }
    }
}

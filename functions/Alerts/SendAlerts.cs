using System.Globalization;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Queue <c>alerts</c>: one alerter is told what happened to one alert; or is sent its digest. What it was told already it is not told again.</summary>
internal sealed class SendAlerts(
    AlertStore alerts, Alerters alerters, Digests digests, DeviceLinks links, AlertSite site, ChangeFeed changes, Limits limits, TimeProvider clock) : ISubscriber
{
    private const char Separator = '|';

    /// <summary>What an alerter is told of one alert it is told in turn.</summary>
    private readonly Turns _turns = new();

    public string Queue => Addresses.Alerts;

    /// <summary>The message that has this alerter told of an alert, up to one of its events.</summary>
    public static string Message(AlertKey alert, string alerter, int what) => string.Create(CultureInfo.InvariantCulture, $"{alert}{Separator}{what}{Separator}{alerter}");

    /// <summary>The message that has a digest sent.</summary>
    public static string DigestMessage(string until, string alerter) => $"{until}{Separator}{alerter}";

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        await changes.LookAsync(ct);
        if (body.Split(Separator, 3) is [var place, var number, var name] && AlertKey.TryParse(place, out var key) && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var what))
        {
            using var turn = await _turns.TakeAsync(place + Separator + name, ct);
            return await alerts.FindAsync(key, ct) is { } alert ? await TellAsync(key, alert, what, name, ct) : Outcome.Finished;
        }

        return body.Split(Separator, 2) is [{ Length: > 0 } until, var digester] && until.All(char.IsAsciiDigit) ? await SendDigestAsync(until, digester, ct) : new Outcome.Dead("The message names no alert.");
    }

    private async ValueTask<Outcome> TellAsync(AlertKey key, Alert alert, int what, string name, CancellationToken ct)
    {
        var seen = alert.Deliveries.FirstOrDefault(d => d.Alerter == name) ?? new(name, "pending", 0, null, null);
        if (seen.Told >= what || alert.IsQuiet(clock.GetUtcNow())) return Outcome.Finished;

        // Nobody was told that it began, and nobody needs to be told that it is over.
        if (seen is { State: "quiet", Told: < 0 } && alert.State == AlertState.Resolved)
        {
            await alerts.NoteAsync(key, seen with { State = "skipped", Told = alert.Events.Length - 1 }, ct);
            return Outcome.Finished;
        }

        using var span = Telemetry.Start("send alert", alert.Trace);
        span?.SetTag("alerter", name);
        var tried = seen with { Attempts = seen.State is "delivered" or "queued" ? 1 : seen.Attempts + 1, At = clock.GetUtcNow() };
        if (await alerters.FindAsync(name, ct) is not var (alerter, settings)) return await FailAsync(new Delivery.Rejected($"There is no alerter '{name}' any more."));
        var isQueued = seen.State == "queued";
        foreach (var (place, one) in Reduced(alert.Events, Math.Max(seen.Told + 1, seen.From)).Where(one => Wants(settings, one.What)))
        {
            if (settings.DigestEvery is not null && one != AlertEvent.Resolved)
            {
                await digests.AddAsync(name, key, alert, ct);
                isQueued = true;
                continue;
            }

            var notice = Notice.Of(one, alert with { DeviceLink = alert.Node == default ? null : links.For(alert.Node) }, settings, site.Url);
            if (settings.DigestEvery is null && await DeliverAsync(alerter, notice, name, ct) is not Delivery.Delivered and var result) return await FailAsync(result);
            tried = tried with { Told = place };
        }

        await alerts.NoteAsync(key, tried with { State = isQueued && settings.DigestEvery is not null ? "queued" : "delivered", Reason = null, Told = alert.Events.Length - 1 }, ct);
        return Outcome.Finished;

        async ValueTask<Outcome> FailAsync(Delivery result)
        {
            if (result is Delivery.RetryAfter retry)
            {
                await alerts.NoteAsync(key, tried with { State = tried.Attempts >= limits.Deliveries ? "failed" : "retrying", Reason = retry.Reason }, ct);
                return new Outcome.Again(retry.Wait ?? limits.BackOff(tried.Attempts), retry.Reason);
            }

            await alerts.NoteAsync(key, tried with { State = "failed", Reason = result.Reason }, ct);
            return new Outcome.Dead(result.Reason);
        }
    }

    private async ValueTask<Delivery> DeliverAsync(IAlerter alerter, Notice notice, string name, CancellationToken ct)
    {
        var result = await Delivery.OfAsync(alerter, notice, limits, ct);
        Telemetry.Deliveries.Add(1, new("alerter", name), new("outcome", result.Outcome));
        return result;
    }

    private static bool Wants(AlerterSettings settings, AlertEvent what) => AlerterType.Of(settings.Type)?.Tells.Contains(what) == true;

    /// <summary>Of what an alerter has missed: the last call, and the last thing that became of it.</summary>
    private static List<(int Place, AlertEvent What)> Reduced(string events, int from)
    {
        var reduced = new List<(int, AlertEvent What)>();
        for (var place = from; place < events.Length; place++)
        {
            var what = (AlertEvent)events[place];
            if (what is AlertEvent.Acknowledged or AlertEvent.Resolved) reduced.RemoveAll(one => one.What is AlertEvent.Acknowledged or AlertEvent.Resolved);
            else reduced.Clear();
            reduced.Add((place, what));
        }

        return reduced;
    }

    private async ValueTask<Outcome> SendDigestAsync(string until, string name, CancellationToken ct)
    {
        var waiting = await digests.ReadAsync(name, until, ct);
        if (waiting.Count == 0) return Outcome.Finished;
        var found = new List<(AlertKey Key, Alert Alert)>();
        foreach (var key in waiting.Select(one => one.Place).Distinct())
        {
            if (await alerts.FindAsync(key, ct) is { } alert) found.Add((key, alert));
        }

        if (found.Count > 0)
        {
            if (await alerters.FindAsync(name, ct) is not var (alerter, _)) return new Outcome.Dead($"There is no alerter '{name}' any more.");
            switch (await DeliverAsync(alerter, Notice.OfDigest([.. found.Select(one => one.Alert)], site.Url), name, ct))
            {
                case Delivery.RetryAfter retry:
                    return new Outcome.Again(retry.Wait ?? limits.RetryFirst, retry.Reason);
                case Delivery.Rejected rejected:
                    return new Outcome.Dead(rejected.Reason);
            }
        }

        foreach (var (key, alert) in found)
        {
            if (alert.Deliveries.FirstOrDefault(delivery => delivery.Alerter == name) is { State: "queued" } delivery) await alerts.NoteAsync(key, delivery with { State = "delivered" }, ct);
        }

        await digests.RemoveAsync(waiting, ct);
        return Outcome.Finished;
    }
}

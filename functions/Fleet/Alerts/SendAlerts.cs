using System.Globalization;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Queue <c>alerts</c>: one alerter is told what happened to one alert; or is sent its digest. What it was told already it is not told again.</summary>
internal sealed class SendAlerts(
    AlertStore alerts, AlertLife life, Mutes mutes, Alerters alerters, AlerterGates gates, Digests digests, DeviceLinks links, AlertSite site, ChangeFeed changes, Limits limits, TimeProvider clock) : ISubscriber
{
    private const char Separator = '|';

    /// <summary>What an alerter is told of one alert it is told in turn.</summary>
    private readonly Turns _turns = new();

    public string Queue => Addresses.Alerts;

    /// <summary>The message that has this alerter told of an alert, up to one of its events.</summary>
    public static string Message(AlertKey alert, string alerter, int what) => string.Create(CultureInfo.InvariantCulture, $"{alert}{Separator}{what}{Separator}{alerter}");

    /// <summary>What such a message says; null of any other.</summary>
    public static (AlertKey Alert, int What, string Alerter)? Read(string message) =>
        message.Split(Separator, 3) is [var place, var number, var alerter] && AlertKey.TryParse(place, out var alert) && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var what)
            ? (alert, what, alerter)
            : null;

    /// <summary>The message that has a digest sent.</summary>
    public static string DigestMessage(DateTimeOffset until, long failures, string alerter) => string.Create(CultureInfo.InvariantCulture, $"{until.UtcTicks:D19}.{failures}{Separator}{alerter}");

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        await changes.LookAsync(ct);
        if (Read(body) is var (key, what, name))
        {
            using var turn = await _turns.TakeAsync($"{key}{Separator}{name}", ct);
            return await alerts.FindAsync(key, ct) is { } alert ? await TellAsync(key, alert, what, name, ct) : Outcome.Finished;
        }

        return body.Split(Separator, 2) is [var until, var digester] && until.Split('.') is [{ Length: 19 } ticks, _] && ticks.All(char.IsAsciiDigit)
            ? await SendDigestAsync(ticks, digester, ct)
            : new Outcome.Dead("The message names no alert.");
    }

    private async ValueTask<Outcome> TellAsync(AlertKey key, Alert alert, int until, string name, CancellationToken ct)
    {
        var seen = DeliveryOf(alert, name);
        if (seen.Told >= until || alert.IsQuiet(clock.GetUtcNow()) || await IsMutedAsync(key, alert, seen, ct)) return Outcome.Finished;

        // Nobody was told that it began, and nobody needs to be told that it is over.
        if (seen is { State: "quiet", Told: < 0 } && alert.State == AlertState.Resolved)
        {
            await alerts.NoteAsync(key, seen with { State = "skipped", Told = alert.Events.Length - 1 }, ct);
            return Outcome.Finished;
        }

        if (until == 0 && seen.At is null) Telemetry.Waited(Queue, alert.RaisedAt, clock.GetUtcNow());
        using var span = Telemetry.Start("send alert", alert.Trace);
        span?.SetTag("alerter", name);
        var tried = seen with { Attempts = seen.State is "delivered" or "queued" or "failed" ? 1 : seen.Attempts + 1, At = clock.GetUtcNow() };
        if (await alerters.FindAsync(name, ct) is not var (alerter, settings)) return await FailAsync(new Delivery.Rejected($"There is no alerter '{name}' any more."), isTried: true);
        var isQueued = seen.State == "queued";
        var isTold = false;
        var reason = "";
        foreach (var (place, one) in Reduced(alert.Events, Math.Max(seen.Told + 1, seen.From)).Where(one => Wants(settings, one.What)))
        {
            if (settings.DigestEvery is not null && (one != AlertEvent.Resolved || seen.Told >= 0))
            {
                await digests.AddAsync(name, key, alert, seen.Told, ct);
                (isQueued, isTold) = (true, true);
                continue;
            }

            // To whom it is news, it was opened.
            var what = one == AlertEvent.Reminded && seen.Told < 0 ? AlertEvent.Opened : one;
            if (settings.DigestEvery is null)
            {
                isTold = true;
                var (result, isTried) = await DeliverAsync(alerter, NoticeOf(what, alert, settings), name, ct);
                if (result is not Delivery.Delivered) return await FailAsync(result, isTried);
                reason = result.Reason;
            }

            tried = tried with { Told = place };
        }

        if (!isTold && seen.Told >= 0) tried = seen;
        await alerts.NoteAsync(key, tried with { State = isQueued && settings.DigestEvery is not null ? "queued" : "delivered", Reason = reason.OrNull(), Told = alert.Events.Length - 1 }, ct);
        return Outcome.Finished;

        async ValueTask<Outcome> FailAsync(Delivery result, bool isTried)
        {
            if (result is Delivery.RetryAfter retry)
            {
                var state = isTried && tried.Attempts >= limits.AlertDeliveries ? "failed" : "retrying";
                if (isTried || tried.Told != seen.Told || seen.State != state) await alerts.NoteAsync(key, tried with { State = state, Attempts = isTried ? tried.Attempts : tried.Attempts - 1, Reason = retry.Reason }, ct);

                // Others are tried first: perhaps it is this alert that the other side cannot take.
                var own = limits.BackOff(tried.Attempts);
                var wait = retry.Wait ?? own;
                return new Outcome.Again(!isTried ? wait : wait + limits.RetryFirst > own ? wait + limits.RetryFirst : own, retry.Reason, isTried);
            }

            await alerts.NoteAsync(key, tried with { State = "failed", Reason = result.Reason }, ct);
            return new Outcome.Dead(result.Reason);
        }
    }

    /// <summary>Whether maintenance has begun since the alert called. When that is over it calls again.</summary>
    private async ValueTask<bool> IsMutedAsync(AlertKey key, Alert alert, AlertDelivery delivery, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (alert.State != AlertState.Open || mutes.Find(alert.RuleId, alert.Tags, now) is not { } mute) return false;
        if (await life.QuietAsync(key, mute, ct) is not { } held || !held.IsQuiet(now)) return false;
        await alerts.NoteAsync(key, delivery with { State = "quiet" }, ct);
        return true;
    }

    private async ValueTask<(Delivery Result, bool IsTried)> DeliverAsync(IAlerter alerter, Notice notice, string name, CancellationToken ct)
    {
        var (result, isTried) = await gates.TryAsync(alerter, notice, ct);
        if (isTried) Telemetry.Deliveries.Add(1, new("alerter", name), new("outcome", result.Outcome));
        return (result, isTried);
    }

    private static AlertDelivery DeliveryOf(Alert alert, string name) => alert.Deliveries.FirstOrDefault(one => one.Alerter == name) ?? new(name, "pending", 0, null, null);

    private Notice NoticeOf(AlertEvent what, Alert alert, AlerterSettings settings) => Notice.Of(what, alert with { DeviceLink = alert.Node == default ? null : links.For(alert.Node) }, settings, site.Url);

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
        using var turn = await _turns.TakeAsync(name, ct);
        var waiting = await digests.ReadAsync(name, until, ct);
        var found = new List<(Digested Row, Alert Alert)>();
        foreach (var one in waiting)
        {
            // What is taken out of the digest was not told.
            using var own = await _turns.TakeAsync($"{one.Place}{Separator}{name}", ct);
            var alert = await alerts.FindAsync(one.Place, ct);
            if (alert is null || await IsMutedAsync(one.Place, alert, DeliveryOf(alert, name) with { Told = one.Told }, ct)) await digests.TryRemoveAsync(one, ct);
            else found.Add((one, alert));
        }

        return found.Count == 0 ? Outcome.Finished : await SendDigestAsync(name, found, ct) ?? Outcome.Finished;
    }

    /// <summary>One message about all; by halves if the other side does not take what is in it, so that one alert keeps no other from arriving.</summary>
    /// <returns>What ends this message; null if all were sent.</returns>
    private async ValueTask<Outcome?> SendDigestAsync(string name, List<(Digested Row, Alert Alert)> found, CancellationToken ct)
    {
        if (await alerters.FindAsync(name, ct) is not var (alerter, settings)) return await GiveUpAsync($"There is no alerter '{name}' any more.");
        var isOne = AlerterType.Of(settings.Type)?.CanDigest != true;
        if (isOne && found.Count > 1) return await EachAsync(found.Chunk(1));
        switch (await DeliverAsync(alerter, isOne ? NoticeOf(found[0].Alert.News, found[0].Alert, settings) : Notice.OfDigest([.. found.Select(one => one.Alert)], site.Url), name, ct))
        {
            case (Delivery.Delivered { Note: var note }, _):
                await NoteAsync(delivery => delivery with { State = "delivered", Reason = note.OrNull() });
                await digests.RecoverAsync(name, ct);
                return null;
            case (Delivery.Rejected { IsAboutContent: true }, _) when found.Count > 1:
                return await EachAsync(found.Chunk((found.Count + 1) / 2));
            case (Delivery.Rejected { IsAboutContent: true } refused, _):
                await digests.RecoverAsync(name, ct);
                return await GiveUpAsync(refused.Reason);
            case var (failed, _):
                // The chore that looks for digests which are due has it sent again.
                if (await digests.FailAsync(name, (failed as Delivery.RetryAfter)?.Wait, ct) == 1) await NoteAsync(delivery => delivery with { Reason = failed.Reason }, isEnd: false);
                return Outcome.Finished;
        }

        // What is not sent is found at the next look.
        async ValueTask<Outcome?> EachAsync(IEnumerable<(Digested, Alert)[]> parts)
        {
            foreach (var part in parts)
            {
                if (await SendDigestAsync(name, [.. part], ct) is { } end) return end;
            }

            return null;
        }

        // As a message about an alert: sent again, it waits for a digest again.
        async ValueTask<Outcome> GiveUpAsync(string reason)
        {
            await NoteAsync(delivery => new(name, "failed", 1, clock.GetUtcNow(), reason, From: delivery.From));
            return new Outcome.Dead(reason, Message(found[0].Row.Place, name, found[0].Alert.Events.Length - 1));
        }

        // As the alerts are now: meanwhile something may have happened to them, and then they wait for the next digest.
        async ValueTask NoteAsync(Func<AlertDelivery, AlertDelivery> change, bool isEnd = true)
        {
            foreach (var (row, _) in found)
            {
                using var turn = await _turns.TakeAsync($"{row.Place}{Separator}{name}", ct);
                var delivery = (await alerts.FindAsync(row.Place, ct))?.Deliveries.FirstOrDefault(one => one.Alerter == name);
                if (delivery is { State: "queued" }) await alerts.NoteAsync(row.Place, change(delivery), ct);
                if (isEnd && !await digests.TryRemoveAsync(row, ct) && delivery is not null) await alerts.NoteAsync(row.Place, delivery, ct);
            }
        }
    }
}

using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alert's way from its first row to its end. Everything here may be done again after a crash: it ends the same.</summary>
internal sealed class AlertLife(
    AlertStore alerts, AlertGroups groups, OpenAlerts open, AlertHistory history, Mutes mutes, Alerters alerters, IBus bus, TimeProvider clock)
{
    private const string Muted = "muted: ";

    /// <summary>Rows that an alert remembers: 8 bytes each.</summary>
    private const int MostCounted = 2_000;

    /// <summary>Earlier alerts of a group that are looked at for a row that is gone.</summary>
    public const int MostFollowed = 10;

    /// <summary>An alert that has been through so much is left, and a new one made.</summary>
    private const int MostEvents = 200;

    /// <summary>How long somebody who changes an alert has for telling of it, before it is done for them.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    /// <summary>How often a muted alert is looked at: its mute may be gone before its time, and another instance have missed that.</summary>
    private static readonly TimeSpan s_look = TimeSpan.FromMinutes(5);

    private readonly Turns _turns = new();

    /// <summary>Makes an alert of what a rule found, or counts it in the one that is there, and has alerters told.</summary>
    public async ValueTask RaiseAsync(AlertDraft draft, CancellationToken ct)
    {
        var alert = New(draft);
        if (!draft.IsTracked)
        {
            await MakeAsync(await alerts.PlaceOfAsync(alert, ct), alert, ct);
            return;
        }

        // One after another for each group here; between instances the group's row decides.
        using var turn = await _turns.TakeAsync(draft.Group, ct);
        while (true)
        {
            var group = await groups.FindAsync(draft.Group, ct);
            var fate = group?.Place is { } there ? await JoinAsync(draft, there, ct) : GroupFate.New;
            if (fate is null && clock.GetUtcNow() - group!.At < s_patience && !group.Place!.Value.Row.EndsWith(alert.Id, StringComparison.Ordinal)) throw new StorageUnavailableException("Another instance is making this alert; its message comes again.");
            if (fate is not (GroupFate.Join or GroupFate.Reopen))
            {
                var place = await alerts.PlaceOfAsync(alert, ct);
                if (!await groups.TryTakeAsync(draft.Group, place, clock.GetUtcNow(), draft.At + draft.Window, draft.Live.Count > 0, group, ct)) continue;
                await MakeAsync(place, alert with { Follows = draft.Live.Count == 0 ? null : group?.Place == place ? group.Before : group?.Place }, ct);
            }

            // Removed before they were added, as far as is known here.
            var gone = group?.Gone.Where(one => draft.Live.Any(one.Ends)).ToList();
            if (gone?.Count > 0) await EndAsync(draft.Group, gone, ct);
            return;
        }
    }

    /// <summary>What raised an alert is over.</summary>
    public async ValueTask EndAsync(string group, string why, CancellationToken ct)
    {
        if ((await groups.FindAsync(group, ct))?.Place is { } place) await ResolveAsync(place, "", why, ct);
    }

    /// <summary>Rows are gone: an alert of the group that has no other is over. Of rows that no alert has it is remembered that they are.</summary>
    public async ValueTask RemoveAsync(string group, IReadOnlyList<Hit> gone, CancellationToken ct)
    {
        using var turn = await _turns.TakeAsync(group, ct);
        await EndAsync(group, gone, ct);
    }

    public ValueTask<Alert?> AcknowledgeAsync(AlertKey place, string by, string why, CancellationToken ct) => StepAsync(
        place, by, AlertEvent.Acknowledged, why,
        alert => alert.State == AlertState.Open ? alert with { State = AlertState.Acknowledged, Owner = alert.Owner.Length > 0 ? alert.Owner : by } : alert, ct);

    public ValueTask<Alert?> ResolveAsync(AlertKey place, string by, string why, CancellationToken ct) => StepAsync(
        place, by, AlertEvent.Resolved, why, Resolved, ct);

    public ValueTask<Alert?> ReopenAsync(AlertKey place, string by, string why, CancellationToken ct) => StepAsync(
        place, by, AlertEvent.Reopened, why, alert => alert.State == AlertState.Resolved ? Open(alert) : alert, ct);

    /// <summary>Nobody is told of it before a time; null ends that. What is resolved has nothing to be silent about.</summary>
    public async ValueTask<Alert?> SnoozeAsync(AlertKey place, string by, DateTimeOffset? until, string why, CancellationToken ct)
    {
        if (await alerts.ChangeAsync(place, Snooze, ct) is not var (before, alert)) return null;
        if (ReferenceEquals(before, alert)) return alert;
        await history.AddAsync(alert.Id, new(clock.GetUtcNow(), by, "snoozed", until is { } time ? $"until {time.UtcDateTime:yyyy-MM-dd HH:mm} UTC{(why.Length > 0 ? ": " + why : "")}" : "no more"), ct);
        await open.SetAsync(alert.Id, place, DueOf(alert), ct);
        return alert;

        Alert Snooze(Alert one) => one.State == AlertState.Resolved ? one : until is null ? Woken(one) : one with { QuietUntil = until, QuietBy = "snoozed by " + by };
    }

    public async ValueTask<Alert?> AssignAsync(AlertKey place, string by, string owner, CancellationToken ct)
    {
        if (await alerts.ChangeAsync(place, alert => alert.Owner == owner ? alert : alert with { Owner = owner }, ct) is not var (before, after)) return null;
        if (!ReferenceEquals(before, after)) await history.AddAsync(after.Id, new(clock.GetUtcNow(), by, "assigned", owner.Length > 0 ? "to " + owner : "to nobody"), ct);
        return after;
    }

    /// <summary>A mute is gone before its time: what it held back is due now.</summary>
    public async ValueTask UnmuteAsync(Mute mute, CancellationToken ct)
    {
        await foreach (var (id, place, dueAt) in open.AllAsync(ct))
        {
            if (dueAt > mute.To) continue;
            var now = clock.GetUtcNow();
            var changed = await alerts.ChangeAsync(
                place, alert => alert.QuietUntil == mute.To && IsMuted(alert) ? alert with { QuietUntil = now } : alert, ct);
            if (changed is var (before, after) && !ReferenceEquals(before, after)) await open.SetAsync(id, place, DueOf(after), ct);
        }
    }

    /// <summary>Does what time has brought: an end, an escalation, the end of a silence, and what somebody began and could not finish.</summary>
    public async ValueTask TendAsync(string id, AlertKey place, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await alerts.FindAsync(place, ct) is not { } alert)
        {
            await open.RemoveAsync(id, ct);
            return;
        }

        if (alert.Sent < alert.Events.Length) await FinishAsync(place, alert, ct);
        else if (alert.State == AlertState.Resolved) await open.RemoveAsync(id, ct);
        else if (alert.ResolvesAt <= now) await ResolveAsync(place, "", "nothing was added to it for so long", ct);
        else if (alert.QuietUntil > now && IsMuted(alert) && mutes.Find(alert.RuleId, alert.Tags, now) is null) await RemindAsync(place, alert, ct);
        else if (alert.QuietUntil > now || alert.DueAt is not { } due || due > now) await open.SetAsync(id, place, DueOf(alert), ct);
        else if (mutes.Find(alert.RuleId, alert.Tags, now) is { } mute) await QuietAsync(place, mute, ct);
        else if (alert.QuietUntil is not null) await RemindAsync(place, alert, ct);
        else await EscalateAsync(place, ct);
    }

    /// <summary>Maintenance goes on, or has begun anew: nobody is told now. That it is over is told whatever happens.</summary>
    /// <returns>The alert as it is then; null if there is none.</returns>
    public async ValueTask<Alert?> QuietAsync(AlertKey place, Mute mute, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (await alerts.ChangeAsync(place, alert => alert.State == AlertState.Resolved || alert.IsQuiet(now) ? alert : Quiet(alert, mute), ct) is not (_, var after)) return null;
        if (after.State != AlertState.Resolved) await open.SetAsync(after.Id, place, DueOf(after), ct);
        return after;
    }

    private async ValueTask RemindAsync(AlertKey place, Alert alert, CancellationToken ct) =>
        await StepAsync(place, "", AlertEvent.Reminded, alert.QuietBy, one => one.QuietUntil is null ? one : Heard(one), ct);

    private async ValueTask EscalateAsync(AlertKey place, CancellationToken ct) => await StepAsync(
        place, "", AlertEvent.Escalated, "not acknowledged",
        alert => alert.EscalatesAt is null ? alert : alert with
        {
            EscalatesAt = null,
            Deliveries =
            [
                .. alert.Deliveries,
                .. alert.EscalatesTo.Where(name => alert.Deliveries.All(delivery => delivery.Alerter != name)).Select(name => new AlertDelivery(name, "pending", 0, null, null, From: alert.Events.Length)),
            ],
        },
        ct);

    private Alert New(AlertDraft draft)
    {
        var now = clock.GetUtcNow();
        var mute = mutes.Find(draft.Alert.RuleId, draft.Alert.Tags, now);
        return Quiet(draft.Alert, mute) with
        {
            Id = draft.Id,
            RaisedAt = now,
            FirstAt = draft.At,
            LastAt = draft.At,
            Count = draft.Count,
            Counted = [.. draft.Rows.TakeLast(MostCounted).SelectMany(Short)],
            Live = LiveRows.With([], draft.Live),
            Group = draft.IsTracked ? draft.Group : "",
            Trace = Telemetry.Trace,
            OpenedAt = now,
            EscalatesAfter = draft.EscalatesAfter,
            EscalatesAt = now + draft.EscalatesAfter,
            Deliveries = [.. alerters.For(draft.Alert, draft.Alerters).Select(name => new AlertDelivery(name, mute is null ? "pending" : "quiet", 0, null, null))],
        };
    }

    /// <summary>Alert first, then what has it looked after, then its messages: if the process dies in between, the message that brought it comes again and does the rest.</summary>
    private async ValueTask MakeAsync(AlertKey place, Alert alert, CancellationToken ct)
    {
        if (await alerts.AddAsync(place, alert, ct)) Note(AlertEvent.Opened);
        await open.SetAsync(alert.Id, place, DueOf(alert), ct);
        if (!alert.IsQuiet(clock.GetUtcNow())) await TellAsync(place, alert, 0, ct);
    }

    /// <summary>Counts rows in the alert that is there, if they belong to it.</summary>
    /// <returns>Whether they do; null if there is no alert.</returns>
    private async ValueTask<GroupFate?> JoinAsync(AlertDraft draft, AlertKey place, CancellationToken ct)
    {
        var fate = GroupFate.New;
        if (await alerts.ChangeAsync(place, Count, ct) is not var (before, after)) return null;
        if (fate == GroupFate.Reopen)
        {
            Note(AlertEvent.Reopened);
            await open.SetAsync(after.Id, place, clock.GetUtcNow() + s_patience, ct);
            await history.AddAsync(after.Id, new(clock.GetUtcNow(), "", "reopened", "it was found again"), ct);
            await FinishAsync(place, after, ct);
        }
        else if (fate == GroupFate.Join && ReferenceEquals(before, after) && after.Sent < after.Events.Length)
        {
            // It came again: the first time the process died before it was done.
            await FinishAsync(place, after, ct);
        }
        else if (fate == GroupFate.Join && ReferenceEquals(before, after) && after.Events.Length == 1)
        {
            // Perhaps because nobody could be told.
            await open.SetAsync(after.Id, place, DueOf(after), ct);
            if (!after.IsQuiet(clock.GetUtcNow())) await TellAsync(place, after, 0, ct);
        }

        return fate;

        Alert Count(Alert alert)
        {
            var places = Enumerable.Range(0, draft.Rows.Count).Where(i => !Contains(alert.Counted, Short(draft.Rows[i]))).ToList();
            var news = places.ConvertAll(i => Short(draft.Rows[i]));
            fate = news.Count == 0 ? GroupFate.Join
                : alert.Events.Length < MostEvents ? AlertGroups.FateOf(alert.FirstAt, alert.State == AlertState.Resolved, draft.At, draft.Window)
                : GroupFate.New;
            if (news.Count == 0 || fate == GroupFate.New) return alert;
            byte[] counted = [.. alert.Counted, .. news.SelectMany(row => row)];
            var joined = alert with
            {
                Count = alert.Count + news.Count,
                LastAt = draft.At > alert.LastAt ? draft.At : alert.LastAt,
                Counted = counted[Math.Max(0, counted.Length - (8 * MostCounted))..],
                Live = draft.Live.Count == 0 ? alert.Live : LiveRows.With(alert.Live, places.ConvertAll(i => draft.Live[i])),
            };
            return fate == GroupFate.Reopen ? Open(joined) with { Events = joined.Events + (char)AlertEvent.Reopened } : joined;
        }
    }

    private async ValueTask EndAsync(string group, IReadOnlyList<Hit> gone, CancellationToken ct)
    {
        while (true)
        {
            var there = await groups.FindAsync(group, ct);
            var unknown = gone.ToList();
            var place = there?.Place;
            for (var step = 0; place is { } at && step < MostFollowed; step++)
            {
                var changed = await alerts.ChangeAsync(at, alert => LiveRows.Without(alert.Live, gone) is var left && ReferenceEquals(left, alert.Live) ? alert : alert with { Live = left }, ct);
                if (changed is not var (before, after)) break;
                if (after.Live.Length == 0) await StepAsync(at, "", AlertEvent.Resolved, "the row was removed", alert => alert.Live.Length > 0 ? alert : Resolved(alert), ct);
                unknown = LiveRows.Unknown(before.Live, unknown);
                place = after.Follows;
            }

            if (unknown.Count == 0 || await groups.TryNoteGoneAsync(group, unknown, clock.GetUtcNow(), there, ct)) return;
        }
    }

    private Alert Resolved(Alert alert) => alert.State == AlertState.Resolved ? alert : alert with { State = AlertState.Resolved, ResolvedAt = clock.GetUtcNow(), QuietUntil = null, QuietBy = "" };

    /// <summary>Open again, with all that time brings, and quiet if it is maintenance.</summary>
    private Alert Open(Alert alert)
    {
        var now = clock.GetUtcNow();
        return Quiet(alert, mutes.Find(alert.RuleId, alert.Tags, now)) with { State = AlertState.Open, ResolvedAt = null, OpenedAt = now, EscalatesAt = now + alert.EscalatesAfter };
    }

    private static bool IsMuted(Alert alert) => alert.QuietBy.StartsWith(Muted, StringComparison.Ordinal);

    private DateTimeOffset? DueOf(Alert alert) => IsMuted(alert) && clock.GetUtcNow() + s_look is var soon && soon < alert.DueAt ? soon : alert.DueAt;

    private static Alert Quiet(Alert alert, Mute? mute) => alert with { QuietUntil = mute?.To, QuietBy = mute is null ? "" : Muted + mute.Reason };

    /// <summary>The silence is over by hand: what it held back is due, and if that is nothing, there is nothing to be told.</summary>
    private Alert Woken(Alert alert) => alert.QuietUntil is null ? alert
        : alert.Deliveries.All(delivery => delivery.Told >= alert.Events.Length - 1) ? Heard(alert)
        : alert with { QuietUntil = clock.GetUtcNow() };

    /// <summary>From now on somebody can acknowledge it.</summary>
    private Alert Heard(Alert alert) => alert with { QuietUntil = null, QuietBy = "", EscalatesAt = alert.EscalatesAt is null ? null : clock.GetUtcNow() + alert.EscalatesAfter };

    /// <summary>A step of an alert's life: it is written down, and alerters are told.</summary>
    /// <returns>The alert as it is then; null if there is none.</returns>
    private async ValueTask<Alert?> StepAsync(AlertKey place, string by, AlertEvent what, string why, Func<Alert, Alert> change, CancellationToken ct)
    {
        if (await alerts.FindAsync(place, ct) is not { } seen) return null;
        if (ReferenceEquals(change(seen), seen)) return seen;

        // Should this process die after the change, the next look at open alerts finishes it.
        await open.SetAsync(seen.Id, place, clock.GetUtcNow() + s_patience, ct);
        if (await alerts.ChangeAsync(place, alert => change(alert) is var changed && ReferenceEquals(changed, alert) ? alert : changed with { Events = alert.Events + (char)what }, ct) is not var (before, after)) return null;
        if (ReferenceEquals(before, after)) return after;
        Note(what);
        await history.AddAsync(after.Id, new(clock.GetUtcNow(), by, what.ToString().ToLowerInvariant(), why), ct);
        await FinishAsync(place, after, ct);
        return after;
    }

    private async ValueTask FinishAsync(AlertKey place, Alert alert, CancellationToken ct)
    {
        if (!alert.IsQuiet(clock.GetUtcNow())) await TellAsync(place, alert, alert.Events.Length - 1, ct);
        await alerts.ChangeAsync(place, one => one.Sent < alert.Events.Length ? one with { Sent = alert.Events.Length } : one, ct);
        if (alert.State != AlertState.Resolved)
        {
            await open.SetAsync(alert.Id, place, DueOf(alert), ct);
            return;
        }

        if (alert.Group.Length > 0) await groups.EndAsync(alert.Group, place, clock.GetUtcNow(), ct);
        await open.RemoveAsync(alert.Id, ct);
    }

    private async ValueTask TellAsync(AlertKey place, Alert alert, int what, CancellationToken ct)
    {
        foreach (var delivery in alert.Deliveries) await bus.PublishAsync(Addresses.Alerts, SendAlerts.Message(place, delivery.Alerter, what), $"{alert.RuleId}/{alert.Node}", ct);
    }

    private static void Note(AlertEvent what) => Telemetry.Alerts.Add(1, new KeyValuePair<string, object?>("event", what.ToString().ToLowerInvariant()));

    private static byte[] Short(string digest) => Convert.FromHexString(digest.AsSpan(0, 16));

    private static bool Contains(ReadOnlySpan<byte> counted, ReadOnlySpan<byte> one)
    {
        for (var i = 0; i + 8 <= counted.Length; i += 8)
        {
            if (counted.Slice(i, 8).SequenceEqual(one)) return true;
        }

        return false;
    }
}

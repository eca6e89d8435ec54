using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alert that waits for a digest.</summary>
/// <param name="Told">The last of the alert's events that the alerter was told of before; -1 for none.</param>
/// <param name="Etag">It is another one when something has happened to the alert since.</param>
internal sealed record Digested(Key Row, AlertKey Place, int Told, string Etag);

/// <summary>What waits for alerters' next digests, and when those are due. Table: <see cref="Schema.Digests"/>.</summary>
internal sealed class Digests(ITables tables, Alerters alerters, IBus bus, Limits limits, TimeProvider clock)
{
    private const int Most = 1_000;

    /// <summary>How an alerter's digest fails: a row behind all that wait.</summary>
    private const string State = "~state";

    private readonly ITable _digests = tables[Schema.Digests];

    /// <summary>Adds an alert; one that waits already waits no longer for being added again.</summary>
    public async ValueTask AddAsync(string alerter, AlertKey place, Alert alert, int told, CancellationToken ct)
    {
        var key = new Key(KeyText.Of(alerter), $"{alert.RaisedAt.UtcTicks:D19}-{alert.Id}");
        try
        {
            await _digests.WriteAsync(Write.Insert(key, new Columns { ["Place"] = place.ToString(), ["Told"] = (long)told, ["At"] = clock.GetUtcNow() }), ct);
        }
        catch (ConflictException)
        {
            // It waits; or is being sent, and waits once more.
            await _digests.WriteAsync(Write.Merge(key, new Columns { ["Place"] = place.ToString() }), ct);
        }
    }

    /// <summary>What waited when a digest was due, the oldest first, at most a thousand.</summary>
    /// <param name="alerter">Whose.</param>
    /// <param name="until">Ticks: what came later goes into the next one.</param>
    /// <param name="ct">Stops the read.</param>
    public async ValueTask<IReadOnlyList<Digested>> ReadAsync(string alerter, string until, CancellationToken ct)
    {
        var page = await _digests.PageAsync(KeyRange.Rows(KeyText.Of(alerter), "", until + "~"), Most, null, ct);
        return [.. page.Items.Select(row => new Digested(row.Key, AlertKey.TryParse(row.Columns.Text("Place")!, out var place) ? place : default, (int)(row.Columns.Number("Told") ?? -1), row.Etag))];
    }

    /// <summary>It waits no longer; false if something has happened to it since it was read: then it does.</summary>
    public async ValueTask<bool> TryRemoveAsync(Digested one, CancellationToken ct)
    {
        try
        {
            await _digests.WriteAsync(Write.Delete(one.Row).If(one.Etag), ct);
            return true;
        }
        catch (ConflictException)
        {
            return false;
        }
    }

    /// <summary>The alerter takes digests: that one failed before is forgotten.</summary>
    public async ValueTask RecoverAsync(string alerter, CancellationToken ct) => await _digests.WriteAsync(Write.Delete(StateOf(alerter)), ct);

    /// <summary>A digest that failed is sent again after the back-off, with what waits then.</summary>
    /// <returns>How often it has failed now.</returns>
    public async ValueTask<int> FailAsync(string alerter, TimeSpan? wait, CancellationToken ct)
    {
        var failures = (int)((await _digests.FindAsync(StateOf(alerter), ct))?.Columns.Number("Failures") ?? 0) + 1;
        var next = clock.GetUtcNow() + (wait ?? limits.BackOff(failures));
        await _digests.WriteAsync(Write.Replace(StateOf(alerter), new Columns { ["Failures"] = (long)failures, ["NextAt"] = next }), ct);
        return failures;
    }

    /// <summary>Has digests sent that are due: an interval after the first alert that waits. Cost: one transaction for each thousand alerts that wait.</summary>
    public async ValueTask SendDueAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var since = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var failed = new Dictionary<string, (long Failures, DateTimeOffset NextAt)>(StringComparer.Ordinal);
        await foreach (var row in _digests.ScanAsync(KeyRange.Everything, ct))
        {
            var name = KeyText.Read(row.Key.Partition);
            if (row.Key.Row == State) failed[name] = (row.Columns.Number("Failures") ?? 0, row.Columns.Time("NextAt") ?? now);
            else if (row.Columns.Time("At") is { } at && !(since.TryGetValue(name, out var first) && first <= at)) since[name] = at;
        }

        foreach (var (name, first) in since)
        {
            // An alerter that has no digests any more, or is gone, has what waits sent, or given up, now.
            var due = first + (alerters.Find(name)?.Item.DigestEvery ?? TimeSpan.Zero);
            var (failures, nextAt) = failed.GetValueOrDefault(name);

            // All that wait now: the next interval begins with the next alert. Said again until it is sent, with the same words, it is one message.
            if (due <= now && nextAt <= now) await bus.PublishAsync(Addresses.Alerts, SendAlerts.DigestMessage(due, failures, name), name, ct);
        }
    }

    private static Key StateOf(string alerter) => new(KeyText.Of(alerter), State);
}

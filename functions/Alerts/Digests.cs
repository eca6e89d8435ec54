using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alert that waits for a digest.</summary>
internal sealed record Digested(Key Row, AlertKey Place);

/// <summary>What waits for alerters' next digests, and when those are due. Table: <see cref="Schema.Digests"/>.</summary>
internal sealed class Digests(ITables tables, Alerters alerters, IBus bus, TimeProvider clock)
{
    private const int Most = 1_000;
    private readonly ITable _digests = tables[Schema.Digests];

    /// <summary>Adds an alert; adding it twice is adding it once.</summary>
    public async ValueTask AddAsync(string alerter, AlertKey place, Alert alert, CancellationToken ct) => await _digests.WriteAsync(
        Write.Replace(new(KeyText.Of(alerter), $"{alert.RaisedAt.UtcTicks:D19}-{alert.Id}"), new Columns { ["Place"] = place.ToString(), ["At"] = clock.GetUtcNow() }), ct);

    /// <summary>What waited when a digest was due, the oldest first, at most a thousand.</summary>
    /// <param name="alerter">Whose.</param>
    /// <param name="until">Ticks: what came later goes into the next one.</param>
    /// <param name="ct">Stops the read.</param>
    public async ValueTask<IReadOnlyList<Digested>> ReadAsync(string alerter, string until, CancellationToken ct)
    {
        var page = await _digests.PageAsync(KeyRange.Rows(KeyText.Of(alerter), "", until + "~"), Most, null, ct);
        return [.. page.Items.Select(row => new Digested(row.Key, AlertKey.TryParse(row.Columns.Text("Place")!, out var place) ? place : default))];
    }

    public async ValueTask RemoveAsync(IReadOnlyList<Digested> sent, CancellationToken ct) => await _digests.WriteManyAsync(sent.Select(one => Write.Delete(one.Row)), ct);

    /// <summary>Has digests sent that are due: an interval after the first alert that waits.</summary>
    public async ValueTask SendDueAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        foreach (var settings in alerters.Current.Items)
        {
            if (settings.DigestEvery is not { } every) continue;
            var first = (await _digests.PageAsync(KeyRange.Partition(KeyText.Of(settings.Name)), 1, null, ct)).Items;

            // All that wait now: the next interval begins with the next alert. Said again until it is sent, with the same words, it is one message.
            if (first.Count == 1 && first[0].Columns.Time("At") is { } at && at + every <= now) await bus.PublishAsync(Addresses.Alerts, SendAlerts.DigestMessage($"{(at + every).UtcTicks:D19}", settings.Name), ct);
        }
    }
}

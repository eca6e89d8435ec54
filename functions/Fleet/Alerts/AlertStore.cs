using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerts by day, newest first. Tables: <see cref="Schema.Alerts"/>, <see cref="Schema.AlertIds"/>.</summary>
internal sealed class AlertStore(ITables tables, Activity activity, TimeProvider clock)
{
    private const int MostLooked = 15_000;

    /// <summary>Where an alert lies, or will lie: whoever asks first chooses, and who comes later is told the same.</summary>
    public async ValueTask<AlertKey> PlaceOfAsync(Alert alert, CancellationToken ct) => await FindPlaceAsync(alert.Id, ct) ?? await TakePlaceAsync(alert, ct);

    /// <summary>Stores an alert in its place unless it is there. Safe to repeat, from several instances too.</summary>
    /// <returns>False if it is there, with what was delivered of it.</returns>
    public async ValueTask<bool> AddAsync(AlertKey place, Alert alert, CancellationToken ct)
    {
        try
        {
            await tables[place.Table].WriteAsync(Write.Insert(new(place.Partition, place.Row), AlertRow.Write(alert)), ct);
            activity.Note(ActivityKind.Alerts);
            return true;
        }
        catch (ConflictException)
        {
            return false;
        }
    }

    /// <summary>Where the alert with this id lies, if it was raised in the last twelve months. Cost: one read for one of this month, else two to twelve.</summary>
    public async ValueTask<AlertKey?> FindPlaceAsync(string id, CancellationToken ct, int months = 2)
    {
        var now = clock.GetUtcNow();
        for (var month = 0; month < months; month++)
        {
            var row = await tables[Schema.AlertIds(now.AddMonths(-month))].FindAsync(new(id[..2], id), ct);
            if (row is not null && AlertKey.TryParse(row.Columns.Text("Place")!, out var place)) return place;
        }

        return null;
    }

    public async ValueTask<Alert?> FindAsync(AlertKey key, CancellationToken ct) =>
        await tables[key.Table].FindAsync(new(key.Partition, key.Row), ct) is { } row ? AlertRow.Read(row) : null;

    /// <summary>Changes what changes in an alert's life, by what it is now; repeats when someone else was faster.</summary>
    /// <param name="key">The alert.</param>
    /// <param name="change">The alert as it shall be; the same object for no change.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <returns>The alert as it was and is, or null if there is none.</returns>
    public async ValueTask<(Alert Before, Alert After)?> ChangeAsync(AlertKey key, Func<Alert, Alert> change, CancellationToken ct)
    {
        for (; ; )
        {
            if (await tables[key.Table].FindAsync(new(key.Partition, key.Row), ct) is not { } row) return null;
            var before = AlertRow.Read(row);
            var after = change(before);
            if (ReferenceEquals(before, after)) return (before, before);
            var columns = AlertRow.WriteState(after);
            foreach (var delivery in after.Deliveries.Except(before.Deliveries)) columns[AlertRow.ColumnOf(delivery.Alerter)] = AlertRow.Write(delivery);
            try
            {
                await tables[key.Table].WriteAsync(Write.Merge(row.Key, columns).If(row.Etag), ct);
                return (before, after);
            }
            catch (ConflictException)
            {
                // Read what the other wrote, and change that.
            }
        }
    }

    /// <summary>Notes how far an alerter came; leaves the other alerters' states alone.</summary>
    public async ValueTask NoteAsync(AlertKey key, AlertDelivery delivery, CancellationToken ct) => await tables[key.Table].WriteAsync(
        Write.Merge(new(key.Partition, key.Row), new Columns { [AlertRow.ColumnOf(delivery.Alerter)] = AlertRow.Write(delivery) }), ct);

    /// <summary>Alerts, newest first.</summary>
    /// <param name="take">At most so many.</param>
    /// <param name="after">The token of the page before, or null.</param>
    /// <param name="wanted">Which ones.</param>
    /// <param name="ct">Stops the read.</param>
    /// <param name="from">None that is older.</param>
    public async ValueTask<Page<Alert>> PageAsync(int take, string? after, Predicate<Alert> wanted, CancellationToken ct, DateTimeOffset? from = null)
    {
        var looked = 0;
        var alerts = new List<Alert>();
        AlertKey? start = after is null ? null : AlertKey.TryParse(after, out var key) ? key : throw new BadPlaceException();
        foreach (var table in (await tables.ListAsync(Schema.AlertsPrefix, ct)).Reverse())
        {
            if (start is { } s && string.CompareOrdinal(table, s.Table) > 0) continue;
            var place = start is { } begin && begin.Table == table ? new Key(begin.Partition, begin.Row + " ") : new Key("", "");
            await foreach (var row in tables[table].ScanAsync(new(place, new(KeyRange.Last, "")), ct))
            {
                var alert = AlertRow.Read(row);
                if (alert.RaisedAt < from) return new(alerts, null);
                if (wanted(alert)) alerts.Add(alert);

                // A page that has looked at so many ends early, and has a token.
                if (alerts.Count == take || ++looked == MostLooked) return new(alerts, new AlertKey(table, row.Key.Partition, row.Key.Row).ToString());
            }
        }

        return new(alerts, null);
    }

    private async ValueTask<AlertKey> TakePlaceAsync(Alert alert, CancellationToken ct)
    {
        var place = new AlertKey(
            Schema.Alerts(alert.RaisedAt), TimeKey.DayNewestFirst(alert.RaisedAt), $"{TimeKey.NewestFirst(alert.RaisedAt)}-{alert.Id}");
        try
        {
            await tables[Schema.AlertIds(clock.GetUtcNow())].WriteAsync(
                Write.Insert(new(alert.Id[..2], alert.Id), new Columns { ["Place"] = place.ToString() }), ct);
            return place;
        }
        catch (ConflictException)
        {
            return await FindPlaceAsync(alert.Id, ct) ?? throw new StorageUnavailableException($"Alert {alert.Id} was removed meanwhile.");
        }
    }
}

using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerts by day, newest first. Tables: <see cref="Schema.Alerts"/>, <see cref="Schema.AlertIds"/>.</summary>
internal sealed class AlertStore(ITables tables, Activity activity, TimeProvider clock)
{
    private const int MostLineBytes = 700 << 10;
    private const int MostLooked = 15_000;

    /// <summary>Stores an alert unless it is there, and says where it lies. Safe to repeat, from several instances too.</summary>
    public async ValueTask<AlertKey> RaiseAsync(Alert alert, CancellationToken ct)
    {
        // The id's row decides: whoever writes it first chooses the alert's place, and who comes later finds it there.
        var place = await FindPlaceAsync(alert.Id, ct) ?? await TakePlaceAsync(alert, ct);
        var line = Compression.Pack(Encoding.UTF8.GetBytes(alert.Line));
        if (line.Length > MostLineBytes) line = Compression.Pack("""{"truncated":true}"""u8);
        var columns = new Columns
        {
            ["Id"] = alert.Id,
            ["RuleId"] = alert.RuleId,
            ["RuleName"] = alert.RuleName,
            ["RuleDescription"] = alert.RuleDescription,
            ["Severity"] = alert.Severity,
            ["Node"] = alert.Node.ToString(),
            ["Host"] = alert.Host,
            ["RaisedAt"] = alert.RaisedAt,
        }.WithBytes("L", line);
        foreach (var delivery in alert.Deliveries) columns[ColumnOf(delivery.Alerter)] = Write(delivery);
        try
        {
            await tables[place.Table].WriteAsync(Storage.Write.Insert(new(place.Partition, place.Row), columns), ct);
            activity.Note(ActivityKind.Alerts);
        }
        catch (ConflictException)
        {
            // It is there, with what was delivered of it.
        }

        return place;
    }

    /// <summary>Where the alert with this id lies, if it was raised this month or last.</summary>
    public async ValueTask<AlertKey?> FindPlaceAsync(string id, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        foreach (var month in new[] { now, now.AddMonths(-1) })
        {
            var row = await tables[Schema.AlertIds(month)].FindAsync(new(id[..2], id), ct);
            if (row is not null && AlertKey.TryParse(row.Columns.Text("Place")!, out var place)) return place;
        }

        return null;
    }

    public async ValueTask<Alert?> FindAsync(AlertKey key, CancellationToken ct) =>
        await tables[key.Table].FindAsync(new(key.Partition, key.Row), ct) is { } row ? Read(row) : null;

    /// <summary>Notes how far an alerter came; leaves the other alerters' states alone.</summary>
    public async ValueTask NoteAsync(AlertKey key, AlertDelivery delivery, CancellationToken ct) =>
        await tables[key.Table].WriteAsync(Storage.Write.Merge(new(key.Partition, key.Row), new Columns { [ColumnOf(delivery.Alerter)] = Write(delivery) }), ct);

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
        AlertKey? start = after is not null && AlertKey.TryParse(after, out var key) ? key : null;
        foreach (var table in (await tables.ListAsync(Schema.AlertsPrefix, ct)).Reverse())
        {
            if (start is { } s && string.CompareOrdinal(table, s.Table) > 0) continue;
            var place = start is { } begin && begin.Table == table ? new Key(begin.Partition, begin.Row + " ") : new Key("", "");
            await foreach (var row in tables[table].ScanAsync(new(place, new(KeyRange.Last, "")), ct))
            {
                var alert = Read(row);
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
                Storage.Write.Insert(new(alert.Id[..2], alert.Id), new Columns { ["Place"] = place.ToString() }), ct);
            return place;
        }
        catch (ConflictException)
        {
            return await FindPlaceAsync(alert.Id, ct) ?? throw new StorageUnavailableException($"Alert {alert.Id} was removed meanwhile.");
        }
    }

    private static Alert Read(Row row)
    {
        var columns = row.Columns;
        return new(
            columns.Text("Id")!, columns.Text("RuleId")!, columns.Text("RuleName")!, columns.Text("RuleDescription") ?? "", columns.Text("Severity")!,
            NodeId.TryParse(columns.Text("Node"), out var node) ? node : default, columns.Text("Host") ?? "", columns.Time("RaisedAt")!.Value,
            Encoding.UTF8.GetString(Compression.Unpack(columns.AllBytes("L"))),
            [.. columns.Where(column => column.Key.StartsWith("D_", StringComparison.Ordinal))
                .Select(column => JsonSerializer.Deserialize((string)column.Value, AlertJson.Default.AlertDelivery)!)
                .OrderBy(delivery => delivery.Alerter, StringComparer.Ordinal)]);
    }

    private static string Write(AlertDelivery delivery) => JsonSerializer.Serialize(delivery, AlertJson.Default.AlertDelivery);

    private static string ColumnOf(string alerter) => "D_" + Digest.Of(alerter)[..12];
}

using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>What is to be done with a row whose group has an alert.</summary>
internal enum GroupFate
{
    /// <summary>It makes an alert of its own.</summary>
    New,

    /// <summary>It is counted in the alert that is there.</summary>
    Join,

    /// <summary>It is counted in the alert that was resolved, and is open again.</summary>
    Reopen,
}

/// <summary>A group's newest alert.</summary>
/// <param name="Place">Null if there was none yet.</param>
/// <param name="Before">The alert before it.</param>
/// <param name="At">When it was made.</param>
/// <param name="Gone">Rows that were removed and no alert had: they may be added yet, as batches may be judged out of their order.</param>
internal sealed record AlertGroup(AlertKey? Place, AlertKey? Before, DateTimeOffset At, IReadOnlyList<Hit> Gone, string Etag);

/// <summary>The newest alert of each group: rows of one rule and node that are equal in the columns that the rule groups by. Table: <see cref="Schema.AlertGroups"/>.</summary>
internal sealed class AlertGroups(ITables tables)
{
    private const int MostGone = 200;

    private readonly ITable _groups = tables[Schema.AlertGroups];

    /// <summary>What a row does that comes while there is an alert of its group.</summary>
    /// <param name="firstAt">When the alert's first row came.</param>
    /// <param name="isResolved">Whether it is resolved.</param>
    /// <param name="at">When this row came.</param>
    /// <param name="window">For so long rows are one alert; null for as long as it is open.</param>
    public static GroupFate FateOf(DateTimeOffset firstAt, bool isResolved, DateTimeOffset at, TimeSpan? window) => window is { } span
        ? at - firstAt >= span ? GroupFate.New : isResolved ? GroupFate.Reopen : GroupFate.Join
        : isResolved ? GroupFate.New : GroupFate.Join;

    public async ValueTask<AlertGroup?> FindAsync(string group, CancellationToken ct) => await _groups.FindAsync(KeyOf(group), ct) is { } row
        ? new(AlertKey.Read(row.Columns.Text("Place")), AlertKey.Read(row.Columns.Text("Before")), row.Columns.Time("At")!.Value, [.. Hit.Unpack(row.Columns.Bytes("Gone") ?? [])], row.Etag)
        : null;

    /// <summary>Makes an alert the group's newest, before the alert is there: of two that do so at once one gets it.</summary>
    /// <param name="group">The group.</param>
    /// <param name="place">Where the alert will lie.</param>
    /// <param name="now">When that is said.</param>
    /// <param name="windowEnd">When its window is over; null if it has none.</param>
    /// <param name="isLive">The alert ends with its rows: until then there is no end to the group.</param>
    /// <param name="before">What was there when it was looked at.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <returns>False if somebody was faster.</returns>
    public ValueTask<bool> TryTakeAsync(string group, AlertKey place, DateTimeOffset now, DateTimeOffset? windowEnd, bool isLive, AlertGroup? before, CancellationToken ct) => TryWriteAsync(
        Write.Replace, group,
        new Columns { ["Place"] = place.ToString(), ["At"] = now }.With("Until", isLive ? null : windowEnd).With("WindowEnd", windowEnd)
            .With("Before", (before?.Place == place ? before.Before : before?.Place)?.ToString()).With("Gone", before is { Gone.Count: > 0 } ? Hit.Pack(before.Gone, MostGone) : null),
        before, ct);

    /// <summary>Remembers rows that are gone before any alert had them, for a day.</summary>
    /// <returns>False if somebody was faster.</returns>
    public ValueTask<bool> TryNoteGoneAsync(string group, IReadOnlyList<Hit> gone, DateTimeOffset now, AlertGroup? before, CancellationToken ct)
    {
        var columns = new Columns { ["Gone"] = Hit.Pack(gone.Concat(before?.Gone ?? []).Distinct(), MostGone) };
        return TryWriteAsync(Write.Merge, group, before is null ? columns.With("At", now).With("Until", now) : columns, before, ct);
    }

    /// <summary>The alert is resolved: a group that is one for as long as its alert is open ends with it, or with its window.</summary>
    public async ValueTask EndAsync(string group, AlertKey place, DateTimeOffset now, CancellationToken ct)
    {
        if (await _groups.FindAsync(KeyOf(group), ct) is not { } row || row.Columns.Text("Place") != place.ToString() || row.Columns.Time("Until") is not null) return;
        var windowEnd = row.Columns.Time("WindowEnd");
        await _groups.WriteAsync(Write.Merge(row.Key, new Columns { ["Until"] = windowEnd > now ? windowEnd.Value : now }), ct);
    }

    /// <summary>Forgets groups that are over. Cost: one transaction for each thousand groups, and one for each that is forgotten.</summary>
    public async ValueTask ForgetAsync(DateTimeOffset before, CancellationToken ct)
    {
        var over = new List<Write>();
        await foreach (var row in _groups.ScanAsync(KeyRange.Everything, ct))
        {
            if (row.Columns.Time("Until") < before) over.Add(Write.Delete(row.Key).If(row.Etag));
        }

        foreach (var write in over)
        {
            try
            {
                await _groups.WriteAsync(write, ct);
            }
            catch (ConflictException)
            {
                // It has a new alert.
            }
        }
    }

    private async ValueTask<bool> TryWriteAsync(Func<Key, Columns, Write> write, string group, Columns columns, AlertGroup? before, CancellationToken ct)
    {
        try
        {
            await _groups.WriteAsync(before is null ? Write.Insert(KeyOf(group), columns) : write(KeyOf(group), columns).If(before.Etag), ct);
            return true;
        }
        catch (ConflictException)
        {
            return false;
        }
    }

    private static Key KeyOf(string group) => new(group[..2], group);
}

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
/// <param name="At">When it was made.</param>
internal sealed record AlertGroup(AlertKey Place, DateTimeOffset At, string Etag);

/// <summary>The newest alert of each group: rows of one rule and node that are equal in the columns that the rule groups by. Table: <see cref="Schema.AlertGroups"/>.</summary>
internal sealed class AlertGroups(ITables tables)
{
    private readonly ITable _groups = tables[Schema.AlertGroups];

    /// <summary>What a row does that comes while there is an alert of its group.</summary>
    /// <param name="firstAt">When the alert's first row came.</param>
    /// <param name="isResolved">Whether it is resolved.</param>
    /// <param name="at">When this row came.</param>
    /// <param name="window">For so long rows are one alert; null for as long as it is open.</param>
    public static GroupFate FateOf(DateTimeOffset firstAt, bool isResolved, DateTimeOffset at, TimeSpan? window) => window is { } span
        ? at - firstAt >= span ? GroupFate.New : isResolved ? GroupFate.Reopen : GroupFate.Join
        : isResolved ? GroupFate.New : GroupFate.Join;

    public async ValueTask<AlertGroup?> FindAsync(string group, CancellationToken ct) =>
        await _groups.FindAsync(KeyOf(group), ct) is { } row && AlertKey.TryParse(row.Columns.Text("Place")!, out var place) ? new(place, row.Columns.Time("At")!.Value, row.Etag) : null;

    /// <summary>Makes an alert the group's newest, before the alert is there: of two that do so at once one gets it.</summary>
    /// <param name="group">The group.</param>
    /// <param name="place">Where the alert will lie.</param>
    /// <param name="now">When that is said.</param>
    /// <param name="until">When nothing can come that belongs to it; null while that is not known.</param>
    /// <param name="before">What was there when it was looked at.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <returns>False if somebody was faster.</returns>
    public async ValueTask<bool> TryTakeAsync(string group, AlertKey place, DateTimeOffset now, DateTimeOffset? until, AlertGroup? before, CancellationToken ct)
    {
        var columns = new Columns { ["Place"] = place.ToString(), ["At"] = now }.With("Until", until);
        try
        {
            await _groups.WriteAsync(before is null ? Write.Insert(KeyOf(group), columns) : Write.Replace(KeyOf(group), columns).If(before.Etag), ct);
            return true;
        }
        catch (ConflictException)
        {
            return false;
        }
    }

    /// <summary>The alert is resolved: a group that is one for as long as its alert is open ends with it.</summary>
    public async ValueTask EndAsync(string group, AlertKey place, DateTimeOffset now, CancellationToken ct)
    {
        if (await _groups.FindAsync(KeyOf(group), ct) is { } row && row.Columns.Text("Place") == place.ToString() && row.Columns.Time("Until") is null) await _groups.WriteAsync(Write.Merge(row.Key, new Columns { ["Until"] = now }), ct);
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

    private static Key KeyOf(string group) => new(group[..2], group);
}

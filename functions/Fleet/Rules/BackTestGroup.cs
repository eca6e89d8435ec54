using Fleet.Alerts;

namespace Fleet.Rules;

/// <summary>The newest alert that a group would have.</summary>
/// <param name="firstAt">When its first row came.</param>
/// <param name="room">Where it remembers.</param>
/// <param name="follows">The group's alert before, whose rows may be there still.</param>
internal sealed class BackTestGroup(DateTimeOffset firstAt, BackTestRoom room, BackTestGroup? follows)
{
    /// <summary>Rows that it remembers: what comes again is nothing new.</summary>
    private const int MostRows = 2_000;

    private readonly BackTestGroup? _follows = follows;
    private byte[] _live = [];

    public DateTimeOffset FirstAt { get; } = firstAt;

    public bool IsResolved { get; set; }

    public RecentRows Rows { get; } = new(MostRows, room);

    public void Add(Finding finding, IEnumerable<string> rows)
    {
        var news = rows.ToHashSet(StringComparer.Ordinal);
        _live = LiveRows.With(_live, [.. finding.Live.Where((_, i) => news.Contains(finding.Rows[i]))]);
    }

    /// <returns>Those that neither it nor one before it had.</returns>
    public List<Hit> End(IReadOnlyList<Hit> gone)
    {
        var unknown = gone.ToList();
        var group = this;
        for (var step = 0; group is not null && step < AlertLife.MostFollowed; step++)
        {
            unknown = LiveRows.Unknown(group._live, unknown);
            group._live = LiveRows.Without(group._live, gone);
            if (group._live.Length == 0) group.IsResolved = true;
            group = group._follows;
        }

        return unknown;
    }
}

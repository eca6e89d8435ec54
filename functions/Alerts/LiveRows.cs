namespace Fleet.Alerts;

/// <summary>The rows of an alert that are there still, where it ends with the last of them: what they are, and since when.</summary>
internal static class LiveRows
{
    /// <summary>Rows beyond are forgotten, the oldest first: 16 bytes each.</summary>
    private const int Most = 2_000;

    public static byte[] With(byte[] live, IReadOnlyCollection<Hit> added) =>
        added.Count == 0 ? live : Hit.Pack(Hit.Unpack(live).Concat(added).GroupBy(hit => hit.Row).Select(same => same.MaxBy(hit => hit.At)), Most);

    /// <summary>Those of the removed rows that were never there.</summary>
    public static List<Hit> Unknown(byte[] live, IEnumerable<Hit> removed)
    {
        var known = Hit.Unpack(live).Select(hit => hit.Row).ToHashSet();
        return [.. removed.Where(hit => !known.Contains(hit.Row))];
    }

    /// <summary>The same array if none of them was there.</summary>
    public static byte[] Without(byte[] live, IReadOnlyCollection<Hit> removed)
    {
        var all = Hit.Unpack(live).ToList();
        return all.RemoveAll(hit => removed.Any(gone => gone.Ends(hit))) == 0 ? live : Hit.Pack(all, Most);
    }
}

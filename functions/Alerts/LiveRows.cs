namespace Fleet.Alerts;

/// <summary>The rows of an alert that are there still, where it ends with the last of them: what they are, and since when.</summary>
/// <remarks>A row that is removed before it was added was another one: batches may be judged out of their order.</remarks>
internal static class LiveRows
{
    /// <summary>Rows beyond are forgotten, the oldest first: 16 bytes each.</summary>
    private const int Most = 2_000;

    public static byte[] With(byte[] live, IReadOnlyCollection<Hit> added) =>
        added.Count == 0 ? live : Hit.Pack(Hit.Unpack(live).Concat(added).GroupBy(hit => hit.Row).Select(same => same.MaxBy(hit => hit.At)), Most);

    /// <summary>The same array if none of them was there.</summary>
    public static byte[] Without(byte[] live, IReadOnlyCollection<Hit> removed)
    {
        var all = Hit.Unpack(live).ToList();
        return all.RemoveAll(hit => removed.Any(gone => gone.Row == hit.Row && gone.At >= hit.At)) == 0 ? live : Hit.Pack(all, Most);
    }
}

namespace Fleet.Alerts;

/// <summary>The rows of an alert that are there still, where it ends with the last of them: what they are, and since when. Equal rows count each.</summary>
/// <remarks>Removals stay beside the rows as long as others of their kind are there, so that one that is told twice takes away one row.</remarks>
internal static class LiveRows
{
    /// <summary>Fractions of a second that tell equal rows apart.</summary>
    public const int Salts = 4_999_999;

    /// <summary>The fraction of a second that marks a removal.</summary>
    private const long RemovalTicks = 5_000_000;

    /// <summary>Rows beyond are forgotten, the oldest first: 16 bytes each.</summary>
    private const int Most = 2_000;

    public static byte[] With(byte[] live, IReadOnlyCollection<Hit> added)
    {
        if (added.Count == 0) return live;
        var starts = added.Where(hit => hit.IsStart).ToLookup(hit => hit.Row, hit => hit.Second);
        return Packed(Hit.Unpack(live).Where(hit => !starts[hit.Row].Any(start => hit.Second < start)).Concat(added).DistinctBy(hit => (hit.Row, hit.At)));
    }

    /// <summary>Those of the removed rows that were never there.</summary>
    public static List<Hit> Unknown(byte[] live, IEnumerable<Hit> removed)
    {
        var known = Hit.Unpack(live).Select(hit => hit.Row).ToHashSet();
        return [.. removed.Where(hit => !known.Contains(hit.Row))];
    }

    /// <summary>Each removal takes away one row; the same array if none of them was there.</summary>
    public static byte[] Without(byte[] live, IReadOnlyCollection<Hit> removed)
    {
        var all = Hit.Unpack(live).ToList();
        var isChanged = false;
        foreach (var gone in removed)
        {
            var mark = new Hit(gone.At.AddTicks(RemovalTicks), gone.Row);
            if (all.Contains(mark) || !all.Exists(hit => !IsRemoval(hit) && gone.Ends(hit))) continue;
            all.Add(mark);
            isChanged = true;
        }

        if (!isChanged) return live;
        var over = all.GroupBy(hit => hit.Row).Where(same => same.Count(IsRemoval) * 2 >= same.Count()).Select(same => same.Key).ToHashSet();
        return Packed(all.Where(hit => !over.Contains(hit.Row)));
    }

    /// <summary>Where there are too many to keep, each removal goes with the oldest row of its kind.</summary>
    private static byte[] Packed(IEnumerable<Hit> hits)
    {
        var all = hits.ToList();
        if (all.Count > Most) all = [.. all.GroupBy(hit => hit.Row).SelectMany(same => same.Where(hit => !IsRemoval(hit)).OrderBy(hit => hit.At).Skip(same.Count(IsRemoval)))];
        return Hit.Pack(all, Most);
    }

    private static bool IsRemoval(Hit hit) => hit.At.Ticks % TimeSpan.TicksPerSecond >= RemovalTicks;
}

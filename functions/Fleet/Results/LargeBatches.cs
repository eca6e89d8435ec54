namespace Fleet.Results;

/// <summary>Rows of large batches that were read lately: whoever pages through a snapshot of a hundred thousand rows has it read once, not for each page.</summary>
internal sealed class LargeBatches(TimeProvider clock)
{
    /// <summary>Rows from which on a batch is kept.</summary>
    private const int LeastRows = 2_000;

    private static readonly TimeSpan s_age = TimeSpan.FromMinutes(1);

    /// <summary>Bytes of lines that are kept at once; their rows take a multiple of it.</summary>
    private static readonly long s_most = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 128, 4 << 20, 64 << 20);

    private readonly Lock _lock = new();
    private readonly Dictionary<BatchKey, (IReadOnlyList<ResultRow> Rows, long Bytes, long UsedAt)> _kept = [];

    /// <summary>The batch's rows, newest first; null if they are not kept.</summary>
    public IReadOnlyList<ResultRow>? Find(BatchKey key)
    {
        lock (_lock)
        {
            Forget();
            if (!_kept.TryGetValue(key, out var found)) return null;
            _kept[key] = found with { UsedAt = clock.GetTimestamp() };
            return found.Rows;
        }
    }

    /// <summary>Reads a batch's rows, newest first, and keeps them if there are many.</summary>
    public IReadOnlyList<ResultRow> Read(Batch batch)
    {
        List<ResultRow> rows = [.. LineReader.Read(batch.Lines, batch.Key.Time).OrderByDescending(row => row.Time)];
        if (rows.Count < LeastRows || batch.Lines.Length > s_most) return rows;
        lock (_lock)
        {
            Forget();
            while (_kept.Count > 0 && _kept.Values.Sum(one => one.Bytes) + batch.Lines.Length > s_most) _kept.Remove(_kept.MinBy(one => one.Value.UsedAt).Key);
            _kept[batch.Key] = (rows, batch.Lines.Length, clock.GetTimestamp());
        }

        return rows;
    }

    private void Forget()
    {
        foreach (var (key, one) in _kept)
        {
            if (clock.GetElapsedTime(one.UsedAt) > s_age) _kept.Remove(key);
        }
    }
}

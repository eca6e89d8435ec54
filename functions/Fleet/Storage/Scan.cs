using System.Runtime.CompilerServices;

namespace Fleet.Storage;

/// <summary>Reading on from page to page.</summary>
internal static class Scan
{
    /// <param name="table">The table.</param>
    /// <param name="range">What to read.</param>
    /// <param name="ct">Stops the read.</param>
    /// <param name="pageRows">Rows that are in memory at once: fewer where rows are large.</param>
    public static async IAsyncEnumerable<Row> ScanAsync(
        this ITable table, KeyRange range, [EnumeratorCancellation] CancellationToken ct, int pageRows = TableLimits.PageRows)
    {
        string? after = null;
        do
        {
            var page = await table.PageAsync(range, pageRows, after, ct);
            foreach (var row in page.Items) yield return row;
            after = page.After;
        }
        while (after is not null);
    }

    /// <summary>Writes any number of changes, a hundred of one partition at a time, in the order given. Not all or nothing.</summary>
    public static async ValueTask WriteManyAsync(this ITable table, IEnumerable<Write> writes, CancellationToken ct)
    {
        foreach (var partition in writes.GroupBy(w => w.Key.Partition, StringComparer.Ordinal))
        {
            foreach (var batch in partition.Chunk(TableLimits.BatchWrites)) await table.WriteAllAsync(batch, ct);
        }
    }
}

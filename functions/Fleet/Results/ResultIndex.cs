using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>A batch that holds lines of an hour.</summary>
/// <param name="At">The pointer's own place; names sort newest hour first.</param>
internal sealed record Pointer(string Table, Key At, BatchKey Batch)
{
    /// <summary>The hour whose lines it stands for: a batch of several hours has several pointers.</summary>
    public DateTimeOffset Hour => TimeKey.ReadHour(At.Partition.AsSpan(At.Partition.Length - 10));
}

/// <summary>Pointers of one read.</summary>
/// <param name="Begin">Where it began: a search that stops here goes on here.</param>
internal sealed record PointerPage(string Table, Key Begin, IReadOnlyList<Pointer> Pointers);

/// <summary>Which batches hold lines of a query, or any lines, by the hours of the lines. Table: <see cref="Schema.ResultIndex"/>.</summary>
internal sealed class ResultIndex(ITables tables)
{
    /// <summary>Stands for all queries. No query's name makes this key.</summary>
    public const string All = "~all";

    /// <summary>Stands for status logs.</summary>
    public const string Status = "~status";

    /// <summary>Between a query's name and the hour: no name's key holds it, so none is the beginning of another's.</summary>
    private const char Separator = '!';

    /// <summary>How far a line may be older than its batch and still count by its own time: beyond it the agent's clock was wrong.</summary>
    private static readonly TimeSpan s_behind = TimeSpan.FromDays(21);

    /// <summary>Adds pointers to batches. Safe to repeat.</summary>
    public async ValueTask AddAsync(IEnumerable<Batch> batches, CancellationToken ct)
    {
        var pointers = batches.SelectMany(PointersOf).Distinct().GroupBy(pointer => Schema.ResultIndex(pointer.Hour), StringComparer.Ordinal);
        foreach (var table in pointers)
        {
            await tables[table.Key].WriteManyAsync(
                table.Select(pointer => Write.Replace(
                    new($"{pointer.Partition}{Separator}{TimeKey.HourNewestFirst(pointer.Hour)}", $"{pointer.Batch.Row[..19]}-{pointer.Batch.Node}-{pointer.Batch.Row[20..]}"),
                    new Columns { ["Batch"] = pointer.Batch.ToString() })),
                ct);
        }
    }

    /// <summary>Pages of pointers, the newest hour first. Each page is one transaction.</summary>
    /// <param name="query">A query's name, <see cref="All"/> or <see cref="Status"/>.</param>
    /// <param name="from">No hour before this one's.</param>
    /// <param name="to">No hour after this one's.</param>
    /// <param name="after">The table and place to begin with, or null.</param>
    /// <param name="ct">Stops the read.</param>
    public async IAsyncEnumerable<PointerPage> PagesAsync(
        string query, DateTimeOffset? from, DateTimeOffset? to, (string Table, Key At)? after, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var partition = query is All or Status ? query : PartitionName(query);
        var first = new Key($"{partition}{Separator}{(to is { } newest ? TimeKey.HourNewestFirst(newest) : "")}", "");
        var last = new Key($"{partition}{Separator}{(from is { } oldest ? TimeKey.HourNewestFirst(oldest) : "")}{KeyRange.Last}", "");
        foreach (var name in (await tables.ListAsync(Schema.ResultIndexPrefix, ct)).Reverse())
        {
            if (after is { } a && string.CompareOrdinal(name, a.Table) > 0) continue;
            if (to is { } t && string.CompareOrdinal(name, Schema.ResultIndex(t)) > 0) continue;
            if (from is { } f && string.CompareOrdinal(name, Schema.ResultIndex(f)) < 0) yield break;
            var range = new KeyRange(after is { } begin && begin.Table == name ? begin.At : first, last);
            string? token = null;
            var place = range.From;
            do
            {
                var page = await tables[name].PageAsync(range, TableLimits.PageRows, token, ct);
                var pointers = new List<Pointer>(page.Items.Count);
                foreach (var row in page.Items)
                {
                    if (BatchKey.TryParse(row.Columns.Text("Batch") ?? "", out var batch)) pointers.Add(new(name, row.Key, batch));
                }

                yield return new(name, place, pointers);
                token = page.After;
                if (page.Items.Count > 0) place = page.Items[^1].Key with { Row = page.Items[^1].Key.Row + "!" };
            }
            while (token is not null);
        }
    }

    /// <summary>The hour that a line counts in.</summary>
    public static DateTimeOffset HourOf(BatchKey batch, DateTimeOffset line) => TimeKey.Hour(line <= batch.Time && line > batch.Time - s_behind ? line : batch.Time);

    /// <summary>The query's name, or its digest if an agent made one up that is longer than a key may be.</summary>
    internal static string PartitionName(string query) => KeyText.Of(query) is { Length: <= 400 } key ? key : "~~" + Digest.Of(query);

    private static IEnumerable<(string Partition, DateTimeOffset Hour, BatchKey Batch)> PointersOf(Batch batch)
    {
        var isStatus = batch.Key.IsStatus;
        var all = isStatus ? Status : All;

        // Nearly all batches are of one hour: then the head says enough. A clock that is wrong in one line says nothing of the others.
        var isOneHour = batch.Oldest is { } oldest ? TimeKey.Hour(oldest) == TimeKey.Hour(batch.Key.Time) : batch.Newest is null;
        if (isOneHour)
        {
            return batch.Names.Select(PartitionName).Append(all).Select(partition => (partition, TimeKey.Hour(batch.Key.Time), batch.Key));
        }

        return isStatus
            ? StatusLine.Read(batch.Lines, batch.Key.Time).Select(line => (all, HourOf(batch.Key, line.Time), batch.Key))
            : LineReader.Read(batch.Lines, batch.Key.Time).SelectMany(row => (row.Name.Length > 0 ? new[] { PartitionName(row.Name), all } : [all])
                .Select(partition => (partition, HourOf(batch.Key, row.Time), batch.Key)));
    }
}

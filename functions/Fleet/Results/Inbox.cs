using System.Globalization;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>A batch that waits, and the row that says so.</summary>
internal sealed record Waiting(Key Row, BatchKey Batch, DateTimeOffset Since);

/// <summary>Keys of batches that are not yet in reports, index and node info. Table: <see cref="Schema.Inbox"/>.</summary>
internal sealed class Inbox(ITables tables, TimeProvider clock)
{
    private readonly ITable _inbox = tables[Schema.Inbox];

    /// <summary>Adds a batch. Its row follows from its key (the table too: the same lines may come as results and as status logs), so adding it twice is adding it once, at least within a minute.</summary>
    public async ValueTask AddAsync(BatchKey batch, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var partition = now.UtcDateTime.ToString("yyyyMMddHHmm", CultureInfo.InvariantCulture) + "-" + batch.Node.Shard[..1];
        await _inbox.WriteAsync(Write.Replace(new(partition, $"{batch.Node}-{batch.Table}-{batch.Row}"), new Columns { ["Batch"] = batch.ToString(), ["At"] = now }), ct);
    }

    /// <summary>Waiting batches, the oldest first, at most <paramref name="take"/>.</summary>
    public async ValueTask<Page<Waiting>> PageAsync(int take, string? after, CancellationToken ct)
    {
        var page = await _inbox.PageAsync(KeyRange.Everything, take, after, ct);
        return new(
            [.. page.Items.Select(row => new Waiting(row.Key, BatchKey.TryParse(row.Columns.Text("Batch") ?? "", out var batch) ? batch : default, row.Columns.Time("At") ?? default))],
            page.After);
    }

    /// <summary>What was stored before this is in reports and index; null if all is. Cost: one transaction.</summary>
    public async ValueTask<DateTimeOffset?> CompleteUpToAsync(CancellationToken ct) =>
        (await _inbox.PageAsync(KeyRange.Everything, 1, null, ct)).Items is [var oldest] ? oldest.Columns.Time("At") : null;

    public ValueTask RemoveAsync(IEnumerable<Waiting> done, CancellationToken ct) =>
        _inbox.WriteManyAsync(done.Select(waiting => Write.Delete(waiting.Row)), ct);
}

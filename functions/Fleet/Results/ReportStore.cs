using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Reports by query and node. Table: <see cref="Schema.Reports"/>.</summary>
internal sealed class ReportStore(ITables tables, Limits limits, TimeProvider clock)
{
    /// <summary>How far an agent's clock may be ahead.</summary>
    private static readonly TimeSpan s_ahead = TimeSpan.FromMinutes(10);

    /// <summary>Rows may be a megabyte each.</summary>
    private const int RowsInPage = 100;

    private readonly ITable _reports = tables[Schema.Reports];

    /// <summary>Applies rows to a report; repeats when another instance was faster.</summary>
    /// <param name="query">As results call it.</param>
    /// <param name="node">Whose it is.</param>
    /// <param name="batches">What came.</param>
    /// <param name="sql">The query's SQL as the node has it; null if no configuration has it.</param>
    /// <param name="reinstalledAt">What began before is of an installation that is no more.</param>
    /// <param name="ct">Stops it.</param>
    public async ValueTask ApplyAsync(string query, NodeId node, IReadOnlyList<BatchRows> batches, string? sql, DateTimeOffset? reinstalledAt, CancellationToken ct)
    {
        var key = new Key(ResultIndex.PartitionName(query), node.ToString());
        for (; ; )
        {
            var row = await _reports.FindAsync(key, ct);
            var report = row is null ? new Report() : Read(row);
            if (report.BeganAt < reinstalledAt) report.Clear();
            if (reinstalledAt is { } since) batches = [.. batches.Where(batch => batch.ReceivedAt >= since)];
            report.Apply(batches, limits.ReportRows, clock.GetUtcNow() + s_ahead, sql);
            var columns = new Columns { ["Query"] = query, ["At"] = clock.GetUtcNow() }.WithBytes("R", Fit(report));
            try
            {
                await _reports.WriteAsync(row is null ? Write.Insert(key, columns) : Write.Replace(key, columns).If(row.Etag), ct);
                return;
            }
            catch (ConflictException)
            {
                // Read what the other wrote, and apply again.
            }
        }
    }

    /// <summary>One query's reports in the order of the nodes. Cost: one transaction a page.</summary>
    public async ValueTask<Page<(NodeId Node, Report Report)>> PageAsync(string query, int take, string? after, CancellationToken ct)
    {
        var page = await _reports.PageAsync(KeyRange.Partition(ResultIndex.PartitionName(query)), take, after, ct);
        return new(
            [.. page.Items.Select(row => (NodeId.TryParse(row.Key.Row, out var id) ? id : default, Read(row)))],
            page.After);
    }

    /// <summary>What one node holds, or null. Cost: one transaction.</summary>
    public async ValueTask<Report?> FindAsync(string query, NodeId node, CancellationToken ct) =>
        await _reports.FindAsync(new(ResultIndex.PartitionName(query), node.ToString()), ct) is { } row ? Read(row) : null;

    /// <summary>When each node last sent something of a query, by the server's clock. Cost: one transaction for each hundred nodes.</summary>
    public async ValueTask<IReadOnlyDictionary<NodeId, DateTimeOffset>> LastResultsAsync(string query, CancellationToken ct)
    {
        var times = new Dictionary<NodeId, DateTimeOffset>();
        await foreach (var row in _reports.ScanAsync(KeyRange.Partition(ResultIndex.PartitionName(query)), ct, RowsInPage))
        {
            if (NodeId.TryParse(row.Key.Row, out var node)) times[node] = row.Columns.Time("At") ?? Read(row).UpdatedAt;
        }

        return times;
    }

    /// <summary>Removes reports that have been of no use for a while. Cost: one transaction for each hundred, and one for each that became so, is so no more, or is removed.</summary>
    /// <param name="kept">How long they are kept.</param>
    /// <param name="isStale">Whether a node's report of a query is.</param>
    /// <param name="ct">Stops it.</param>
    public async ValueTask SweepAsync(TimeSpan kept, Func<string, NodeId, Report, ValueTask<bool>> isStale, CancellationToken ct)
    {
        const string StaleSince = "StaleSince";
        var now = clock.GetUtcNow();
        var writes = new List<Write>();
        await foreach (var row in _reports.ScanAsync(KeyRange.Everything, ct, RowsInPage))
        {
            if (row.Columns.Text("Query") is not { } query || !NodeId.TryParse(row.Key.Row, out var node)) continue;
            var since = row.Columns.Time(StaleSince);
            var columns = new Columns();
            foreach (var (name, value) in row.Columns.Where(column => column.Key != StaleSince)) columns[name] = value;
            if (!await isStale(query, node, Read(row)))
            {
                if (since is not null) writes.Add(Write.Replace(row.Key, columns).If(row.Etag));
            }
            else if (since is null) writes.Add(Write.Replace(row.Key, columns.With(StaleSince, now)).If(row.Etag));
            else if (now - since > kept) writes.Add(Write.Delete(row.Key).If(row.Etag));
        }

        foreach (var write in writes)
        {
            try
            {
                await _reports.WriteAsync(write, ct);
            }
            catch (ConflictException)
            {
                // Something came for it just now.
            }
        }
    }

    private static Report Read(Row row) => Report.Read(Compression.Unpack(row.Columns.AllBytes("R")));

    /// <summary>Halves the rows until the report fits in a row of the table.</summary>
    private byte[] Fit(Report report)
    {
        var most = limits.ReportRows;
        for (; ; )
        {
            var packed = Compression.Pack(report.Write());
            if (packed.Length <= Chunks.MostInRow) return packed;
            most = Math.Min(most, report.Rows.Count()) / 2;
            report.Trim(most);
        }
    }
}

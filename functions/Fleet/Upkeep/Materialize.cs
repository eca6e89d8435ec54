using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Turns the batches that wait in the inbox into reports, index entries, node info and query costs, in bulk: many batches of a node are one write each.</summary>
internal sealed class Materialize(
    Inbox inbox, BatchStore batches, ReportStore reports, ResultIndex index, NodeStore nodes, NodeDirectory directory, NodeInfo info, CostReader costs, Quarantine quarantine, BuiltInResults results, Denylistings denylistings, CurrentReports current, ExtensionTables extensions, StageBoard stages, TimeProvider clock, ILogger<Materialize> log)
{
    /// <summary>As health calls it.</summary>
    private const string Stage = "reports and index";

    private const int KeysAtOnce = 500;

    /// <summary>Bytes of lines that are in memory at once, save for a batch that alone is larger. Rows take a multiple of it.</summary>
    private static readonly long s_bytesAtOnce = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 64, 1 << 20, 32 << 20);

    /// <summary>How long a key without its batch is kept: the batch's own write may still be on its way.</summary>
    private static readonly TimeSpan s_orphans = TimeSpan.FromHours(1);

    /// <summary>Works off what waits, once. If the process dies anywhere in it, the rest, and some of it again, is done next time.</summary>
    /// <returns>Whether anything was worked off: then more may wait.</returns>
    public async ValueTask<bool> RunAsync(CancellationToken ct)
    {
        var count = 0;
        string? after = null;
        do
        {
            var page = await inbox.PageAsync(KeysAtOnce, after, ct);
            if (after is null && page.Items is [var oldest, ..]) Telemetry.InboxLag.Record(Math.Max(0, (clock.GetUtcNow() - oldest.Since).TotalSeconds));
            if (page.Items.Count == 0) stages.Moved(Stage);
            else stages.Came(Stage);
            count += await WorkOffAsync(page.Items, ct);
            after = page.After;
        }
        while (after is not null);
        return count > 0;
    }

    /// <summary>As <see cref="RunAsync"/>, again and again as long as there was something: it never rests while others' lines wait.</summary>
    public async ValueTask DrainAsync(CancellationToken ct)
    {
        while (await RunAsync(ct)) ct.ThrowIfCancellationRequested();
    }

    /// <returns>How many were worked off.</returns>
    private async ValueTask<int> WorkOffAsync(IReadOnlyList<Waiting> waiting, CancellationToken ct)
    {
        var count = 0;
        var done = new List<Waiting>();
        var found = new Dictionary<BatchKey, Batch>();
        var bytes = 0L;
        foreach (var one in waiting)
        {
            if (found.ContainsKey(one.Batch))
            {
                done.Add(one);
                continue;
            }

            var (batch, isAside) = await FindAsync(one.Batch, ct);
            if (batch is not null) bytes += (found[one.Batch] = batch).Lines.Length;
            else if (!isAside && clock.GetUtcNow() - one.Since < s_orphans) continue;
            done.Add(one);
            if (bytes < s_bytesAtOnce) continue;
            count += await WorkOffAsync(found.Values, done, ct);
            found.Clear();
            done.Clear();
            bytes = 0;
        }

        return count + await WorkOffAsync(found.Values, done, ct);
    }

    /// <summary>The batch; null if it is not there, or cannot be read and is put aside.</summary>
    private async ValueTask<(Batch? Batch, bool IsAside)> FindAsync(BatchKey key, CancellationToken ct)
    {
        // A row that names no batch is of no use to anybody.
        if (key == default) return (null, true);
        try
        {
            return (await batches.FindAsync(key, ct), false);
        }
        catch (Exception fault) when (!MachineFault.Is(fault))
        {
            await PutAsideAsync("reports", key, fault, ct);
            return (null, true);
        }
    }

    private async ValueTask<int> WorkOffAsync(IReadOnlyCollection<Batch> found, List<Waiting> done, CancellationToken ct)
    {
        await RunStageAsync("index", [.. found], all => index.AddAsync(all, ct), ct);
        foreach (var batch in found.Where(batch => batch.Key.IsStatus))
        {
            await RunStageAsync("status", [batch], async all =>
            {
                await LearnVersionAsync(all[0], ct);
                foreach (var (query, at) in costs.ReadStatus(all[0])) await denylistings.AddAsync(all[0].Key.Node, query, isDistributed: false, at, ct);
            }, ct);
        }

        foreach (var node in found.Where(batch => !batch.Key.IsStatus).GroupBy(batch => batch.Key.Node))
        {
            await RunStageAsync("reports", [.. node.OrderBy(batch => batch.ReceivedAt).ThenBy(batch => batch.Newest)], all => ApplyAsync(node.Key, all, ct), ct);
        }

        await inbox.RemoveAsync(done, ct);
        if (done.Count > 0) stages.Moved(Stage);
        return done.Count;
    }

    /// <summary>Does something with batches at once; where that fails for a reason of their lines, with each by itself, and those that fail again are put aside.</summary>
    private async ValueTask RunStageAsync(string stage, IReadOnlyList<Batch> all, Func<IReadOnlyList<Batch>, ValueTask> run, CancellationToken ct)
    {
        try
        {
            await run(all);
        }
        catch (Exception fault) when (!MachineFault.Is(fault))
        {
            if (all.Count == 1) await PutAsideAsync(stage, all[0].Key, fault, ct);
            else foreach (var batch in all) await RunStageAsync(stage, [batch], run, ct);
        }
    }

    private async ValueTask PutAsideAsync(string stage, BatchKey batch, Exception fault, CancellationToken ct)
    {
        log.LogError(fault, "Batch {Batch} cannot be worked off by {Stage} and is put aside; its lines stay in the results", batch, stage);
        await quarantine.AddAsync(stage, batch, fault.Message, ct);
        try
        {
            if (await nodes.FindAsync(batch.Node, ct) is { } node) await results.RaiseQuarantinedAsync(node, stage, batch, fault.Message, clock.GetUtcNow(), ct);
        }
        catch (Exception silent) when (!MachineFault.Is(silent))
        {
            // It may be the node's own row that cannot be read. Health and the quarantine's list tell of the batch.
            log.LogError(silent, "That batch {Batch} was put aside could not be told to rules", batch);
        }
    }

    /// <summary>Agents say their version with every call, but a proxy between may keep that to itself.</summary>
    private async ValueTask LearnVersionAsync(Batch batch, CancellationToken ct)
    {
        if (await directory.FindAsync(batch.Key.Node, ct) is not { } known || LearnedFacts.NewerVersion(batch.Lines, known.OsqueryVersion) is not { } version) return;
        await nodes.ChangeAsync(known.Id, before => LearnedFacts.NewerVersion(batch.Lines, before.OsqueryVersion) is null ? before : before with { OsqueryVersion = version }, ct);
        known.OsqueryVersion = version;
    }

    private async ValueTask ApplyAsync(NodeId node, IReadOnlyList<Batch> batchesOfNode, CancellationToken ct)
    {
        var read = batchesOfNode.Select(batch => (Batch: batch, Rows: LineReader.Read(batch.Lines, batch.Key.Time).Where(row => row is { Fault: null, Action: not "triggered" }).ToList())).ToList();
        var rows = read.SelectMany(one => one.Rows).ToList();
        foreach (var (query, at) in costs.ReadSchedule(rows)) await denylistings.AddAsync(node, query, isDistributed: false, at, ct);
        var known = await directory.FindAsync(node, ct);
        foreach (var query in read.SelectMany(one => one.Rows.Select(row => (one.Batch, Row: row))).GroupBy(one => one.Row.Name, StringComparer.Ordinal))
        {
            var sql = known is null ? null : current.SqlFor(query.Key, known);
            await reports.ApplyAsync(query.Key, node, [.. query.GroupBy(one => one.Batch, one => one.Row).Select(batch => RowsOf(batch.Key, batch))], sql, known?.ReinstalledAt, ct);
            if (sql is not null && extensions.Interests(sql))
            {
                await extensions.LearnAsync(sql, query.Select(one => RowJson.Texts(one.Row.Columns)), ct);
            }
        }

        if (!rows.Exists(row => row.Columns.Any(column => column.Key is "hostname" or "version" || info.Columns.Contains(column.Key)))) return;
        await nodes.ChangeAsync(
            node,
            before =>
            {
                var after = LearnedFacts.Learn(before, rows);
                return info.Learn(after.Info, rows) is var learned && ReferenceEquals(learned, after.Info) ? after : after with { Info = learned };
            },
            ct);
    }

    private static BatchRows RowsOf(Batch batch, IEnumerable<ResultRow> rows) => new(Digest.Of(batch.Key.ToString())[..16], batch.ReceivedAt, [.. rows]);
}

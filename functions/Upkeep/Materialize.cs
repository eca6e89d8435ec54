using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Turns the batches that wait in the inbox into reports, index entries, node info and query costs, in bulk: many batches of a node are one write each.</summary>
internal sealed class Materialize(
    Inbox inbox, BatchStore batches, ReportStore reports, ResultIndex index, NodeStore nodes, NodeInfo info, CostReader costs, TimeProvider clock, ILogger<Materialize> log)
{
    private const int KeysAtOnce = 500;

    /// <summary>Bytes of lines that are in memory at once, save for a batch that alone is larger.</summary>
    private const int BytesAtOnce = 32 << 20;

    /// <summary>How long a key without its batch is kept: the batch's own write may still be on its way.</summary>
    private static readonly TimeSpan s_orphans = TimeSpan.FromHours(1);

    /// <summary>Works off what waits. If the process dies anywhere in it, the rest, and some of it again, is done next time.</summary>
    public async ValueTask RunAsync(CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await inbox.PageAsync(KeysAtOnce, after, ct);
            await WorkOffAsync(page.Items, ct);
            after = page.After;
        }
        while (after is not null);
    }

    private async ValueTask WorkOffAsync(IReadOnlyList<Waiting> waiting, CancellationToken ct)
    {
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

            if (await batches.FindAsync(one.Batch, ct) is { } batch) bytes += (found[one.Batch] = batch).Lines.Length;
            else if (clock.GetUtcNow() - one.Since < s_orphans) continue;
            done.Add(one);
            if (bytes < BytesAtOnce) continue;
            await WorkOffAsync(found.Values, done, ct);
            found.Clear();
            done.Clear();
            bytes = 0;
        }

        await WorkOffAsync(found.Values, done, ct);
    }

    private async ValueTask WorkOffAsync(IReadOnlyCollection<Batch> found, List<Waiting> done, CancellationToken ct)
    {
        await index.AddAsync(found, ct);
        foreach (var batch in found.Where(batch => batch.Key.IsStatus)) costs.ReadStatus(batch);
        foreach (var node in found.Where(batch => !batch.Key.IsStatus).GroupBy(batch => batch.Key.Node))
        {
            try
            {
                await ApplyAsync(node.Key, node, ct);
            }
            catch (Exception fault) when (fault is not (StorageUnavailableException or StorageBusyException or OperationCanceledException))
            {
                // One node's odd lines must not hold up the fleet's. They are in the results; their report is not made.
                log.LogError(fault, "Batches of node {Node} cannot be made into reports and are passed over: {Batches}", node.Key, node.Select(batch => batch.Key));
            }
        }

        await inbox.RemoveAsync(done, ct);
    }

    private async ValueTask ApplyAsync(NodeId node, IEnumerable<Batch> batchesOfNode, CancellationToken ct)
    {
        var rows = batchesOfNode.OrderBy(batch => batch.ReceivedAt).ThenBy(batch => batch.Newest)
            .SelectMany(batch => LineReader.Read(batch.Lines, batch.Key.Time))
            .Where(row => row is { Fault: null, Action: not "triggered" }).ToList();
        costs.ReadSchedule(rows);
        foreach (var query in rows.GroupBy(row => row.Name, StringComparer.Ordinal)) await reports.ApplyAsync(query.Key, node, [.. query], ct);

        if (!rows.Exists(row => row.Columns.Any(column => info.Columns.Contains(column.Key)))) return;
        await nodes.ChangeAsync(
            node,
            before => info.Learn(before.Info, rows) is var learned && ReferenceEquals(learned, before.Info) ? before : before with { Info = learned },
            ct);
    }
}

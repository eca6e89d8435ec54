using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Upkeep;

/// <summary>Turns the batches that wait in the inbox into reports, index entries and node info, in bulk: many batches of a node are one write each.</summary>
internal sealed class Materialize(Inbox inbox, BatchStore batches, ReportStore reports, ResultIndex index, NodeStore nodes, NodeInfo info, TimeProvider clock)
{
    private const int AtOnce = 500;

    /// <summary>How long a key without its batch is kept: the batch's own write may still be on its way.</summary>
    private static readonly TimeSpan s_orphans = TimeSpan.FromHours(1);

    /// <summary>Works off what waits. If the process dies anywhere in it, the rest, and some of it again, is done next time.</summary>
    public async ValueTask RunAsync(CancellationToken ct)
    {
        IReadOnlyList<Waiting> waiting;
        do
        {
            waiting = await inbox.PeekAsync(AtOnce, ct);
            if (!await WorkOffAsync(waiting, ct)) return;
        }
        while (waiting.Count == AtOnce);
    }

    /// <summary>False if nothing could be removed: what is left waits for its batches.</summary>
    private async ValueTask<bool> WorkOffAsync(IReadOnlyList<Waiting> waiting, CancellationToken ct)
    {
        var done = new List<Waiting>();
        var found = new List<Batch>();
        foreach (var one in waiting)
        {
            if (await batches.FindAsync(one.Batch, ct) is { } batch) found.Add(batch);
            else if (clock.GetUtcNow() - one.Since < s_orphans) continue;
            done.Add(one);
        }

        await index.AddAsync(found, ct);
        foreach (var node in found.GroupBy(batch => batch.Key.Node)) await ApplyAsync(node.Key, node, ct);
        await inbox.RemoveAsync(done, ct);
        return done.Count > 0;
    }

    private async ValueTask ApplyAsync(NodeId node, IEnumerable<Batch> batchesOfNode, CancellationToken ct)
    {
        var rows = batchesOfNode.OrderBy(batch => batch.ReceivedAt).ThenBy(batch => batch.Newest)
            .SelectMany(batch => LineReader.Read(batch.Lines, batch.ReceivedAt))
            .Where(row => row is { Fault: null, Action: not "triggered" }).ToList();
        foreach (var query in rows.GroupBy(row => row.Name, StringComparer.Ordinal)) await reports.ApplyAsync(query.Key, node, [.. query], ct);

        if (!rows.Exists(row => row.Columns.Any(column => info.Columns.Contains(column.Key)))) return;
        await nodes.ChangeAsync(
            node,
            before => info.Learn(before.Info, rows) is var learned && ReferenceEquals(learned, before.Info) ? before : before with { Info = learned },
            ct);
    }
}

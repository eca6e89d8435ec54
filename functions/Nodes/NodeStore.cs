using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>Nodes by id. Table: <see cref="Schema.Nodes"/>.</summary>
internal sealed class NodeStore(ITables tables, ChangeFeed changes)
{
    private readonly ITable _nodes = tables[Schema.Nodes];

    /// <summary>One point read; null if there is no such node.</summary>
    public async ValueTask<Node?> FindAsync(NodeId id, CancellationToken ct) =>
        await _nodes.FindAsync(NodeRow.KeyOf(id), ct) is { } row ? NodeRow.Read(row) : null;

    /// <summary>Makes a node.</summary>
    /// <exception cref="ConflictException">It is there already.</exception>
    public async ValueTask InsertAsync(Node node, CancellationToken ct) =>
        await _nodes.WriteAsync(Write.Insert(NodeRow.KeyOf(node.Id), NodeRow.Write(node)), ct);

    /// <summary>Changes a node by what it is now; repeats when someone else was faster. Other instances see it within <see cref="Limits.ChangeFeedAge"/>.</summary>
    /// <param name="id">The node.</param>
    /// <param name="change">The node as it shall be; the same object for no change.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <returns>The node as it is now, or null if there is none.</returns>
    public async ValueTask<Node?> ChangeAsync(NodeId id, Func<Node, Node> change, CancellationToken ct)
    {
        for (; ; )
        {
            if (await _nodes.FindAsync(NodeRow.KeyOf(id), ct) is not { } row) return null;
            var before = NodeRow.Read(row);
            var after = change(before);
            if (ReferenceEquals(before, after)) return before;
            try
            {
                await _nodes.WriteAsync(Write.Replace(row.Key, NodeRow.Write(after)).If(row.Etag), ct);
            }
            catch (ConflictException)
            {
                continue;
            }

            if (IsFelt(before, after)) await changes.PublishAsync([new(Schema.Nodes, id.ToString())], ct);
            return after;
        }
    }

    /// <summary>Removes a node: its key is invalid from then on, and it may enroll anew.</summary>
    public async ValueTask RemoveAsync(NodeId id, CancellationToken ct)
    {
        await _nodes.WriteAsync(Write.Delete(NodeRow.KeyOf(id)), ct);
        await tables[Schema.Seen].WriteAsync(Write.Delete(NodeRow.KeyOf(id)), ct);
        await changes.PublishAsync([new(Schema.Nodes, id.ToString())], ct);
    }

    /// <summary>Nodes in the order of their ids. Cost: one transaction a page.</summary>
    public async ValueTask<Page<Node>> PageAsync(int take, string? after, CancellationToken ct)
    {
        var page = await _nodes.PageAsync(KeyRange.Everything, take, after, ct);
        return new([.. page.Items.Select(NodeRow.Read)], page.After);
    }

    /// <summary>All nodes. Cost: one transaction for each thousand.</summary>
    public async IAsyncEnumerable<Node> AllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var row in _nodes.ScanAsync(KeyRange.Everything, ct)) yield return NodeRow.Read(row);
    }

    /// <summary>Whether an instance that has the node in memory must hear of the change.</summary>
    private static bool IsFelt(Node before, Node after) =>
        (before.Tags, before.Active, before.Epoch, before.Platform, before.HostIdentifier)
        != (after.Tags, after.Active, after.Epoch, after.Platform, after.HostIdentifier);
}

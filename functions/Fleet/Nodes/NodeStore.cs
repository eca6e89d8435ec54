using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>Nodes by id. Table: <see cref="Schema.Nodes"/>.</summary>
internal sealed class NodeStore(ITables tables, ChangeFeed changes)
{
    private readonly ITable _nodes = tables[Schema.Nodes];

    public NodeAliases Aliases { get; } = new(tables);

    /// <summary>Called after this instance changed a node, with what it is now, or null when it was removed.</summary>
    public event Action<NodeId, Node?>? Changed;

    /// <summary>One point read; null if there is no such node.</summary>
    public async ValueTask<Node?> FindAsync(NodeId id, CancellationToken ct) =>
        await _nodes.FindAsync(NodeRow.KeyOf(id), ct) is { } row ? NodeRow.Read(row) : null;

    /// <summary>Makes a node.</summary>
    /// <exception cref="ConflictException">It is there already.</exception>
    public async ValueTask InsertAsync(Node node, CancellationToken ct)
    {
        await _nodes.WriteAsync(Write.Insert(NodeRow.KeyOf(node.Id), NodeRow.Write(node)), ct);
        Changed?.Invoke(node.Id, node);
    }

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

            Changed?.Invoke(id, after);
            if (IsFelt(before, after)) await changes.PublishAsync([new(Schema.Nodes, id.ToString())], ct);
            return after;
        }
    }

    /// <summary>Changes many nodes, 25 in a write. Cost: for each shard that is touched one read a thousand nodes, and two writes a batch.</summary>
    /// <returns>Those that are different now.</returns>
    public async IAsyncEnumerable<IReadOnlyList<Node>> ChangeManyAsync(IReadOnlySet<NodeId> ids, Func<Node, Node> change, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var shard in ids.Select(id => id.Shard).Distinct(StringComparer.Ordinal))
        {
            var waiting = new List<(Row Row, Node Node)>();
            await foreach (var row in _nodes.ScanAsync(KeyRange.Partition(shard), ct))
            {
                if (!NodeId.TryParse(row.Key.Row, out var id) || !ids.Contains(id)) continue;
                var before = NodeRow.Read(row);
                if (change(before) is var after && !ReferenceEquals(before, after)) waiting.Add((row, after));
            }

            foreach (var batch in waiting.Chunk(25))
            {
                await WriteBatchAsync(batch, change, ct);
                yield return [.. batch.Select(one => one.Node)];
            }
        }
    }

    private async ValueTask WriteBatchAsync((Row Row, Node Node)[] batch, Func<Node, Node> change, CancellationToken ct)
    {
        try
        {
            await _nodes.WriteAllAsync([.. batch.Select(one => Write.Replace(one.Row.Key, NodeRow.Write(one.Node)).If(one.Row.Etag))], ct);
        }
        catch (ConflictException)
        {
            // One of them was changed meanwhile: each by itself.
            foreach (var (_, node) in batch) await ChangeAsync(node.Id, change, ct);
            return;
        }

        foreach (var (_, node) in batch) Changed?.Invoke(node.Id, node);
        await changes.PublishAsync([.. batch.Select(one => new Change(Schema.Nodes, one.Node.Id.ToString()))], ct);
    }

    /// <summary>Removes a node: its key is invalid from then on, and it may enroll anew.</summary>
    public async ValueTask RemoveAsync(NodeId id, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is { } node) await Aliases.RemoveAsync(node, ct);
        await _nodes.WriteAsync(Write.Delete(NodeRow.KeyOf(id)), ct);
        await tables[Schema.Seen].WriteAsync(Write.Delete(NodeRow.KeyOf(id)), ct);
        Changed?.Invoke(id, null);
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

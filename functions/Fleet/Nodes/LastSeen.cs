using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>When a node was last heard of.</summary>
internal sealed record Seen(DateTimeOffset? At, string? Address, DateTimeOffset? ResultAt);

/// <summary>Last check-ins: noted in memory, written in batches. A crash loses at most <see cref="Limits.SeenFlush"/> of them.</summary>
internal sealed class LastSeen(ITables tables, NodeDirectory directory)
{
    private readonly ITable _seen = tables[Schema.Seen];

    /// <summary>What the table says, or what this instance knows if that is newer.</summary>
    public async ValueTask<Seen> FindAsync(NodeId id, CancellationToken ct) =>
        Newest(Read((await _seen.FindAsync(NodeRow.KeyOf(id), ct))?.Columns), directory.Peek(id));

    /// <summary>All nodes between two (inclusive). Cost: one transaction for each thousand.</summary>
    public async ValueTask<Dictionary<NodeId, Seen>> BetweenAsync(NodeId first, NodeId last, CancellationToken ct)
    {
        var seen = new Dictionary<NodeId, Seen>();
        var range = new KeyRange(NodeRow.KeyOf(first), new(last.Shard, last + "~"));
        await foreach (var row in _seen.ScanAsync(range, ct))
        {
            if (NodeId.TryParse(row.Key.Row, out var id)) seen[id] = Newest(Read(row.Columns), directory.Peek(id));
        }

        foreach (var known in directory.All.Where(known => known.Id.Value >= first.Value && known.Id.Value <= last.Value))
        {
            if (!seen.ContainsKey(known.Id)) seen[known.Id] = Newest(Read(null), known);
        }

        return seen;
    }

    /// <summary>Writes what is new since the last flush: a merge a node, a hundred in a batch.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        var touched = directory.All.Where(known => known.Touched).ToList();
        var results = touched.Where(known => known.ResultAt != known.ResultWritten).ToDictionary(known => known, known => known.ResultAt);
        foreach (var known in touched) known.Touched = false;
        try
        {
            await _seen.WriteManyAsync(
                touched.Select(known => Write.Merge(NodeRow.KeyOf(known.Id), new Columns()
                    .With("At", known.SeenAt)
                    .With("Address", known.Address?.ToString())
                    .With("ResultAt", results.GetValueOrDefault(known)))),
                ct);
            foreach (var (known, at) in results) known.ResultWritten = at;
        }
        catch
        {
            foreach (var known in touched) known.Touched = true;
            throw;
        }
    }

    private static Seen Read(Columns? columns) => new(columns?.Time("At"), columns?.Text("Address"), columns?.Time("ResultAt"));

    private static Seen Newest(Seen stored, KnownNode? known) => known?.SeenAt is { } at && at > (stored.At ?? DateTimeOffset.MinValue)
        ? new(at, known.Address?.ToString(), known.ResultAt > (stored.ResultAt ?? DateTimeOffset.MinValue) ? known.ResultAt : stored.ResultAt)
        : stored;
}

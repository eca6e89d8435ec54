using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A node and when it was heard of, without its host details.</summary>
internal sealed record CatalogNode(Node Node, Seen? Seen);

/// <summary>All nodes in memory, for whoever filters, sorts or counts them.</summary>
/// <remarks>Up to <see cref="SmallFleet"/> nodes it is read from the tables when it is asked for, in at most twenty transactions, and is as fresh as
/// the change feed. Of a larger fleet a chore writes one blob a minute, which is what instances read; what this instance changes itself
/// counts at once, what others change within two minutes.</remarks>
internal sealed class NodeCatalog
{
    public const int SmallFleet = 10_000;

    private static readonly BlobName s_blob = new("catalog", "nodes.json.gz");
    private static readonly TimeSpan s_age = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_kept = TimeSpan.FromMinutes(5);

    private readonly NodeStore _nodes;
    private readonly LastSeen _seen;
    private readonly IBlobs _blobs;
    private readonly Limits _limits;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _reading = new(1);
    private readonly ConcurrentDictionary<NodeId, (DateTimeOffset At, Node? Node)> _own = new();
    private volatile Snapshot _current = new(default, null, []);
    private volatile bool _isLarge;

    public NodeCatalog(NodeStore nodes, LastSeen seen, IBlobs blobs, Limits limits, TimeProvider clock)
    {
        (_nodes, _seen, _blobs, _limits, _clock) = (nodes, seen, blobs, limits, clock);
        nodes.Changed += Note;
    }

    /// <summary>All nodes, in no order.</summary>
    public async ValueTask<IReadOnlyCollection<CatalogNode>> AllAsync(CancellationToken ct)
    {
        var snapshot = _current;
        if (!IsFresh(snapshot))
        {
            await _reading.WaitAsync(ct);
            try
            {
                if (!IsFresh(snapshot = _current)) _current = snapshot = await ReadAsync(ct);
            }
            finally
            {
                _reading.Release();
            }
        }

        return _own.IsEmpty ? snapshot.ById.Values : WithOwn(snapshot);
    }

    /// <summary>The chore: of a large fleet, writes what instances read.</summary>
    public async ValueTask StoreAsync(CancellationToken ct)
    {
        var began = _clock.GetUtcNow();
        _isLarge = await IsLargeAsync(ct);
        if (_isLarge) await StoreAsync(began, (await ScanAsync(int.MaxValue, ct))!, ct);
    }

    /// <summary>Costs a small fleet one transaction for each thousand of its nodes, and a large one eleven.</summary>
    private async ValueTask<bool> IsLargeAsync(CancellationToken ct)
    {
        var count = 0;
        string? after = null;
        do
        {
            var page = await _nodes.PageAsync(TableLimits.PageRows, after, ct);
            count += page.Items.Count;
            after = page.After;
        }
        while (after is not null && count <= SmallFleet);
        return count > SmallFleet;
    }

    private void Note(NodeId id, Node? node)
    {
        var now = _clock.GetUtcNow();
        _own[id] = (now, node is null ? null : Slim(node));

        // Where nobody looks at the catalog nothing else would let go of them.
        if (_own.Count % 1_000 == 0) Forget(now - s_kept);
    }

    private bool IsFresh(Snapshot snapshot) =>
        snapshot.ReadAt is { } at && _clock.GetElapsedTime(at) < (_isLarge ? s_age : _limits.ChangeFeedAge) && (_isLarge || _own.IsEmpty);

    private async ValueTask<Snapshot> ReadAsync(CancellationToken ct)
    {
        var began = _clock.GetUtcNow();
        var timestamp = _clock.GetTimestamp();
        if (!_isLarge)
        {
            if (await ScanAsync(SmallFleet, ct) is { } all)
            {
                Forget(began);
                return new(began, timestamp, all);
            }

            _isLarge = true;
        }

        if (await LoadAsync(ct) is { } stored && began - stored.At < s_kept)
        {
            Forget(stored.At);
            return stored with { ReadAt = timestamp };
        }

        // Nobody keeps it up to date: the fleet is small again, or has just become large. This once all of it is read here, and left for others.
        if (await ScanAsync(SmallFleet, ct) is { } few)
        {
            _isLarge = false;
            Forget(began);
            return new(began, timestamp, few);
        }

        var scanned = (await ScanAsync(int.MaxValue, ct))!;
        await StoreAsync(began, scanned, ct);
        Forget(began);
        return new(began, timestamp, scanned);
    }

    /// <summary>All nodes from the tables; null if there are more than so many.</summary>
    private async ValueTask<Dictionary<NodeId, CatalogNode>?> ScanAsync(int most, CancellationToken ct)
    {
        var all = new Dictionary<NodeId, CatalogNode>();
        string? after = null;
        do
        {
            var page = await _nodes.PageAsync(TableLimits.PageRows, after, ct);
            foreach (var node in page.Items) all[node.Id] = new(Slim(node), null);
            after = page.After;
            if (all.Count > most) return null;
        }
        while (after is not null);

        if (all.Count == 0) return all;
        foreach (var (id, seen) in await _seen.BetweenAsync(new(UInt128.MinValue), new(UInt128.MaxValue), ct))
        {
            if (all.TryGetValue(id, out var one)) all[id] = one with { Seen = seen };
        }

        return all;
    }

    private async ValueTask StoreAsync(DateTimeOffset at, Dictionary<NodeId, CatalogNode> all, CancellationToken ct)
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var stored = new StoredCatalog(at, [.. all.Values.Select(one => StoredNode.Of(one))]);
            await JsonSerializer.SerializeAsync(gzip, stored, CatalogJson.Default.StoredCatalog, ct);
        }

        await _blobs.StageAsync(s_blob, 0, packed.ToArray(), ct);
        await _blobs.CommitAsync(s_blob, 1, ct);
    }

    private async ValueTask<Snapshot?> LoadAsync(CancellationToken ct)
    {
        if (await _blobs.OpenAsync(s_blob, ct) is not { } stream) return null;
        await using (stream)
        await using (var gzip = new GZipStream(stream, CompressionMode.Decompress))
        {
            var stored = (await JsonSerializer.DeserializeAsync(gzip, CatalogJson.Default.StoredCatalog, ct))!;
            return new(stored.At, null, stored.Nodes.Select(node => node.ToNode()).ToDictionary(one => one.Node.Id));
        }
    }

    /// <summary>What this instance changed before the catalog was read is in it.</summary>
    private void Forget(DateTimeOffset before)
    {
        foreach (var own in _own.Where(own => own.Value.At < before)) _own.TryRemove(own);
    }

    private Dictionary<NodeId, CatalogNode>.ValueCollection WithOwn(Snapshot snapshot)
    {
        var all = new Dictionary<NodeId, CatalogNode>(snapshot.ById);
        foreach (var (id, (_, node)) in _own)
        {
            if (node is null) all.Remove(id);
            else all[id] = new(node, all.GetValueOrDefault(id)?.Seen);
        }

        return all.Values;
    }

    private static Node Slim(Node node) => node.HostDetails is null ? node : node with { HostDetails = null };

    /// <param name="At">What was changed before is in it.</param>
    /// <param name="ReadAt">A timestamp of the clock, or null for one that was never read.</param>
    private sealed record Snapshot(DateTimeOffset At, long? ReadAt, Dictionary<NodeId, CatalogNode> ById);

    internal sealed record StoredCatalog(DateTimeOffset At, IReadOnlyList<StoredNode> Nodes);

    /// <summary>A node as the blob holds it.</summary>
    internal sealed record StoredNode(
        string Id, string Host, string? Name, string Platform, string Version, string Tags, bool Active, long Epoch, DateTimeOffset CreatedAt, DateTimeOffset? EnrolledAt, bool Pending, bool LetIn,
        IReadOnlyList<string> Instances, bool IsCloned, IReadOnlyDictionary<string, string> Info, DateTimeOffset? SeenAt, string? Address, DateTimeOffset? ResultAt,
        IReadOnlyDictionary<string, DateTimeOffset>? Denylisted = null)
    {
        public static StoredNode Of(CatalogNode one) => new(
            one.Node.Id.ToString(), one.Node.HostIdentifier, one.Node.DisplayName, one.Node.Platform, one.Node.OsqueryVersion, one.Node.Tags.Text, one.Node.Active, one.Node.Epoch,
            one.Node.CreatedAt, one.Node.EnrolledAt, one.Node.Pending, one.Node.LetIn, one.Node.InstanceIds, one.Node.IsCloned, one.Node.Info, one.Seen?.At, one.Seen?.Address, one.Seen?.ResultAt, one.Node.Denylisted);

        public CatalogNode ToNode() => new(
            new(
                NodeId.TryParse(Id, out var id) ? id : default, Host, Name, Platform, Version, TagSet.Read(Tags), Active, Epoch, CreatedAt, EnrolledAt, Announced: true, Pending, LetIn,
                Instances, IsCloned, Info, HostDetails: null) { Denylisted = Denylisted ?? Node.NoneDenylisted },
            SeenAt is null && ResultAt is null ? null : new(SeenAt, Address, ResultAt));
    }
}

[JsonSerializable(typeof(NodeCatalog.StoredCatalog))]
internal sealed partial class CatalogJson : JsonSerializerContext;

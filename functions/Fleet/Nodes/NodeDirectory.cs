using System.Collections.Concurrent;
using System.Net;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>What this instance holds in memory of a node that it has met: a few dozen bytes.</summary>
internal sealed class KnownNode(NodeId id)
{
    private long _seenAt;
    private long _resultAt;
    private long _readAt;

    public NodeId Id { get; } = id;

    public uint Epoch { get; internal set; }

    public bool Active { get; internal set; }

    public TagSet Tags { get; internal set; } = TagSet.None;

    public string Platform { get; internal set; } = "";

    public string HostIdentifier { get; internal set; } = "";

    public string OsqueryVersion { get; internal set; } = "";

    /// <summary>All that is known of it is its certificate.</summary>
    public bool LacksDetails { get; internal set; }

    private long _detailsAskedAt;

    /// <summary>Whether the node is to be asked what it is: once an hour, until it answers.</summary>
    public bool TryAskDetails(DateTimeOffset now)
    {
        if (!LacksDetails || now.UtcTicks - Volatile.Read(ref _detailsAskedAt) < TimeSpan.TicksPerHour) return false;
        Volatile.Write(ref _detailsAskedAt, now.UtcTicks);
        return true;
    }

    /// <summary>When an agent last said that it is of another version: it may not say so again at once.</summary>
    internal DateTimeOffset VersionChangedAt { get; set; }

    public DateTimeOffset? EnrolledAt { get; internal set; }

    public DateTimeOffset? ReinstalledAt { get; internal set; }

    /// <summary>Counts what was heard of changes; the row was read when it stood at <see cref="ReadAt"/>.</summary>
    internal int Changes = 1;

    internal volatile int ReadAt;

    internal bool IsStale => ReadAt != Volatile.Read(ref Changes);

    internal void MarkStale() => Interlocked.Increment(ref Changes);

    /// <summary>Seen since the last flush.</summary>
    internal volatile bool Touched;

    public IPAddress? Address { get; private set; }

    public DateTimeOffset? SeenAt => Ticks(ref _seenAt);

    public DateTimeOffset? ResultAt => Ticks(ref _resultAt);

    /// <summary>What this instance wrote of <see cref="ResultAt"/> last: another may have written a newer one since.</summary>
    internal DateTimeOffset? ResultWritten { get; set; }

    private volatile LastPost? _lastResults;
    private volatile LastPost? _lastStatus;

    /// <summary>What the node posted last through this instance.</summary>
    public LastPost? LastPost(bool isStatus) => isStatus ? _lastStatus : _lastResults;

    public void Remember(LastPost post, bool isStatus)
    {
        if (isStatus) _lastStatus = post;
        else _lastResults = post;
    }

    public void Touch(DateTimeOffset now, IPAddress? address)
    {
        Volatile.Write(ref _seenAt, now.UtcTicks);
        Address = address;
        Touched = true;
    }

    /// <summary>Notes that the node asks for questions; how long ago it asked before, null if this instance does not know.</summary>
    public TimeSpan? TouchRead(DateTimeOffset now) => Interlocked.Exchange(ref _readAt, now.UtcTicks) is > 0 and var before ? TimeSpan.FromTicks(now.UtcTicks - before) : null;

    public void TouchResult(DateTimeOffset now) => Volatile.Write(ref _resultAt, now.UtcTicks);

    private static DateTimeOffset? Ticks(ref long ticks) => Volatile.Read(ref ticks) is > 0 and var at ? new(at, TimeSpan.Zero) : null;
}

/// <summary>The nodes that this instance has met. One point read the first time, then nothing until the change feed names the node.</summary>
internal sealed class NodeDirectory
{
    private readonly ConcurrentDictionary<NodeId, KnownNode> _known = new();
    private readonly NodeStore _nodes;

    public NodeDirectory(NodeStore nodes, ChangeFeed changes)
    {
        _nodes = nodes;
        changes.Listen((changed, _) =>
        {
            Forget(changed);
            return ValueTask.CompletedTask;
        });
    }

    public int Count => _known.Count;

    public IEnumerable<KnownNode> All => _known.Values;

    /// <summary>What is in memory, however old; null if this instance never met the node.</summary>
    public KnownNode? Peek(NodeId id) => _known.GetValueOrDefault(id);

    /// <summary>The node, or null if there is none.</summary>
    /// <exception cref="StorageUnavailableException">It is not in memory and cannot be read: a doubt, not a no.</exception>
    public ValueTask<KnownNode?> FindAsync(NodeId id, CancellationToken ct) =>
        _known.TryGetValue(id, out var known) && !known.IsStale ? new(known) : ReadAsync(id, ct);

    /// <summary>Reads the node again: someone has newer news of it than memory.</summary>
    public ValueTask<KnownNode?> RefreshAsync(NodeId id, CancellationToken ct)
    {
        if (_known.TryGetValue(id, out var known)) known.MarkStale();
        return ReadAsync(id, ct);
    }

    private async ValueTask<KnownNode?> ReadAsync(NodeId id, CancellationToken ct)
    {
        // In the directory before the read, so that a change that is told meanwhile is not missed.
        var known = _known.GetOrAdd(id, static id => new(id));
        var changes = Volatile.Read(ref known.Changes);
        if (await _nodes.FindAsync(id, ct) is not { } node)
        {
            _known.TryRemove(id, out _);
            return null;
        }

        lock (known)
        {
            // A read that began later may have ended earlier: older news does not replace its.
            if (changes < known.ReadAt) return known;
            known.Epoch = (uint)node.Epoch;
            known.Active = node.Active && node.EnrolledAt is not null;
            known.Tags = node.Tags;
            known.Platform = node.Platform;
            known.HostIdentifier = node.HostIdentifier;
            known.OsqueryVersion = node.OsqueryVersion;
            known.EnrolledAt = node.EnrolledAt;
            known.ReinstalledAt = node.ReinstalledAt;
            known.LacksDetails = node.IsCertified && node.HostDetails is null;
            known.ReadAt = changes;
        }

        return known;
    }

    private void Forget(IReadOnlyCollection<Change>? changed)
    {
        if (changed is null)
        {
            foreach (var known in _known.Values) known.MarkStale();
            return;
        }

        foreach (var change in changed)
        {
            if (change.Kind == Schema.Nodes && NodeId.TryParse(change.Id, out var id) && _known.TryGetValue(id, out var known)) known.MarkStale();
        }
    }
}

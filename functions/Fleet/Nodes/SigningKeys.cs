using System.Security.Cryptography;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A key that signs node keys, and the four bytes that name it.</summary>
internal sealed record SigningKey(uint Id, byte[] Bytes);

/// <summary>The signing keys in use: two, once they were rotated. A new one signs from then on; what the one before signed stays good, so rotation re-enrolls nobody.</summary>
internal sealed class SigningKeys
{
    private const string Name = "node-signing-key";
    private const int Kept = 2;
    private static readonly TimeSpan s_age = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_young = TimeSpan.FromMinutes(1);

    private readonly ISecrets _secrets;
    private readonly Installation _installation;
    private readonly ChangeFeed _changes;
    private readonly TimeProvider _clock;
    private volatile SigningKey[] _live = [];
    private DateTimeOffset _newest;
    private long? _readAt;

    public SigningKeys(ISecrets secrets, Installation installation, ChangeFeed changes, TimeProvider clock)
    {
        (_secrets, _installation, _changes, _clock) = (secrets, installation, changes, clock);
        changes.Listen(Name, ReadAsync);
    }

    /// <summary>Newest first. Empty until <see cref="ReadAsync"/> was called.</summary>
    public IReadOnlyList<SigningKey> Live => _live;

    /// <summary>Whether the keys were read so lately that a key id that is not among them is no one's.</summary>
    /// <remarks>Never while the newest key is young: another instance may be adding one, as all do that find none at a first start.</remarks>
    public bool IsFresh => _readAt is { } readAt && _clock.GetElapsedTime(readAt) < s_age && _clock.GetUtcNow() - _newest > s_young;

    /// <summary>Reads the keys unless that was done: an instance that has just started may not have looked yet.</summary>
    public ValueTask EnsureAsync(CancellationToken ct) => _live.Length > 0 ? ValueTask.CompletedTask : ReadAsync(ct);

    /// <summary>Reads the keys; makes the first one, where no node has been signed for.</summary>
    /// <exception cref="StorageDamagedException">There are nodes and no keys: they were lost, and no new one is made in silence.</exception>
    public async ValueTask ReadAsync(CancellationToken ct)
    {
        var versions = await _secrets.FindAsync(Name, ct);
        if (versions.Count == 0)
        {
            if (await _installation.HasNodesAsync(ct)) throw new StorageDamagedException("There are nodes, and no keys that signed their node keys: put the secrets back (fleet restore), or run 'fleet keys reset' to have every node enroll anew.");
            await AddAsync(ct);
            versions = await _secrets.FindAsync(Name, ct);
        }

        _live = [.. versions.Select(version => Read(version.Value))];
        _newest = versions[0].CreatedAt;
        _readAt = _clock.GetTimestamp();
    }

    /// <summary>Makes a key where the old ones were lost: every node enrolls anew.</summary>
    public async ValueTask ResetAsync(CancellationToken ct)
    {
        await AddAsync(ct);
        await _secrets.RetireAsync(Name, 1, ct);
        await ReadAsync(ct);
        await _changes.PublishAsync([new(Name, "")], ct);
    }

    /// <summary>Adds a key, which signs from now on. The one before stays good until the next rotation; what is older is taken out of use.</summary>
    public async ValueTask RotateAsync(CancellationToken ct)
    {
        await AddAsync(ct);
        await _secrets.RetireAsync(Name, Kept, ct);
        await ReadAsync(ct);
        await _changes.PublishAsync([new(Name, "")], ct);
    }

    private ValueTask AddAsync(CancellationToken ct) => _secrets.AddAsync(Name, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), ct);

    private static SigningKey Read(string value)
    {
        var bytes = Convert.FromBase64String(value);
        return new(BitConverter.ToUInt32(SHA256.HashData(bytes)), bytes);
    }
}

using System.Security.Cryptography;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A key that signs node keys, and the four bytes that name it.</summary>
internal sealed record SigningKey(uint Id, byte[] Bytes);

/// <summary>The two newest signing keys. A new one signs from then on; what the one before signed stays good, so rotation re-enrolls nobody.</summary>
internal sealed class SigningKeys(ISecrets secrets, TimeProvider clock)
{
    private const string Name = "node-signing-key";
    private static readonly TimeSpan s_age = TimeSpan.FromSeconds(10);

    private volatile SigningKey[] _live = [];
    private long _readAt = long.MinValue;

    /// <summary>Newest first. Empty until <see cref="ReadAsync"/> was called.</summary>
    public IReadOnlyList<SigningKey> Live => _live;

    /// <summary>Whether the keys were read so lately that a key id that is not among them is no one's.</summary>
    public bool IsFresh => clock.GetUtcNow().UtcTicks - Volatile.Read(ref _readAt) < s_age.Ticks;

    /// <summary>Reads the keys; makes the first one.</summary>
    public async ValueTask ReadAsync(CancellationToken ct)
    {
        var versions = await secrets.FindAsync(Name, ct);
        if (versions.Count == 0)
        {
            await RotateAsync(ct);
            return;
        }

        _live = [.. versions.Take(2).Select(version => Read(version.Value))];
        Volatile.Write(ref _readAt, clock.GetUtcNow().UtcTicks);
    }

    /// <summary>Adds a key, which signs from now on; the third newest is no longer known.</summary>
    public async ValueTask RotateAsync(CancellationToken ct)
    {
        await secrets.AddAsync(Name, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), ct);
        await ReadAsync(ct);
    }

    private static SigningKey Read(string value)
    {
        var bytes = Convert.FromBase64String(value);
        return new(BitConverter.ToUInt32(SHA256.HashData(bytes)), bytes);
    }
}

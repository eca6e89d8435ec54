using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A secret that lets machines enroll. Its text is known to whoever made it; the table holds a keyed hash.</summary>
/// <param name="MaxUses">How many enrollments it lets in, or null for any number.</param>
/// <param name="Node">The pre-created node that it belongs to, or null for a shared secret.</param>
internal sealed record EnrollSecret(
    string Id, string Label, string Hash, TagSet Tags, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, long? MaxUses, long Uses,
    DateTimeOffset? LastUsedAt, string? Node, bool Enabled);

/// <summary>Enroll secrets. Table: <see cref="Schema.EnrollSecrets"/>.</summary>
internal sealed class EnrollSecrets
{
    private const string PepperName = "enroll-secret-hash-key";

    private readonly ITable _table;
    private readonly ControlTable<EnrollSecret> _secrets;
    private readonly ISecrets _vault;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, long> _uses = new(StringComparer.Ordinal);
    private (long Version, FrozenDictionary<string, EnrollSecret> ByHash) _index = (-1, FrozenDictionary<string, EnrollSecret>.Empty);
    private byte[]? _pepper;

    public EnrollSecrets(ITables tables, ChangeFeed changes, ISecrets vault, TimeProvider clock)
    {
        _table = tables[Schema.EnrollSecrets];
        _vault = vault;
        _clock = clock;
        _secrets = new(tables, changes, Schema.EnrollSecrets, Read, Write);
    }

    /// <summary>Makes a secret. Only the returned text ever shows it.</summary>
    /// <param name="label">What people call it.</param>
    /// <param name="tags">What its nodes are tagged with.</param>
    /// <param name="expiresAt">From then on it lets nobody in.</param>
    /// <param name="maxUses">How many enrollments it lets in.</param>
    /// <param name="node">The pre-created node that it is for.</param>
    /// <param name="text">An existing secret that agents already have, or null to make one of 192 random bits.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <exception cref="ConflictException">There is a secret with this text.</exception>
    public async ValueTask<(EnrollSecret Secret, string Text)> CreateAsync(
        string label, TagSet tags, DateTimeOffset? expiresAt, long? maxUses, NodeId? node, string? text, CancellationToken ct)
    {
        text ??= NewText();
        var hash = await HashAsync(text, ct);
        var secret = new EnrollSecret(hash[..16], label, hash, tags, _clock.GetUtcNow(), expiresAt, maxUses, 0, null, node?.ToString(), Enabled: true);
        await _secrets.PutAsync(secret.Id, secret, etag: null, ct, isNew: true);
        return (secret, text);
    }

    /// <summary>Where the key of the hashes is lost: makes a new one, and removes the secrets, which nobody could use any more; how many.</summary>
    public async ValueTask<int> ResetAsync(CancellationToken ct)
    {
        if ((await _vault.FindAsync(PepperName, ct)).Count > 0) return 0;
        var lost = await ListAsync(ct);
        foreach (var secret in lost) await RemoveAsync(secret.Id, ct);
        await AddPepperAsync(ct);
        return lost.Count;
    }

    /// <summary>192 random bits.</summary>
    public static string NewText() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24));

    /// <summary>Switches a secret on or off, or gives it other tags, which those have who enroll with it from now on; null if there is none.</summary>
    public async ValueTask<EnrollSecret?> ChangeAsync(string id, bool? enabled, TagSet? tags, CancellationToken ct)
    {
        // Under what was read now: a merge into what somebody removed just now would make half a secret.
        for (; ; )
        {
            if (await _secrets.ReadAsync(id, ct) is not { } stored) return null;
            try
            {
                await _table.WriteAsync(Storage.Write.Merge(new(Schema.All, KeyText.Of(id)), new Columns().With("Enabled", enabled).With("Tags", tags?.Text)).If(stored.Etag), ct);
                await _secrets.ToldAsync(ct);
                return _secrets.Find(id)?.Item;
            }
            catch (ConflictException)
            {
                // A use was counted at the same time, or it was removed: look again.
            }
        }
    }

    /// <summary>The secret with this text, unless it has expired; null for anything else.</summary>
    public async ValueTask<EnrollSecret?> FindAsync(string text, CancellationToken ct)
    {
        // What is compared is a keyed hash: how long the look-up takes says nothing about the secret.
        var hash = await HashAsync(text, ct);
        return ByHash().GetValueOrDefault(hash) is { Enabled: true } secret && !(secret.ExpiresAt <= _clock.GetUtcNow()) ? secret : null;
    }

    /// <summary>Counts an enrollment; false when it was one too many.</summary>
    /// <remarks>A limited secret is counted in its row at once, so that instances cannot let in more; others are counted in memory.</remarks>
    /// <param name="secret">The secret.</param>
    /// <param name="node">Who uses it: a node that was counted last is not counted again, when it comes back after a crash.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask<bool> TryUseAsync(EnrollSecret secret, NodeId node, CancellationToken ct)
    {
        if (secret.MaxUses is null)
        {
            _uses.AddOrUpdate(secret.Id, 1, (_, uses) => uses + 1);
            return true;
        }

        return await CountAsync(secret.Id, 1, node.ToString(), ct);
    }

    /// <summary>A secret as it is now, with its ETag; null if there is none.</summary>
    public ValueTask<Stored<EnrollSecret>?> ReadAsync(string id, CancellationToken ct) => _secrets.ReadAsync(id, ct);

    /// <summary>All secrets with their counts.</summary>
    public async ValueTask<IReadOnlyList<EnrollSecret>> ListAsync(CancellationToken ct)
    {
        var secrets = new List<EnrollSecret>();
        await foreach (var row in _table.ScanAsync(KeyRange.Partition(Schema.All), ct))
        {
            var secret = Read(row.Columns);
            secrets.Add(secret with { Uses = secret.Uses + _uses.GetValueOrDefault(secret.Id) });
        }

        return [.. secrets.OrderBy(secret => secret.CreatedAt)];
    }

    /// <summary>Removes a secret; false if there is none. Nodes that enrolled with it stay.</summary>
    public async ValueTask<bool> RemoveAsync(string id, CancellationToken ct)
    {
        if (_secrets.Find(id) is null) return false;
        await _secrets.RemoveAsync(id, etag: null, ct);
        return true;
    }

    /// <summary>Writes the counts that are in memory.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        foreach (var id in _uses.Keys)
        {
            if (!_uses.TryRemove(id, out var uses)) continue;
            try
            {
                await CountAsync(id, uses, user: null, ct);
            }
            catch
            {
                _uses.AddOrUpdate(id, uses, (_, more) => more + uses);
                throw;
            }
        }
    }

    private async ValueTask<bool> CountAsync(string id, long uses, string? user, CancellationToken ct)
    {
        for (; ; )
        {
            if (await _table.FindAsync(new(Schema.All, KeyText.Of(id)), ct) is not { } row) return false;
            var secret = Read(row.Columns);
            if (user is not null && row.Columns.Text("LastUser") == user) return true;
            if (secret.Uses + uses > secret.MaxUses) return false;
            try
            {
                var counted = new Columns { ["Uses"] = secret.Uses + uses, ["LastUsedAt"] = _clock.GetUtcNow() }.With("LastUser", user);
                await _table.WriteAsync(Storage.Write.Merge(row.Key, counted).If(row.Etag), ct);
                return true;
            }
            catch (ConflictException)
            {
                // Another enrollment was counted first.
            }
        }
    }

    private FrozenDictionary<string, EnrollSecret> ByHash()
    {
        var snapshot = _secrets.Current;
        var index = _index;
        if (index.Version != snapshot.Version)
        {
            index = (snapshot.Version, snapshot.Items.ToFrozenDictionary(secret => secret.Hash, StringComparer.Ordinal));
            _index = index;
        }

        return index.ByHash;
    }

    private ValueTask AddPepperAsync(CancellationToken ct) => _vault.AddAsync(PepperName, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), ct);

    private async ValueTask<string> HashAsync(string text, CancellationToken ct)
    {
        if (_pepper is null)
        {
            if ((await _vault.FindAsync(PepperName, ct)).Count == 0)
            {
                // Made anew it would turn every secret that agents have into one that is not known.
                if ((await _table.PageAsync(KeyRange.Partition(Schema.All), 1, null, ct)).Items.Count > 0) throw new StorageDamagedException("There are enroll secrets, and the key of their hashes is gone: put the secrets back (fleet restore), or run 'fleet keys reset' and make new enroll secrets.");
                await AddPepperAsync(ct);
            }

            // The oldest: two instances that start at once may both have made one.
            _pepper = Convert.FromBase64String((await _vault.FindAsync(PepperName, ct))[^1].Value);
        }

        return Convert.ToHexStringLower(HMACSHA256.HashData(_pepper, Encoding.UTF8.GetBytes(text)));
    }

    private static EnrollSecret Read(Columns columns) => new(
        columns.Text("Id")!, columns.Text("Label")!, columns.Text("Hash")!, TagSet.Read(columns.Text("Tags")), columns.Time("CreatedAt")!.Value,
        columns.Time("ExpiresAt"), columns.Number("MaxUses"), columns.Number("Uses") ?? 0, columns.Time("LastUsedAt"), columns.Text("Node"),
        columns.Flag("Enabled"));

    private static Columns Write(EnrollSecret secret) => new Columns()
        .With("Id", secret.Id).With("Label", secret.Label).With("Hash", secret.Hash).With("Tags", secret.Tags.Text)
        .With("CreatedAt", secret.CreatedAt).With("ExpiresAt", secret.ExpiresAt).With("MaxUses", secret.MaxUses)
        .With("Uses", secret.Uses).With("LastUsedAt", secret.LastUsedAt).With("Node", secret.Node)
        .With("Enabled", secret.Enabled);
}

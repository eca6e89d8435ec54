using System.Collections.Concurrent;
using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>Plugins by name: their settings in a table, their secrets in the secret store, and each ready to work.</summary>
/// <param name="table">The settings.</param>
/// <param name="secrets">Holds the secrets.</param>
/// <param name="kind">What one is called: the beginning of its secret's name.</param>
/// <param name="make">Makes one of its settings and its secret.</param>
internal abstract class Plugins<TSettings, TMade>(ControlTable<TSettings> table, ISecrets secrets, string kind, Func<TSettings, string?, TMade> make)
    where TSettings : Plugin
    where TMade : class
{
    private readonly ConcurrentDictionary<string, (string Etag, TMade Made)> _made = new(StringComparer.Ordinal);

    public Snapshot<TSettings> Current => table.Current;

    public Stored<TSettings>? Find(string name) => table.Find(name);

    /// <summary>As the table has it now. One point read.</summary>
    public ValueTask<Stored<TSettings>?> ReadAsync(string name, CancellationToken ct) => table.ReadAsync(name, ct);

    /// <summary>Makes or replaces one.</summary>
    /// <param name="settings">As it shall be.</param>
    /// <param name="secret">A new secret; null keeps the one it has, empty removes it.</param>
    /// <param name="etag">Only if it is still that; null for whatever is there.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <exception cref="ConflictException">It is not.</exception>
    public async ValueTask PutAsync(TSettings settings, string? secret, string? etag, CancellationToken ct)
    {
        var stored = await table.ReadAsync(settings.Name, ct);
        settings = settings with { HasSecret = secret is null ? stored?.Item.HasSecret ?? false : secret != "" };

        // The row first: whoever loses the race has changed nothing. And once more after the secret, so that nobody keeps one with the old secret.
        var written = await table.PutAsync(settings.Name, settings, etag, ct, isNew: stored is null);
        if (secret is null) return;
        if (secret != "") await secrets.AddAsync(SecretOf(settings.Name), secret, ct);
        await secrets.RetireAsync(SecretOf(settings.Name), keep: secret == "" ? 0 : 1, ct);
        await table.PutAsync(settings.Name, settings, written, ct);
    }

    /// <summary>Removes one and its secret.</summary>
    /// <exception cref="ConflictException">It is not as <paramref name="etag"/> says.</exception>
    public async ValueTask RemoveAsync(string name, string? etag, CancellationToken ct)
    {
        await table.RemoveAsync(name, etag, ct);
        await secrets.RetireAsync(SecretOf(name), keep: 0, ct);
    }

    /// <summary>The one of this name, ready to work, and its settings; null if there is none.</summary>
    public async ValueTask<(TMade Made, TSettings Settings)?> FindAsync(string name, CancellationToken ct)
    {
        if (table.Find(name) is not { } stored) return null;
        if (_made.TryGetValue(name, out var made) && made.Etag == stored.Etag) return (made.Made, stored.Item);
        var one = make(stored.Item, stored.Item.HasSecret ? await SecretAsync(name, ct) : null);
        _made[name] = (stored.Etag, one);
        return (one, stored.Item);
    }

    private async ValueTask<string> SecretAsync(string name, CancellationToken ct) => await secrets.FindAsync(SecretOf(name), ct) is [var newest, ..]
        ? newest.Value
        : throw new StorageUnavailableException($"The secret of {kind} {name} is being set, or was lost: set it again.");

    private string SecretOf(string name) => $"{kind}-{KeyText.Of(name)}";
}

using System.Collections.Concurrent;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerters by name. Table: <see cref="Schema.Alerters"/>.</summary>
internal sealed class Alerters
{
    public const string Log = "log";
    public const string Webhook = "webhook";

    private readonly ControlTable<AlerterSettings> _settings;
    private readonly ISecrets _secrets;
    private readonly Func<AlerterSettings, string?, IAlerter> _make;
    private readonly ConcurrentDictionary<string, (string Etag, IAlerter Alerter)> _made = new(StringComparer.Ordinal);

    /// <param name="tables">The store.</param>
    /// <param name="changes">Tells of other instances' edits.</param>
    /// <param name="secrets">Holds the alerters' secrets.</param>
    /// <param name="make">Makes an alerter of its settings and its secret.</param>
    public Alerters(ITables tables, ChangeFeed changes, ISecrets secrets, Func<AlerterSettings, string?, IAlerter> make)
    {
        (_secrets, _make) = (secrets, make);
        _settings = new(tables, changes, Schema.Alerters, Read, Write);
    }

    /// <summary>As the table has it now. One point read.</summary>
    public ValueTask<Stored<AlerterSettings>?> ReadAsync(string name, CancellationToken ct) => _settings.ReadAsync(name, ct);

    public Snapshot<AlerterSettings> Current => _settings.Current;

    /// <summary>Who is told of an alert: those that its rule names and those of every rule, as far as severity and tags let them. A name that is no alerter's
    /// any more is kept, and shown as failed.</summary>
    public IEnumerable<string> For(Alert alert, IReadOnlyList<string> named) =>
        named.Where(name => _settings.Find(name)?.Item.Wants(alert) != false)
            .Concat(Current.Items.Where(settings => settings.EveryRule && settings.Wants(alert)).Select(settings => settings.Name).Order(StringComparer.Ordinal))
            .Distinct(StringComparer.Ordinal);

    /// <summary>Makes or replaces an alerter.</summary>
    /// <param name="settings">As it shall be.</param>
    /// <param name="secret">A new secret; null keeps the one it has, empty removes it.</param>
    /// <param name="etag">Only if it is still that; null for whatever is there.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <exception cref="ConflictException">It is not.</exception>
    public async ValueTask PutAsync(AlerterSettings settings, string? secret, string? etag, CancellationToken ct)
    {
        var stored = await _settings.ReadAsync(settings.Name, ct);
        settings = settings with { HasSecret = secret is null ? stored?.Item.HasSecret ?? false : secret != "" };

        // The row first: whoever loses the race has changed nothing. And once more after the secret, so that nobody keeps an alerter with the old one.
        var written = await _settings.PutAsync(settings.Name, settings, etag, ct, isNew: stored is null);
        if (secret is null) return;
        if (secret == "") await _secrets.RetireAsync(SecretOf(settings.Name), keep: 0, ct);
        else await ReplaceSecretAsync(SecretOf(settings.Name), secret, ct);
        await _settings.PutAsync(settings.Name, settings, written, ct);
    }

    /// <summary>Removes an alerter and its secret; false if there is none.</summary>
    /// <exception cref="ConflictException">It is not as <paramref name="etag"/> says.</exception>
    public async ValueTask<bool> RemoveAsync(string name, string? etag, CancellationToken ct)
    {
        if (_settings.Find(name) is null) return false;
        await _settings.RemoveAsync(name, etag, ct);
        await _secrets.RetireAsync(SecretOf(name), keep: 0, ct);
        return true;
    }

    /// <summary>The alerter of this name, ready to deliver, and its settings; null if there is none.</summary>
    public async ValueTask<(IAlerter Alerter, AlerterSettings Settings)?> FindAsync(string name, CancellationToken ct)
    {
        if (_settings.Find(name) is not { } stored) return null;
        if (_made.TryGetValue(name, out var made) && made.Etag == stored.Etag) return (made.Alerter, stored.Item);
        var alerter = _make(stored.Item, stored.Item.HasSecret ? await SecretAsync(name, ct) : null);
        _made[name] = (stored.Etag, alerter);
        return (alerter, stored.Item);
    }

    private async ValueTask<string> SecretAsync(string name, CancellationToken ct) => await _secrets.FindAsync(SecretOf(name), ct) is [var newest, ..]
        ? newest.Value
        : throw new StorageUnavailableException($"The secret of alerter {name} is being set, or was lost: set it again.");

    private async ValueTask ReplaceSecretAsync(string name, string secret, CancellationToken ct)
    {
        await _secrets.AddAsync(name, secret, ct);
        await _secrets.RetireAsync(name, keep: 1, ct);
    }

    private static string SecretOf(string name) => "alerter-" + KeyText.Of(name);

    private static AlerterSettings Read(Columns columns) => new(
        columns.Text("Name")!, columns.Text("Type")!, JsonSerializer.Deserialize(columns.Text("Fields") ?? "{}", AlertJson.Default.DictionaryStringString)!, columns.Flag("HasSecret"))
    {
        MinimumSeverity = columns.Text("MinimumSeverity") ?? Severity.Names[0],
        Tags = TagSet.Read(columns.Text("Tags")),
        EveryRule = columns.Flag("EveryRule"),
        DigestEvery = columns.Number("DigestEvery") is { } ticks ? TimeSpan.FromTicks(ticks) : null,
        TitleTemplate = columns.Text("TitleTemplate") ?? "",
        TextTemplate = columns.Text("TextTemplate") ?? "",
    };

    private static Columns Write(AlerterSettings settings) => new Columns()
        .With("Name", settings.Name).With("Type", settings.Type).With("Fields", JsonSerializer.Serialize(new Dictionary<string, string>(settings.Fields), AlertJson.Default.DictionaryStringString))
        .With("HasSecret", settings.HasSecret).With("MinimumSeverity", settings.MinimumSeverity).With("Tags", settings.Tags.Text).With("EveryRule", settings.EveryRule)
        .With("DigestEvery", settings.DigestEvery?.Ticks).With("TitleTemplate", settings.TitleTemplate).With("TextTemplate", settings.TextTemplate);
}

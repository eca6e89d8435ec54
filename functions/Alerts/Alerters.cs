using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alerter as it is configured. Its secret is in the secret store.</summary>
/// <param name="Type"><c>log</c> or <c>webhook</c>.</param>
/// <param name="Path">log: the file; null for the console. Relative to the data folder.</param>
/// <param name="Url">webhook: where to.</param>
/// <param name="HasSecret">webhook: bodies are signed.</param>
internal sealed record AlerterSettings(string Name, string Type, string? Path, string? Url, bool HasSecret);

/// <summary>Alerters by name. Table: <see cref="Schema.Alerters"/>.</summary>
internal sealed class Alerters
{
    public const string Log = "log";
    public const string Webhook = "webhook";

    private readonly ControlTable<AlerterSettings> _settings;
    private readonly ISecrets _secrets;
    private readonly TimeProvider _clock;
    private readonly string _folder;
    private readonly HttpClient _http;
    private readonly ConcurrentDictionary<string, (string Etag, IAlerter Alerter)> _made = new(StringComparer.Ordinal);

    /// <param name="tables">The store.</param>
    /// <param name="changes">Tells of other instances' edits.</param>
    /// <param name="secrets">Holds the alerters' secrets.</param>
    /// <param name="limits">How long an alerter may take.</param>
    /// <param name="clock">The time.</param>
    /// <param name="folder">What relative paths of log files are relative to.</param>
    public Alerters(ITables tables, ChangeFeed changes, ISecrets secrets, Limits limits, TimeProvider clock, string folder)
    {
        (_secrets, _clock, _folder) = (secrets, clock, folder);
        _settings = new(tables, changes, Schema.Alerters, Read, Write);
        _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = limits.AlerterTimeout };
    }

    /// <summary>As the table has it now. One point read.</summary>
    public ValueTask<Stored<AlerterSettings>?> ReadAsync(string name, CancellationToken ct) => _settings.ReadAsync(name, ct);

    public Snapshot<AlerterSettings> Current => _settings.Current;

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

    /// <summary>The alerter of this name, ready to deliver; null if there is none.</summary>
    public async ValueTask<IAlerter?> FindAsync(string name, CancellationToken ct)
    {
        if (_settings.Find(name) is not { } stored) return null;
        if (_made.TryGetValue(name, out var made) && made.Etag == stored.Etag) return made.Alerter;
        var alerter = await MakeAsync(stored.Item, ct);
        _made[name] = (stored.Etag, alerter);
        return alerter;
    }

    private async ValueTask<IAlerter> MakeAsync(AlerterSettings settings, CancellationToken ct) => settings.Type switch
    {
        Log => new LogAlerter(settings.Path is null ? null : Path.Combine(_folder, settings.Path)),
        Webhook => new WebhookAlerter(_http, new Uri(settings.Url!), settings.HasSecret ? await SecretAsync(settings.Name, ct) : null, _clock),
        _ => throw new InvalidDataException($"Alerter {settings.Name} is of the unknown type '{settings.Type}'."),
    };

    private async ValueTask<string> SecretAsync(string name, CancellationToken ct) => await _secrets.FindAsync(SecretOf(name), ct) is [var newest, ..]
        ? newest.Value
        : throw new StorageUnavailableException($"The secret of alerter {name} is being set, or was lost: set it again.");

    private async ValueTask ReplaceSecretAsync(string name, string secret, CancellationToken ct)
    {
        await _secrets.AddAsync(name, secret, ct);
        await _secrets.RetireAsync(name, keep: 1, ct);
    }

    private static string SecretOf(string name) => "alerter-" + KeyText.Of(name);

    private static AlerterSettings Read(Columns columns) =>
        new(columns.Text("Name")!, columns.Text("Type")!, columns.Text("Path"), columns.Text("Url"), columns.Flag("HasSecret"));

    private static Columns Write(AlerterSettings settings) => new Columns()
        .With("Name", settings.Name).With("Type", settings.Type).With("Path", settings.Path).With("Url", settings.Url).With("HasSecret", settings.HasSecret);
}

using System.Collections.Concurrent;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Sinks by name. Table: <see cref="Schema.Sinks"/>.</summary>
internal sealed class SinkStore(ITables tables, ChangeFeed changes, ISecrets secrets, SinkMaker maker)
{
    private readonly ConcurrentDictionary<string, (string Etag, ISink Sink)> _made = new(StringComparer.Ordinal);

    public ControlTable<SinkSettings> Table { get; } = new(tables, changes, Schema.Sinks, Read, Write);

    /// <summary>Those that are switched on.</summary>
    public IEnumerable<SinkSettings> Active => Table.Current.Items.Where(sink => sink.Enabled);

    /// <summary>Whether any sink takes results of one of these queries.</summary>
    public bool Wants(IEnumerable<string> queries) => Active.Any(sink => sink.Results && queries.Any(sink.WantsQuery));

    /// <summary>Whether any sink takes osquery's own logs.</summary>
    public bool WantsStatusLogs => Active.Any(sink => sink.StatusLogs);

    /// <summary>Makes or replaces a sink.</summary>
    /// <param name="settings">As it shall be.</param>
    /// <param name="secret">A new secret; null keeps the one it has, empty removes it.</param>
    /// <param name="etag">Only if it is still that; null for whatever is there.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <exception cref="ConflictException">It is not.</exception>
    public async ValueTask PutAsync(SinkSettings settings, string? secret, string? etag, CancellationToken ct)
    {
        var stored = await Table.ReadAsync(settings.Name, ct);
        settings = settings with { HasSecret = secret is null ? stored?.Item.HasSecret ?? false : secret != "" };

        // The row first: whoever loses the race has changed nothing. And once more after the secret, so that nobody keeps a sink with the old one.
        var written = await Table.PutAsync(settings.Name, settings, etag, ct, isNew: stored is null);
        if (secret is null) return;
        if (secret != "") await secrets.AddAsync(SecretOf(settings.Name), secret, ct);
        await secrets.RetireAsync(SecretOf(settings.Name), keep: secret == "" ? 0 : 1, ct);
        await Table.PutAsync(settings.Name, settings, written, ct);
    }

    public async ValueTask RemoveAsync(string name, string? etag, CancellationToken ct)
    {
        await Table.RemoveAsync(name, etag, ct);
        await secrets.RetireAsync(SecretOf(name), keep: 0, ct);
    }

    /// <summary>The sink of this name, ready to send, and its settings; null if there is none.</summary>
    public async ValueTask<(ISink Sink, SinkSettings Settings)?> FindAsync(string name, CancellationToken ct)
    {
        if (Table.Find(name) is not { } stored) return null;
        if (_made.TryGetValue(name, out var made) && made.Etag == stored.Etag) return (made.Sink, stored.Item);
        var secret = !stored.Item.HasSecret ? null : await secrets.FindAsync(SecretOf(name), ct) is [var newest, ..]
            ? newest.Value
            : throw new StorageUnavailableException($"The secret of sink {name} is being set, or was lost: set it again.");
        var sink = maker.Make(stored.Item, secret);
        _made[name] = (stored.Etag, sink);
        return (sink, stored.Item);
    }

    private static string SecretOf(string name) => "sink-" + KeyText.Of(name);

    private static SinkSettings Read(Columns columns) => new(
        columns.Text("Name")!, columns.Text("Type")!, JsonSerializer.Deserialize(columns.Text("Fields") ?? "{}", SinkJson.Default.DictionaryStringString)!, columns.Flag("HasSecret"))
    {
        Enabled = columns.Flag("Enabled"),
        Results = columns.Flag("Results"),
        StatusLogs = columns.Flag("StatusLogs"),
        Queries = columns.Text("Queries") is { Length: > 0 } queries ? queries.Split('\n') : [],
        Tags = TagSet.Read(columns.Text("Tags")),
        MinimumSeverity = (int)(columns.Number("MinimumSeverity") ?? 0),
        Format = columns.Text("Format") ?? SinkSettings.Event,
    };

    private static Columns Write(SinkSettings sink) => new Columns()
        .With("Name", sink.Name).With("Type", sink.Type).With("Fields", JsonSerializer.Serialize(new Dictionary<string, string>(sink.Fields), SinkJson.Default.DictionaryStringString)).With("HasSecret", sink.HasSecret)
        .With("Enabled", sink.Enabled).With("Results", sink.Results).With("StatusLogs", sink.StatusLogs).With("Queries", string.Join('\n', sink.Queries)).With("Tags", sink.Tags.Text)
        .With("MinimumSeverity", (long)sink.MinimumSeverity).With("Format", sink.Format);
}

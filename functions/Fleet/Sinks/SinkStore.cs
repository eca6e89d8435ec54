using System.Text.Json;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Sinks by name. Table: <see cref="Schema.Sinks"/>.</summary>
internal sealed class SinkStore(ITables tables, ChangeFeed changes, ISecrets secrets, SinkMaker maker)
    : Plugins<SinkSettings, ISink>(new(tables, changes, Schema.Sinks, Read, Write), secrets, "sink", maker.Make)
{
    /// <summary>Those that are switched on.</summary>
    public IEnumerable<SinkSettings> Active => Current.Items.Where(sink => sink.Enabled);

    /// <summary>Whether any sink takes results of one of these queries.</summary>
    public bool Wants(IEnumerable<string> queries) => Active.Any(sink => sink.Results && queries.Any(sink.WantsQuery));

    /// <summary>Whether any sink takes osquery's own logs.</summary>
    public bool WantsStatusLogs => Active.Any(sink => sink.StatusLogs);

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

using System.Text.Json;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerters by name. Table: <see cref="Schema.Alerters"/>.</summary>
/// <param name="tables">The store.</param>
/// <param name="changes">Tells of other instances' edits.</param>
/// <param name="secrets">Holds the alerters' secrets.</param>
/// <param name="maker">Makes an alerter of its settings and its secret.</param>
internal sealed class Alerters(ITables tables, ChangeFeed changes, ISecrets secrets, AlerterMaker maker)
    : Plugins<AlerterSettings, IAlerter>(new(tables, changes, Schema.Alerters, Read, Write), secrets, "alerter", maker.Make)
{
    public const string Log = "log";
    public const string Webhook = "webhook";

    /// <summary>Who is told of an alert: those that its rule names and those of every rule, as far as severity and tags let them. A name that is no alerter's
    /// any more is kept, and shown as failed.</summary>
    public IEnumerable<string> For(Alert alert, IReadOnlyList<string> named) =>
        named.Where(name => Find(name)?.Item.Wants(alert) != false)
            .Concat(Current.Items.Where(settings => settings.EveryRule && settings.Wants(alert)).Select(settings => settings.Name).Order(StringComparer.Ordinal))
            .Distinct(StringComparer.Ordinal);

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

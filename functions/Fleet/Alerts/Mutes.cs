using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>A time in which nobody is told, such as maintenance. Alerts are kept, and told of when it is over if they are still open.</summary>
/// <param name="Tags">Of nodes with any of these tags; none means all nodes.</param>
/// <param name="RuleIds">Of these rules; none means all.</param>
/// <param name="Reason">Why, for people.</param>
internal sealed record Mute(
    string Id, string Reason, TagSet Tags, IReadOnlyList<string> RuleIds, DateTimeOffset From, DateTimeOffset To, string CreatedBy, DateTimeOffset CreatedAt)
{
    public bool Holds(string ruleId, TagSet tags, DateTimeOffset now) =>
        From <= now && now < To && (Tags.Tags.Count == 0 || Tags.Meets(tags)) && (RuleIds.Count == 0 || RuleIds.Contains(ruleId));
}

/// <summary>Mutes by id. Table: <see cref="Schema.Mutes"/>.</summary>
internal sealed class Mutes(ITables tables, ChangeFeed changes)
{
    public ControlTable<Mute> Table { get; } = new(tables, changes, Schema.Mutes, Read, Write);

    /// <summary>The mute that holds and ends last, or null.</summary>
    public Mute? Find(string ruleId, TagSet tags, DateTimeOffset now) => Table.Current.Items.Where(mute => mute.Holds(ruleId, tags, now)).MaxBy(mute => mute.To);

    private static Mute Read(Columns columns) => new(
        columns.Text("Id")!, columns.Text("Reason")!, TagSet.Read(columns.Text("Tags")), columns.Text("RuleIds") is { Length: > 0 } ids ? ids.Split('\n') : [],
        columns.Time("From")!.Value, columns.Time("To")!.Value, columns.Text("CreatedBy")!, columns.Time("CreatedAt")!.Value);

    private static Columns Write(Mute mute) => new Columns()
        .With("Id", mute.Id).With("Reason", mute.Reason).With("Tags", mute.Tags.Text).With("RuleIds", string.Join('\n', mute.RuleIds))
        .With("From", mute.From).With("To", mute.To).With("CreatedBy", mute.CreatedBy).With("CreatedAt", mute.CreatedAt);
}

using System.Text.Json;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A machine that runs osquery.</summary>
/// <param name="HostIdentifier">What the agent calls its machine; empty until a pre-created node enrolls.</param>
/// <param name="DisplayName">The name that a person gave it, or null.</param>
/// <param name="Platform"><c>linux</c>, <c>darwin</c>, <c>windows</c>, <c>freebsd</c>, or empty if the agent did not say.</param>
/// <param name="Epoch">The generation of its key; a key of another generation is refused.</param>
/// <param name="EnrolledAt">The first enrollment; null for a node that was made by hand and never came.</param>
/// <param name="Announced">Whether the rules were told of the enrollment.</param>
/// <param name="Pending">It asked to enroll again and waits for a person, under the policy <c>approve</c>.</param>
/// <param name="LetIn">A person let it in: its next enrollment is accepted, once.</param>
/// <param name="InstanceIds">The osquery installations seen behind this identifier, the current one first; at most five.</param>
/// <param name="IsCloned">Two of these installations take turns: the machine was copied.</param>
/// <param name="Info">Captured columns: what queries said of the machine.</param>
/// <param name="HostDetails">The agent's <c>host_details</c> as JSON, or null.</param>
internal sealed record Node(
    NodeId Id,
    string HostIdentifier,
    string? DisplayName,
    string Platform,
    string OsqueryVersion,
    TagSet Tags,
    bool Active,
    long Epoch,
    DateTimeOffset CreatedAt,
    DateTimeOffset? EnrolledAt,
    bool Announced,
    bool Pending,
    bool LetIn,
    IReadOnlyList<string> InstanceIds,
    bool IsCloned,
    IReadOnlyDictionary<string, string> Info,
    byte[]? HostDetails)
{
    /// <summary>When another installation took the place of the one before: what that one's queries found is no more. Null if it never happened.</summary>
    public DateTimeOffset? ReinstalledAt { get; init; }

    /// <summary>Its identifier is shared by clones: only the first of <see cref="InstanceIds"/> is this node, the others are nodes of their own.</summary>
    public bool IsSplit { get; init; }

    /// <summary>The signing key that signed its node key last; null for a node that enrolled before this was kept.</summary>
    public uint? SignedBy { get; init; }

    /// <summary>When it denylisted queries lately, by their name or, of distributed ones, their SQL.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> Denylisted { get; init; } = NoneDenylisted;

    internal static IReadOnlyDictionary<string, DateTimeOffset> NoneDenylisted { get; } = new Dictionary<string, DateTimeOffset>();

    /// <summary>How long osquery leaves a query alone over which it was ended.</summary>
    private static readonly TimeSpan s_denylistedFor = TimeSpan.FromDays(1);

    /// <summary>Queries that it leaves alone now, newest first.</summary>
    public IEnumerable<KeyValuePair<string, DateTimeOffset>> DenylistedAt(DateTimeOffset now) => Denylisted.Where(one => now - one.Value < s_denylistedFor).OrderByDescending(one => one.Value);

    /// <summary>Its certificate is its name.</summary>
    public bool IsCertified => Id == NodeId.OfCertificate(HostIdentifier);

    /// <summary>The given name, else the computer's own, else the identifier: Doorman's order.</summary>
    public string Name =>
        DisplayName ?? Info.GetValueOrDefault("hostname") ?? Info.GetValueOrDefault("computer_name")
        ?? (HostIdentifier.Length > 0 ? HostIdentifier : Id.ToString());
}

/// <summary>A node as a row of <see cref="Schema.Nodes"/>.</summary>
internal static class NodeRow
{
    public static Key KeyOf(NodeId id) => new(id.Shard, id.ToString());

    public static Columns Write(Node node) => new Columns()
        .With("HostIdentifier", node.HostIdentifier)
        .With("DisplayName", node.DisplayName)
        .With("Platform", node.Platform)
        .With("OsqueryVersion", node.OsqueryVersion)
        .With("Tags", node.Tags.Text)
        .With("Active", node.Active)
        .With("Epoch", node.Epoch)
        .With("CreatedAt", node.CreatedAt)
        .With("EnrolledAt", node.EnrolledAt)
        .With("Announced", node.Announced)
        .With("Pending", node.Pending)
        .With("LetIn", node.LetIn)
        .With("InstanceIds", string.Join('\n', node.InstanceIds))
        .With("IsCloned", node.IsCloned)
        .With("ReinstalledAt", node.ReinstalledAt)
        .With("IsSplit", node.IsSplit ? true : null)
        .With("SignedBy", node.SignedBy is { } key ? (long?)key : null)
        .With("Denylisted", node.Denylisted.Count == 0 ? null : JsonSerializer.SerializeToUtf8Bytes(node.Denylisted, NodeJson.Default.IReadOnlyDictionaryStringDateTimeOffset))
        .With("Info", JsonSerializer.SerializeToUtf8Bytes(node.Info, NodeJson.Default.IReadOnlyDictionaryStringString))
        .With("HostDetails", node.HostDetails is null ? null : Compression.Pack(node.HostDetails));

    public static Node Read(Row row)
    {
        var columns = row.Columns;
        return new(
            NodeId.TryParse(row.Key.Row, out var id) ? id : throw new StorageDamagedException($"{row.Key.Row} is no node id."),
            columns.Text("HostIdentifier") ?? "",
            columns.Text("DisplayName"),
            columns.Text("Platform") ?? "",
            columns.Text("OsqueryVersion") ?? "",
            TagSet.Read(columns.Text("Tags")),
            columns.Flag("Active"),
            columns.Number("Epoch") ?? 0,
            columns.Time("CreatedAt") ?? default,
            columns.Time("EnrolledAt"),
            columns.Flag("Announced"),
            columns.Flag("Pending"),
            columns.Flag("LetIn"),
            columns.Text("InstanceIds") is { Length: > 0 } ids ? ids.Split('\n') : [],
            columns.Flag("IsCloned"),
            JsonSerializer.Deserialize(columns.Bytes("Info") ?? "{}"u8, NodeJson.Default.IReadOnlyDictionaryStringString)!,
            columns.Bytes("HostDetails") is { } details ? Compression.Unpack(details) : null)
        {
            ReinstalledAt = columns.Time("ReinstalledAt"),
            IsSplit = columns.Flag("IsSplit"),
            SignedBy = (uint?)columns.Number("SignedBy"),
            Denylisted = columns.Bytes("Denylisted") is { } denylisted ? JsonSerializer.Deserialize(denylisted, NodeJson.Default.IReadOnlyDictionaryStringDateTimeOffset)! : Node.NoneDenylisted,
        };
    }
}

using System.Text;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Which nodes. What is left out does not matter; of several values of one member any will do, save for <c>allTags</c>.</summary>
/// <param name="Q">Within name, identifier, address or captured info, in any case.</param>
/// <param name="Tags">Any of these.</param>
/// <param name="AllTags">All of these.</param>
/// <param name="NoTags">None of these.</param>
/// <param name="Untagged">Those without any tag.</param>
/// <param name="Statuses">online, offline, silent, never_reported, pending or inactive.</param>
/// <param name="SeenSince">Heard of since then.</param>
/// <param name="SeenBefore">Not heard of since then.</param>
/// <param name="Denylisted">Those that leave this query alone now: its name, or <c>*</c> for any.</param>
internal sealed record NodeFilter(
    string? Q = null, IReadOnlyList<string>? Tags = null, IReadOnlyList<string>? AllTags = null, IReadOnlyList<string>? NoTags = null, bool Untagged = false,
    IReadOnlyList<string>? Platforms = null, IReadOnlyList<string>? Statuses = null, IReadOnlyList<string>? OsqueryVersions = null, DateTimeOffset? SeenSince = null,
    DateTimeOffset? SeenBefore = null, IReadOnlyList<string>? Ids = null, string? Denylisted = null)
{
    /// <summary>Whether it finds everything: an empty list filters no more than none.</summary>
    public bool IsEmpty =>
        string.IsNullOrEmpty(Q) && !Untagged && SeenSince is null && SeenBefore is null && Denylisted is null
        && new[] { Tags, AllTags, NoTags, Platforms, Statuses, OsqueryVersions, Ids }.All(list => list is not { Count: > 0 });

    public IEnumerable<FieldError> Errors()
    {
        foreach (var status in (Statuses ?? []).Except(PresenceSettings.Names)) yield return new("statuses", $"'{status}' is not one of {string.Join(", ", PresenceSettings.Names)}.");
    }

    /// <param name="one">The node.</param>
    /// <param name="status">Of it, now.</param>
    /// <param name="now">The time.</param>
    public bool Wants(CatalogNode one, NodeStatus status, DateTimeOffset now)
    {
        var node = one.Node;
        return (Tags is not { Count: > 0 } || Tags.Any(node.Tags.Has))
            && (AllTags is not { Count: > 0 } || AllTags.All(node.Tags.Has))
            && (NoTags is not { Count: > 0 } || !NoTags.Any(node.Tags.Has))
            && (!Untagged || node.Tags.Tags.Count == 0)
            && (Platforms is not { Count: > 0 } || Platforms.Contains(node.Platform))
            && (OsqueryVersions is not { Count: > 0 } || OsqueryVersions.Contains(node.OsqueryVersion))
            && (Statuses is not { Count: > 0 } || Statuses.Contains(PresenceSettings.NameOf(status)))
            && !(SeenSince is { } since && !(one.Seen?.At >= since))
            && !(SeenBefore is { } before && one.Seen?.At >= before)
            && (Denylisted is null || node.DenylistedAt(now).Any(query => Denylisted == "*" || query.Key == Denylisted))
            && (Ids is not { Count: > 0 } || Ids.Contains(node.Id.ToString()))
            && (string.IsNullOrEmpty(Q) || Texts(one).Any(text => text.Contains(Q, StringComparison.OrdinalIgnoreCase)));
    }

    private static IEnumerable<string> Texts(CatalogNode one) =>
        one.Node.Info.Values.Concat([one.Node.Name, one.Node.HostIdentifier, one.Seen?.Address ?? "", one.Node.Id.ToString()]);
}

/// <summary>Finds and sorts nodes in memory.</summary>
internal sealed class NodeQuery(NodeCatalog catalog, PresenceSettings presence, TimeProvider clock)
{
    public static IReadOnlyList<string> Orders { get; } = ["id", "name", "hostIdentifier", "platform", "osqueryVersion", "status", "enrolledAt", "lastSeenAt"];

    public async ValueTask<IReadOnlyList<CatalogNode>> FindAsync(NodeFilter filter, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return [.. (await catalog.AllAsync(ct)).Where(one => filter.Wants(one, presence.StatusOf(one.Node, one.Seen, now), now))];
    }

    public NodeStatus StatusOf(Node node, Seen? seen) => presence.StatusOf(node, seen, clock.GetUtcNow());

    public IEnumerable<KeyValuePair<string, DateTimeOffset>> DenylistedOf(Node node) => node.DenylistedAt(clock.GetUtcNow());

    /// <summary>A page of the nodes that are wanted, in order.</summary>
    public async ValueTask<ListOf<TOut>> PageAsync<TOut>(NodeFilter filter, string sort, bool descending, int? take, string? after, int? page, Limits limits, Func<CatalogNode, TOut> map, CancellationToken ct)
    {
        var keyed = (await FindAsync(filter, ct)).Select(one => (Key: Key(one, sort), One: one)).ToList();
        keyed.Sort((a, b) => descending ? Compare(b, a) : Compare(a, b));
        var start = after is null ? null : Read(after);
        return Paging.Sorted(
            keyed, entry => Write(entry.Key, entry.One.Node.Id), entry => start is null || (descending ? -1 : 1) * Compare(entry.Key, entry.One.Node.Id, start.Value.Key, start.Value.Id) > 0, take, page, limits,
            entry => map(entry.One));
    }

    private string Key(CatalogNode one, string sort) => sort switch
    {
        "name" => one.Node.Name,
        "hostIdentifier" => one.Node.HostIdentifier,
        "platform" => one.Node.Platform,
        "osqueryVersion" => Padded(one.Node.OsqueryVersion),
        "status" => PresenceSettings.NameOf(StatusOf(one.Node, one.Seen)),
        "enrolledAt" => Text(one.Node.EnrolledAt),
        "lastSeenAt" => Text(one.Seen?.At),
        _ => "",
    };

    private static int Compare((string Key, CatalogNode One) a, (string Key, CatalogNode One) b) => Compare(a.Key, a.One.Node.Id, b.Key, b.One.Node.Id);

    private static int Compare(string keyA, NodeId a, string keyB, NodeId b) =>
        string.Compare(keyA, keyB, StringComparison.OrdinalIgnoreCase) is not 0 and var order ? order : a.Value.CompareTo(b.Value);

    private static string Text(DateTimeOffset? time) => (time?.UtcTicks ?? 0).ToString("D19", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>5.9 comes before 5.23.</summary>
    private static string Padded(string version) => string.Join('.', version.Split('.').Select(part => part.PadLeft(6, '0')));

    private static string Write(string key, NodeId id) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{id}{key}")).Replace('+', '-').Replace('/', '_');

    private static (string Key, NodeId Id)? Read(string after)
    {
        try
        {
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(after.Replace('-', '+').Replace('_', '/')));
            if (text.Length >= 2 * NodeId.Size && NodeId.TryParse(text[..(2 * NodeId.Size)], out var id)) return (text[(2 * NodeId.Size)..], id);
        }
        catch (FormatException)
        {
            // Told below.
        }

        throw new BadPlaceException();
    }
}

using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>An enrollment's end: the node and its key, or why there is none.</summary>
internal sealed record Enrolled(Node? Node, string? NodeKey, string Reason)
{
    /// <summary>The node was split: this installation is another one's.</summary>
    public static Enrolled Split { get; } = new(null, null, "the node was split");

    public bool IsSplit => ReferenceEquals(this, Split);

    public static Enrolled Refused(string reason) => new(null, null, reason);
}

/// <summary>Lets machines in: checks the secret, finds or makes the node, signs its key.</summary>
internal sealed class Enrollment(
    EnrollSecrets secrets, NodeStore nodes, NodeFinder finder, NodeKeys keys, EnrollmentSettings settings, CertificateSettings certificates, HistoryStore history, Limits limits, TimeProvider clock, ILogger<Enrollment> log)
{
    private const int MostHostCharacters = 1_024;
    private const int MostDetailBytes = 60 << 10;

    /// <summary>Enrolls a machine. Safe to repeat: the same machine is the same node.</summary>
    /// <param name="secretAndTags">The secret, and tags behind it.</param>
    /// <param name="hostIdentifier">What the agent calls its machine.</param>
    /// <param name="nodeKey">A node key that it sent along, or empty.</param>
    /// <param name="details">What it says of its machine.</param>
    /// <param name="ct">Stops before the next write.</param>
    public async ValueTask<Enrolled> EnrollAsync(string? secretAndTags, string? hostIdentifier, string nodeKey, HostDetails details, CancellationToken ct)
    {
        var host = hostIdentifier?.Trim();
        if (string.IsNullOrEmpty(host) || host.Length > MostHostCharacters) return Enrolled.Refused("the host identifier is missing or too long");
        details = Fitting(details);
        var (text, tags) = Split(secretAndTags?.Trim() ?? "");
        if (text.Length == 0 || await secrets.FindAsync(text, ct) is not { } secret) return Enrolled.Refused("the enroll secret is not known, or has expired");

        return await RepeatAsync(() => secret.Node is null ? EnrollSharedAsync(secret, host, nodeKey, tags, details, ct) : EnrollPreparedAsync(secret, host, details, ct));
    }

    /// <summary>Enrolls a machine by its certificate: no secret is asked for, and its name is the certificate's, whatever it calls itself.</summary>
    public async ValueTask<Enrolled> EnrollCertifiedAsync(string name, HostDetails details, CancellationToken ct)
    {
        if (name.Length > MostHostCharacters) return Enrolled.Refused("the certificate's name is too long");
        details = Fitting(details);
        var id = NodeId.OfCertificate(name);
        return await RepeatAsync(async () => await nodes.FindAsync(id, ct) is null
            ? await InsertAsync(id, name, TagSet.Of(certificates.Tags), details, ct)
            : await ReenrollAsync(id, name, details, ct));
    }

    /// <summary>Without what would not fit into the node's row.</summary>
    private static HostDetails Fitting(HostDetails details) => details.Json?.Length > MostDetailBytes ? details with { Json = null } : details;

    /// <summary>Again, when the same machine was faster on another connection: now it is a known one.</summary>
    private static async ValueTask<Enrolled> RepeatAsync(Func<ValueTask<Enrolled>> enroll)
    {
        for (; ; )
        {
            try
            {
                return await enroll();
            }
            catch (ConflictException)
            {
                // Look again.
            }
        }
    }

    private async ValueTask<Enrolled> EnrollSharedAsync(EnrollSecret secret, string host, string nodeKey, IReadOnlyList<string> tags, HostDetails details, CancellationToken ct)
    {
        var found = await finder.FindAsync(host, details, nodeKey, ct);
        if (found.IsKnown)
        {
            var again = await ReenrollAsync(found.Id, host, details, ct, isShared: true);
            return again.IsSplit ? await EnrollSharedAsync(secret, host, nodeKey, tags, details, ct) : again;
        }

        if (!await secrets.TryUseAsync(secret, found.Id, ct)) return Enrolled.Refused("the enroll secret is used up");
        return await InsertAsync(found.Id, host, secret.Tags.With(tags).With(found.SplitFrom?.Tags.Tags ?? []), details, ct, isShared: true);
    }

    private async ValueTask<Enrolled> InsertAsync(NodeId id, string host, TagSet tags, HostDetails details, CancellationToken ct, bool isShared = false)
    {
        var now = clock.GetUtcNow();
        var node = new Node(
            id, host, DisplayName: null, details.Platform, details.OsqueryVersion, tags.With(settings.DefaultTags ?? []),
            Active: true, FirstEpoch(now), CreatedAt: now, EnrolledAt: now, Announced: false, Pending: false, LetIn: false,
            details.InstanceId == "" ? [] : [details.InstanceId], IsCloned: false, details.Info, details.Json) { SignedBy = keys.SignsWith };

        // First: what leads to a node that is not there yet leads nowhere, and a node that is there is not written again.
        if (isShared) await nodes.Aliases.WriteAsync(before: null, node, ct);
        await nodes.InsertAsync(node, ct);
        return new(node, keys.Sign(node.Id, node.Epoch), "");
    }

    /// <summary>A node that was made beforehand, with a secret of its own.</summary>
    private async ValueTask<Enrolled> EnrollPreparedAsync(EnrollSecret secret, string host, HostDetails details, CancellationToken ct)
    {
        if (!NodeId.TryParse(secret.Node, out var id) || await nodes.FindAsync(id, ct) is not { } node) return Enrolled.Refused("the secret's node was deleted");
        if (node.EnrolledAt is not null) return await ReenrollAsync(id, host, details, ct);
        if (!node.Active) return Enrolled.Refused("the node is deactivated");
        if (!await secrets.TryUseAsync(secret, id, ct)) return Enrolled.Refused("the enroll secret is used up");

        var now = clock.GetUtcNow();
        var enrolled = await nodes.ChangeAsync(id, before => Describe(before, host, details) with
        {
            EnrolledAt = before.EnrolledAt ?? now,
            Epoch = before.EnrolledAt is null ? FirstEpoch(now) : before.Epoch,
            Tags = before.Tags.With(settings.DefaultTags ?? []),
            SignedBy = keys.SignsWith,
        }, ct);
        return enrolled is null ? Enrolled.Refused("the secret's node was deleted") : new(enrolled, keys.Sign(enrolled.Id, enrolled.Epoch), "");
    }

    /// <param name="id">The node.</param>
    /// <param name="host">What the agent calls its machine.</param>
    /// <param name="details">What it says of it.</param>
    /// <param name="ct">Stops before the next write.</param>
    /// <param name="isShared">By a secret that is no single node's: then the node is found by what else it is known by.</param>
    private async ValueTask<Enrolled> ReenrollAsync(NodeId id, string host, HostDetails details, CancellationToken ct, bool isShared = false)
    {
        Node? was = null;
        var node = await nodes.ChangeAsync(id, before =>
        {
            was = before;
            if (!before.Active) return before;
            if (settings.Reenroll == ReenrollPolicy.Approve && !before.LetIn) return before.Pending ? before : before with { Pending = true };

            // An installation that comes back after another took its place is one of two copies: told once, and no key is
            // rotated, since the copies would take the node from each other for ever.
            var returns = before.InstanceIds.Skip(1).Contains(details.InstanceId);
            if (returns && settings.Clones == ClonePolicy.Split) return before with { IsSplit = true, IsCloned = false, InstanceIds = [before.InstanceIds[0]], Epoch = before.Epoch + 1 };
            var after = Describe(before, host, details) with { Pending = false, LetIn = false, IsCloned = before.IsCloned || returns, SignedBy = keys.SignsWith };
            if (before.InstanceIds.Count > 0 && details.InstanceId != "" && !before.InstanceIds.Contains(details.InstanceId)) after = after with { ReinstalledAt = clock.GetUtcNow() };
            if (settings.Reenroll == ReenrollPolicy.Rotate && !after.IsCloned) after = after with { Epoch = before.Epoch + 1 };
            return IsSame(before, after) ? before : after;
        }, ct);

        if (node is null) return Enrolled.Refused("the node was deleted meanwhile; repeat");
        if (!ReferenceEquals(node, was))
        {
            if (isShared) await nodes.Aliases.WriteAsync(was, node, ct);
            await NoteAsync(node, ct);
        }

        if (!node.Active) return Enrolled.Refused("the node is deactivated");
        if (node.Pending) return Enrolled.Refused("the node waits for a person to let it in");
        if (node.IsSplit && !was!.IsSplit)
        {
            log.LogWarning("Node {Node} ({Host}) had clones: each installation that enrolls is a node of its own now", node.Id, host);
            return Enrolled.Split;
        }

        if (node.IsCloned) log.LogWarning("Node {Node} ({Host}) has clones: installations {Instances} share one host identifier", node.Id, host, node.InstanceIds);
        return new(node, keys.Sign(node.Id, node.Epoch), "");
    }

    /// <summary>For the node's timeline: another installation, version, host details or key. That a machine comes again as it was is not worth a write.</summary>
    private ValueTask NoteAsync(Node node, CancellationToken ct) => history.AddAsync(
        Schema.Nodes.ToLowerInvariant(), node.Id.ToString(), by: "", node.Pending ? "pending" : "enrolled", before: null,
        new() { ["osqueryVersion"] = node.OsqueryVersion, ["instanceId"] = node.InstanceIds is [var instance, ..] ? instance : "" }, ct);

    /// <summary>The node with what its agent says of its machine.</summary>
    internal static Node Describe(Node node, string host, HostDetails details) => node with
    {
        HostIdentifier = host,
        Platform = details.Platform == "" ? node.Platform : details.Platform,
        OsqueryVersion = details.OsqueryVersion == "" ? node.OsqueryVersion : details.OsqueryVersion,
        InstanceIds = details.InstanceId == "" ? node.InstanceIds : [.. node.InstanceIds.Where(i => i != details.InstanceId).Prepend(details.InstanceId).Take(5)],
        HostDetails = details.Json ?? node.HostDetails,
        Info = details.Info.All(one => node.Info.GetValueOrDefault(one.Key) == one.Value) ? node.Info : details.Info.Concat(node.Info).DistinctBy(one => one.Key).ToDictionary(),
    };

    private static bool IsSame(Node before, Node after) =>
        before with { InstanceIds = after.InstanceIds, HostDetails = after.HostDetails } == after
        && before.InstanceIds.SequenceEqual(after.InstanceIds)
        && (before.HostDetails ?? []).AsSpan().SequenceEqual(after.HostDetails ?? []);

    /// <summary>Seconds, so that a node that was deleted and comes again does not accept its old keys.</summary>
    private static long FirstEpoch(DateTimeOffset now) => now.ToUnixTimeSeconds();

    /// <summary>The secret, and the tags behind it: ten pieces at most, then trimmed, without blanks and repeats.</summary>
    private (string Secret, IReadOnlyList<string> Tags) Split(string text)
    {
        if (settings.TagDelimiter.Length == 0) return (text, []);
        var parts = text.Split(settings.TagDelimiter, limits.TagsPerSecret + 2);
        return (parts[0], [.. parts.Skip(1).Take(limits.TagsPerSecret).Where(tag => tag.Length <= limits.NameCharacters && !tag.Any(char.IsControl))]);
    }
}

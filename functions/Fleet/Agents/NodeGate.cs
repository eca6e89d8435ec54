using System.Text;
using System.Text.RegularExpressions;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>Says whose key it is. Null means proven bad; a doubt is an exception.</summary>
internal sealed partial class NodeGate(NodeKeys keys, SigningKeys signing, NodeDirectory directory, Enrollment enrollment, EnrollRefusals refusals, Arrivals arrivals, Activity activity, ChangeFeed changes, NodeStore nodes, TimeProvider clock)
{
    /// <summary>How often a node may say that it is of another version: two agents may share a key.</summary>
    private static readonly TimeSpan s_versionRest = TimeSpan.FromMinutes(10);

    [GeneratedRegex(@"\A\d+\.\d+[\w.+-]*\z")]
    private static partial Regex VersionOf { get; }

    /// <summary>The node behind a key, noted as seen. Touches no storage for a node that this instance knows.</summary>
    /// <exception cref="StorageUnavailableException">Whether the key is good cannot be told now.</exception>
    public async ValueTask<KnownNode?> AdmitAsync(ReadOnlyMemory<byte> bodyKey, AgentRequest request, CancellationToken ct)
    {
        await changes.LookAsync(ct);
        var key = bodyKey.IsEmpty ? Encoding.UTF8.GetBytes(request.HeaderKey) : bodyKey;
        if (key.IsEmpty && request.Certified is { } name) return await TouchedAsync(await FindCertifiedAsync(name, request, ct), request, ct);
        if (key.IsEmpty && request.CertificateFault is { } fault) refusals.Note(fault, request.Address, host: null, request.UserAgent);
        var verdict = keys.TryRead(key.Span, out var claim);
        if (verdict == KeyVerdict.Unknown && !signing.IsFresh)
        {
            // Signed with a key that was made after this instance read them, or by another system.
            await signing.ReadAsync(ct);
            verdict = keys.TryRead(key.Span, out claim);
        }

        if (verdict != KeyVerdict.Good || await FindAsync(claim, ct) is not { Active: true } node || node.Epoch != claim.Epoch) return null;
        return await TouchedAsync(node, request, ct);
    }

    /// <summary>An agent that does not enroll (<c>disable_enrollment</c>): its certificate is its node, which is made when it first comes.</summary>
    private async ValueTask<KnownNode?> FindCertifiedAsync(string name, AgentRequest request, CancellationToken ct)
    {
        var id = NodeId.OfCertificate(name);
        if (await directory.FindAsync(id, ct) is { } known) return known.Active ? known : null;
        await signing.EnsureAsync(ct);
        if ((await enrollment.EnrollCertifiedAsync(name, HostDetails.Unknown, ct)).Node is not { } made) return null;
        await arrivals.AnnounceAsync(made, request.Address, ct);
        return await directory.RefreshAsync(id, ct);
    }

    private ValueTask<KnownNode?> TouchedAsync(KnownNode? node, AgentRequest request, CancellationToken ct)
    {
        if (node is null) return new((KnownNode?)null);
        var now = clock.GetUtcNow();
        node.Touch(now, request.Address);
        activity.Note(ActivityKind.CheckIns);
        return request.OsqueryVersion is { IsEmpty: false } version && !version.SequenceEqual(node.OsqueryVersion) && now - node.VersionChangedAt > s_versionRest
            ? ChangeVersionAsync(node, version.ToString(), now, ct)
            : new(node);
    }

    /// <summary>An agent that was upgraded does not enroll again.</summary>
    private async ValueTask<KnownNode?> ChangeVersionAsync(KnownNode node, string version, DateTimeOffset now, CancellationToken ct)
    {
        if (VersionOf.IsMatch(version))
        {
            node.VersionChangedAt = now;
            await nodes.ChangeAsync(node.Id, before => before.OsqueryVersion == version ? before : before with { OsqueryVersion = version }, ct);
            node.OsqueryVersion = version;
        }

        return node;
    }

    private async ValueTask<KnownNode?> FindAsync(NodeClaim claim, CancellationToken ct)
    {
        var node = await directory.FindAsync(claim.Id, ct);

        // A key younger than what is in memory: the node enrolled elsewhere a moment ago.
        return node is not null && node.Epoch < claim.Epoch ? await directory.RefreshAsync(claim.Id, ct) : node;
    }
}

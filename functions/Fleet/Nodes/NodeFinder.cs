using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>The node that an enrolling machine is, or is to become.</summary>
/// <param name="IsKnown">Whether the node is there.</param>
/// <param name="SplitFrom">The node whose identifier it shares: it is a clone that gets a node of its own.</param>
internal sealed record FoundNode(NodeId Id, bool IsKnown, Node? SplitFrom = null);

/// <summary>Finds the node of an enrolling machine, whatever the agent takes for a host identifier, and however often that changes.</summary>
/// <remarks>Nodes that are known by a certificate are never among them: a secret does not take their place. In this order: the key that it holds, its host identifier, its installation of osquery, its hardware.</remarks>
internal sealed class NodeFinder(NodeStore nodes, NodeKeys keys, EnrollmentSettings settings)
{
    /// <param name="host">What the agent calls its machine.</param>
    /// <param name="details">What it says of it.</param>
    /// <param name="nodeKey">A node key that it sent along, or empty.</param>
    /// <param name="ct">Stops the reads.</param>
    public async ValueTask<FoundNode> FindAsync(string host, HostDetails details, string nodeKey, CancellationToken ct)
    {
        if (nodeKey.Length > 0 && keys.TryRead(nodeKey, out var claim) == KeyVerdict.Good && await nodes.FindAsync(claim.Id, ct) is { IsCertified: false } holder) return await OfAsync(holder, host, details, ct);
        if (!settings.UniqueHostIdentifiers)
        {
            var installation = details.InstanceId.Length == 0 ? NodeId.Random() : NodeId.OfInstallation("", details.InstanceId + details.HardwareUuid);
            return new(installation, await nodes.FindAsync(installation, ct) is not null);
        }

        var id = NodeId.OfHost(host);
        var named = await nodes.FindAsync(id, ct);
        if (named is not null && IsSame(named.HostIdentifier, host)) return await OfAsync(named, host, details, ct);
        if (await FindByAliasAsync(host, details, ct) is { } known) return await OfAsync(known, host, details, ct);

        // A machine that calls itself otherwise now may have the id of this identifier.
        return new(named is null ? id : NodeId.Random(), IsKnown: false);
    }

    private async ValueTask<Node?> FindByAliasAsync(string host, HostDetails details, CancellationToken ct)
    {
        if (details.InstanceId.Length > 0 && await FollowAsync(NodeAliases.OfInstance(details.InstanceId), ct) is { } installed
            && installed.InstanceIds.Contains(details.InstanceId) && details.MayBe(HostDetails.Of(installed))) return installed;
        if (details.Hardware is { } hardware && await FollowAsync(NodeAliases.OfHardware(hardware), ct) is { } same && HostDetails.Of(same).Hardware == hardware) return same;
        return await FollowAsync(NodeAliases.OfHost(host), ct) is { } renamed && IsSame(renamed.HostIdentifier, host) ? renamed : null;
    }

    private async ValueTask<Node?> FollowAsync(string alias, CancellationToken ct) => await nodes.Aliases.FindAsync(alias, ct) is { } id ? await nodes.FindAsync(id, ct) : null;

    /// <summary>The node itself; of one that was split only for the installation that kept it.</summary>
    private async ValueTask<FoundNode> OfAsync(Node node, string host, HostDetails details, CancellationToken ct)
    {
        if (!node.IsSplit || details.InstanceId.Length == 0 || node.InstanceIds is not [var kept, ..] || kept == details.InstanceId) return new(node.Id, IsKnown: true);
        var own = NodeId.OfInstallation(host, details.InstanceId);
        return new(own, await nodes.FindAsync(own, ct) is not null, node);
    }

    private static bool IsSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}

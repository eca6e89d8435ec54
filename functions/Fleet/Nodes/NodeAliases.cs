using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>By what else a node is known than by its id. An entry is a hint: whoever follows it looks whether the node still says the same. Table: <see cref="Schema.NodeAliases"/>.</summary>
internal sealed class NodeAliases(ITables tables)
{
    private readonly ITable _aliases = tables[Schema.NodeAliases];

    /// <summary>All of a node: its installation, its hardware, and its host identifier where the id does not follow from that.</summary>
    public static IEnumerable<string> Of(Node node)
    {
        if (node.InstanceIds is [var instance, ..]) yield return OfInstance(instance);
        if (HostDetails.Of(node).Hardware is { } hardware) yield return OfHardware(hardware);
        if (node.HostIdentifier.Length > 0 && node.Id != NodeId.OfHost(node.HostIdentifier)) yield return OfHost(node.HostIdentifier);
    }

    public static string OfHost(string identifier) => Digest.Of("host", identifier.ToLowerInvariant());

    public static string OfInstance(string instance) => Digest.Of("instance", instance.ToLowerInvariant());

    public static string OfHardware(string hardware) => Digest.Of("hardware", hardware.ToLowerInvariant());

    /// <summary>One point read.</summary>
    public async ValueTask<NodeId?> FindAsync(string alias, CancellationToken ct) =>
        await _aliases.FindAsync(KeyOf(alias), ct) is { } row && NodeId.TryParse(row.Columns.Text("Node"), out var id) ? id : null;

    /// <summary>Writes what is new of a node: a write each.</summary>
    /// <param name="before">The node as it was, or null for a new one.</param>
    /// <param name="after">As it is, or is about to be.</param>
    /// <param name="ct">Stops before the next write.</param>
    public async ValueTask WriteAsync(Node? before, Node after, CancellationToken ct)
    {
        foreach (var alias in Of(after).Except(before is null ? [] : Of(before))) await _aliases.WriteAsync(Write.Replace(KeyOf(alias), new Columns { ["Node"] = after.Id.ToString() }), ct);
    }

    /// <summary>Removes those that lead to the node.</summary>
    public async ValueTask RemoveAsync(Node node, CancellationToken ct)
    {
        foreach (var alias in Of(node).Concat(node.InstanceIds.Select(OfInstance)).Distinct())
        {
            if (await FindAsync(alias, ct) == node.Id) await _aliases.WriteAsync(Write.Delete(KeyOf(alias)), ct);
        }
    }

    private static Key KeyOf(string alias) => new(alias[..2], alias);
}

using System.Net;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Agents;

/// <summary>Tells of new nodes: rules see <c>fleet/node_enrolled</c> like any other result.</summary>
internal sealed class Arrivals(BuiltInResults results, NodeStore nodes)
{
    /// <summary>Tells of a node unless that was done. Before its key is out: if this fails, the agent enrolls again, and it is told then.</summary>
    public async ValueTask AnnounceAsync(Node node, IPAddress? address, CancellationToken ct)
    {
        if (node.Announced) return;
        await results.RaiseEnrolledAsync(node, address?.ToString(), ct);
        await nodes.ChangeAsync(node.Id, before => before with { Announced = true }, ct);
    }
}

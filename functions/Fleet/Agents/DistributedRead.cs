using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Agents;

/// <summary>Tells a node which distributed queries to run.</summary>
internal sealed class DistributedRead(NodeGate gate, Offers offers, Limits limits, TimeProvider clock) : IAgentCall
{
    private static readonly AgentAnswer s_idle = new(200, """{"queries":{},"node_invalid":false}"""u8.ToArray());

    /// <summary>Agents that are asked to hurry wait five seconds between two calls: one that comes more often would be slowed.</summary>
    private static readonly TimeSpan s_accelerated = TimeSpan.FromSeconds(4.5);

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.Read(NodeKeyBody.Read);
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;
        var now = clock.GetUtcNow();
        var isQuick = node.TouchRead(now) < s_accelerated;
        var taken = await offers.TakeAsync(node, ct);
        if (node.TryAskDetails(now)) taken = [.. taken, new(DetailsQuestion.Id, DetailsQuestion.Sql)];
        return taken.Count == 0 ? s_idle : new(200, Write(taken, isQuick));
    }

    /// <summary><c>accelerate</c> is a JSON integer: agents refuse a text.</summary>
    private byte[] Write(IReadOnlyList<Offer> taken, bool isQuick)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteStartObject("queries");
            foreach (var offer in taken) json.WriteString(offer.Id, offer.Sql);
            json.WriteEndObject();
            if (!isQuick) json.WriteNumber("accelerate", limits.AccelerateSeconds);
            json.WriteBoolean("node_invalid", false);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}

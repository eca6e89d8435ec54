using System.Text;
using Fleet.Config;

namespace Fleet.Agents;

/// <summary>Hands out the configuration that the node's tags call for.</summary>
internal sealed class ConfigCall(NodeGate gate, ConfigAssembler assembler) : IAgentCall
{
    private static readonly byte[] s_unchanged = Encoding.UTF8.GetBytes("""{"etag":"ok"}""");

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = NodeKeyBody.Read(request.Body);
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        var config = assembler.For(node.Tags);
        if (config.Fault is { } fault) return AgentAnswer.Error(500, fault);
        if (body.Etag is null) return new(200, config.Json, config.Json.Length > 1_024 ? config.Gzip : default);
        return body.Etag == config.Etag ? new(200, s_unchanged) : new(200, config.WithEtag);
    }
}

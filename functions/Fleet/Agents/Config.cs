using System.Text;
using Fleet.Config;
using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>Hands out the configuration that the node's tags call for.</summary>
internal sealed class ConfigCall(NodeGate gate, ConfigAssembler assembler, Limits limits, ILogger<ConfigCall> log) : IAgentCall
{
    private const int WorthPacking = 1_024;

    public bool PacksAnswer => true;

    private static readonly byte[] s_unchanged = Encoding.UTF8.GetBytes("""{"etag":"ok"}""");

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.Read(NodeKeyBody.Read);
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        var config = assembler.For(node.Tags);
        if (config.FaultFor(node.OsqueryVersion, limits) is { } fault)
        {
            if (config.TellOnce()) log.LogError("Node {Node} with the tags {Tags}: {Fault}", node.Id, node.Tags, fault);
            return AgentAnswer.Error(500, fault);
        }

        if (body.Etag == config.Etag) return new(200, s_unchanged);
        var packs = request.AcceptsGzip && config.Json.Length > WorthPacking;
        return body.Etag is null
            ? new(200, config.Json, packs ? config.Gzip : default)
            : new(200, config.WithEtag, packs ? config.GzipWithEtag : default);
    }
}

using System.Text;
using System.Text.Json;
using Fleet.Carves;

namespace Fleet.Agents;

/// <summary>A node announces the files that it was asked for. The absence of a session is the refusal: agents read nothing else here.</summary>
internal sealed class CarveStart(NodeGate gate, CarveIntake intake, ILogger<CarveStart> log) : IAgentCall
{
    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var key = NodeKeyBody.Read(request.Body).NodeKey;
        if (await gate.AdmitAsync(key, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        using var body = JsonDocument.Parse(request.Body);
        var (session, fault) = await intake.StartAsync(
            node.Id, TextOf(body, "carve_id"), (int)Math.Min(NumberOf(body, "block_count"), int.MaxValue), NumberOf(body, "block_size"), NumberOf(body, "carve_size"), ct);
        if (fault is not null)
        {
            log.LogWarning("Refused a carve of node {Node}: {Reason}", node.Id, fault);
            return AgentAnswer.Error(400, fault);
        }

        return new(200, Encoding.UTF8.GetBytes($$"""{"session_id":"{{session}}","success":true}"""));
    }

    private static string TextOf(JsonDocument body, string name) =>
        body.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static long NumberOf(JsonDocument body, string name) => !body.RootElement.TryGetProperty(name, out var value) ? 0 : value.ValueKind switch
    {
        JsonValueKind.Number => value.TryGetInt64(out var number) ? number : 0,
        JsonValueKind.String => long.TryParse(value.GetString(), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0,
        _ => 0,
    };
}

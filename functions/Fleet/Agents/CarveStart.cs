using System.Globalization;
using System.Text;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Results;

namespace Fleet.Agents;

/// <summary>A node announces the files that it was asked for. The absence of a session is the refusal: agents read nothing else here.</summary>
internal sealed class CarveStart(NodeGate gate, CarveIntake intake, CampaignStore campaigns, AnswerStore answers, ILogger<CarveStart> log) : IAgentCall
{
    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var key = request.Read(NodeKeyBody.Read).NodeKey;
        if (await gate.AdmitAsync(key, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        var body = request.Read(LineReader.ReadRow);
        var (session, fault) = await intake.StartAsync(
            node.Id, LineReader.TextOf(body, "carve_id") ?? "", (int)Math.Min(NumberOf(body, "block_count"), int.MaxValue), NumberOf(body, "block_size"), NumberOf(body, "carve_size"), await IsAskedAsync(node.Id, ct), ct);
        if (fault is not null)
        {
            log.LogWarning("Refused a carve of node {Node}: {Reason}", node.Id, fault);
            return AgentAnswer.Error(400, fault);
        }

        return new(200, Encoding.UTF8.GetBytes($$"""{"session_id":"{{session}}","success":true}"""));
    }

    /// <summary>Whether the campaign's query may begin carves.</summary>
    public static bool Carves(Campaign campaign) => campaign.Sql.Contains("carve", StringComparison.OrdinalIgnoreCase) && campaign.Sql != CarveQuery.GivenUp;

    /// <summary>Whether a query that carves was sent to the node: its answer, which names the carve, may come later than the carve.</summary>
    private async ValueTask<bool> IsAskedAsync(NodeId node, CancellationToken ct)
    {
        foreach (var campaign in campaigns.Active.Items.Where(Carves))
        {
            if (await answers.FindAsync(campaign.Id, node, ct) is ({ State: AnswerState.Sent or AnswerState.Done }, _)) return true;
        }

        return false;
    }

    private static long NumberOf(List<KeyValuePair<string, ColumnValue>> body, string name) =>
        long.TryParse(LineReader.TextOf(body, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}

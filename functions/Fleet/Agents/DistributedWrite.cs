using Fleet.Carves;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Results;

namespace Fleet.Agents;

/// <summary>Takes the answers to distributed queries. What nobody waits for is accepted and dropped: an agent would send it again for ever.</summary>
internal sealed class DistributedWrite(NodeGate gate, NodeStore nodes, CampaignStore campaigns, Answers answers, AnswerStore store, CarveIntake carves, ExtensionTables extensions, Denylistings denylistings, Limits limits, TimeProvider clock) : IAgentCall
{
    /// <summary>Rows about carves that are looked up: a table has those of years ago too.</summary>
    private const int MostGivenUp = 100;

    public bool TakesOversized => true;

    public bool IsSmall => false;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.IsOversized ? DistributedBody.ReadTail(request.Body, request.Size) : request.Read(DistributedBody.Read);

        // No key was found in what is left of a body that was too large: that is no proof that the key is bad.
        if (request.IsOversized && body.NodeKey.IsEmpty && request.HeaderKey.Length == 0) return AgentAnswer.Error(413, "the answers are over the limit: ask for less");
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;
        foreach (var answer in body.Answers)
        {
            if (answer.Id == DetailsQuestion.Id)
            {
                await LearnDetailsAsync(node, answer, ct);
                continue;
            }

            // First: an answer that was taken in is not looked at again when the agent repeats it.
            var campaign = campaigns.Active.ByName.GetValueOrDefault(answer.Id)?.Item;
            if (campaign is not null && CarveStart.Carves(campaign)) await ExpectCarvesAsync(node.Id, answer, ct);
            await LearnGivenUpAsync(node.Id, answer, ct);
            var taken = await answers.TakeInAsync(node.Id, answer, ct);
            if (taken is not null && campaign is not null && CarveQuery.IsOurs(campaign.Sql)) await NoteNoCarveAsync(node.Id, campaign, taken, ct);
            if (taken is { Error: Answers.Denylisted } && campaign is not null) await denylistings.AddAsync(node.Id, campaign.Sql, isDistributed: true, clock.GetUtcNow(), ct);
            if (taken is { State: AnswerState.Done } && campaign is not null && extensions.Interests(campaign.Sql)) await extensions.LearnAsync(campaign.Sql, LineReader.ReadRows(taken.Rows).Select(RowJson.Texts), ct);
        }

        return AgentAnswer.Ok;
    }

    private async ValueTask LearnDetailsAsync(KnownNode node, WrittenAnswer answer, CancellationToken ct)
    {
        if (!node.LacksDetails || answer.Rows is not { } rows || LineReader.ReadRows(rows).FirstOrDefault() is not { } row || DetailsQuestion.Read(RowJson.Texts(row)) is not { } details) return;
        await nodes.ChangeAsync(node.Id, before => before.HostDetails is null ? Enrollment.Describe(before, before.HostIdentifier, details) : before, ct);
        node.LacksDetails = false;
    }

    /// <summary>A request for files that brings none says why. Other questions may carve nothing for other reasons.</summary>
    private async ValueTask NoteNoCarveAsync(NodeId node, Campaign campaign, Answer taken, CancellationToken ct)
    {
        if (taken.State == AnswerState.Failed)
        {
            await carves.FailAsync(node, campaign.Id, CarveFault.QueryFailed, $"The query failed there: {taken.Error}", ct);
            return;
        }

        var rows = LineReader.ReadRows(taken.Rows).ToList();
        if (rows.Exists(row => LineReader.TextOf(row, "carve") == "1")) return;
        var (fault, reason) = CarveQuery.FaultOf(rows.Select(row => (LineReader.TextOf(row, "path"), LineReader.TextOf(row, "status"))));
        await carves.FailAsync(node, campaign.Id, fault, reason, ct);
    }

    /// <summary>Ends carves that the node says it gave up, whatever question it answers.</summary>
    private async ValueTask LearnGivenUpAsync(NodeId node, WrittenAnswer answer, CancellationToken ct)
    {
        if (answer.Rows is not { } rows || rows.AsSpan().IndexOf("\"carve_guid\""u8) < 0) return;
        foreach (var row in LineReader.ReadRows(rows).Where(row => CarveQuery.IsGivenUp(LineReader.TextOf(row, "status"))).Take(MostGivenUp))
        {
            if (LineReader.TextOf(row, "carve_guid") is { Length: > 0 and <= 100 } guid) await carves.GiveUpAsync(node, guid, LineReader.TextOf(row, "status")!, ct);
        }
    }

    /// <summary>A carve that a query began is known by the guid in the query's answer.</summary>
    private async ValueTask ExpectCarvesAsync(NodeId node, WrittenAnswer answer, CancellationToken ct)
    {
        if (answer.Rows is not { } rows || rows.AsSpan().IndexOf("\"carve_guid\""u8) < 0) return;
        if (await store.FindAsync(answer.Id, node, ct) is not ({ State: AnswerState.Sent }, _)) return;
        var guids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var row in LineReader.ReadRows(rows))
        {
            // Rows with carve = 0 are the table's history.
            if (LineReader.TextOf(row, "carve") != "1" || LineReader.TextOf(row, "carve_guid") is not { } guid) continue;
            var isGuid = guid.Length is > 0 and <= 100 && guid.All(c => char.IsAsciiHexDigit(c) || c == '-');
            if (isGuid && guids.Add(guid) && (guids.Count > limits.OpenCarves || !await carves.ExpectAsync(node, guid, answer.Id, ct))) return;
        }
    }
}

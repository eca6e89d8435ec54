using Fleet.Queries;

namespace Fleet.Agents;

/// <summary>Takes the answers to distributed queries. What nobody waits for is accepted and dropped: an agent would send it again for ever.</summary>
internal sealed class DistributedWrite(NodeGate gate, Answers answers) : IAgentCall
{
    public bool TakesOversized => true;

    public bool IsSmall => false;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.IsOversized ? DistributedBody.ReadTail(request.Body, request.Size) : DistributedBody.Read(request.Body);

        // No key was found in what is left of a body that was too large: that is no proof that the key is bad.
        if (request.IsOversized && body.NodeKey.IsEmpty && request.HeaderKey.Length == 0) return AgentAnswer.Error(413, "the answers are over the limit: ask for less");
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;
        foreach (var answer in body.Answers) await answers.TakeInAsync(node.Id, answer, ct);
        return AgentAnswer.Ok;
    }
}

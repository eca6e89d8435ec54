using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Sinks;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>What is kept of logs: <c>Fleet__Logs__NAME</c>.</summary>
/// <param name="MinimumStatusSeverity">Status lines below it are not kept: 0 info, 1 warning, 2 error, 3 fatal.</param>
/// <param name="Retention">Weeks whose end is older than this are dropped.</param>
internal sealed record LogSettings(int MinimumStatusSeverity, TimeSpan Retention);

/// <summary>Takes results and status logs. Answers success when they are durable, and not before.</summary>
internal sealed class Log(NodeGate gate, BatchStore batches, Inbox inbox, RuleStore rules, SinkStore sinks, Activity activity, IBus bus, LogSettings settings, TimeProvider clock) : IAgentCall
{
    public bool IsSmall => false;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.Read(LogBody.Scan);
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        switch (body.LogType)
        {
            case "result":
                await StoreResultsAsync(node, body, ct);
                return AgentAnswer.Ok;
            case "status":
                await StoreStatusAsync(node.Id, body, ct);
                return AgentAnswer.Ok;
            default:
                return AgentAnswer.Error(400, "log_type must be 'result' or 'status'");
        }
    }

    /// <summary>Two writes at once, and a message if a rule or a sink wants one of the queries: whatever fails, the agent sends all of it again.</summary>
    private async ValueTask StoreResultsAsync(KnownNode node, LogBody body, CancellationToken ct)
    {
        node.TouchResult(clock.GetUtcNow());
        if (body.Count == 0) return;
        activity.Note(ActivityKind.ResultLines, body.Count);
        Telemetry.Lines.Add(body.Count, new KeyValuePair<string, object?>("kind", "result"));
        Telemetry.Batches.Add(1);
        var key = batches.KeyOf(Schema.Results, node.Id, body.Lines.Span, body.Newest);
        var batch = batches.WriteAsync(key, body.Lines, body.Count, body.Names, body.Oldest, body.Newest, ct);
        var waiting = inbox.AddAsync(key, ct);
        await batch;

        // After the batch: a message that is handled before its batch can be read would be for nothing.
        if (body.Names.Any(rules.Compiled.Wants) || sinks.Wants(body.Names)) await bus.PublishAsync(Addresses.Results, key.ToString(), node.Id.ToString(), ct);
        await waiting;
    }

    private async ValueTask StoreStatusAsync(NodeId node, LogBody body, CancellationToken ct)
    {
        var (lines, count) = settings.MinimumStatusSeverity > 0
            ? StatusLine.AtLeast(body.Lines, settings.MinimumStatusSeverity)
            : (body.Lines, body.Count);
        if (count == 0) return;
        var key = batches.KeyOf(Schema.StatusLogs, node, lines.Span, body.Newest);
        activity.Note(ActivityKind.StatusLines, count);
        Telemetry.Lines.Add(count, new KeyValuePair<string, object?>("kind", "status"));
        Telemetry.Batches.Add(1);
        var batch = batches.WriteAsync(key, lines, count, [], body.Oldest, body.Newest, ct);
        var waiting = inbox.AddAsync(key, ct);
        await batch;
        if (sinks.WantsStatusLogs) await bus.PublishAsync(Addresses.Results, key.ToString(), node.ToString(), ct);
        await waiting;
    }
}

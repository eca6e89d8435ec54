using Fleet.Bus;
using Fleet.Config;
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
internal sealed class Log(NodeGate gate, PostStore posts, BatchStore batches, Inbox inbox, RuleStore rules, SinkStore sinks, ConfigItems items, Activity activity, IBus bus, LogSettings settings, TimeProvider clock) : IAgentCall
{
    public bool IsSmall => false;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        var body = request.Read(LogBody.Scan);
        if (await gate.AdmitAsync(body.NodeKey, request, ct) is not { } node) return AgentAnswer.NodeInvalid;

        switch (body.LogType)
        {
            case "result":
                await StoreAsync(node, body, isStatus: false, ct);
                return AgentAnswer.Ok;
            case "status":
                await StoreAsync(node, body, isStatus: true, ct);
                return AgentAnswer.Ok;
            default:
                return AgentAnswer.Error(400, "log_type must be 'result' or 'status'");
        }
    }

    /// <summary>Stores what is new of a post. What was sent before is done again unless it is known to be done.</summary>
    private async ValueTask StoreAsync(KnownNode node, LogBody body, bool isStatus, CancellationToken ct)
    {
        if (!isStatus) node.TouchResult(clock.GetUtcNow());
        if (body.Count == 0) return;
        var post = await posts.CompareAsync(node, body, isStatus, ct);
        foreach (var (key, lines) in post.Repeated) await StoreAsync(node, key, lines, beside: null, ct);
        if (post.New is { } added)
        {
            Count(added.Lines.Count, isStatus);
            node.Remember(post.Last, isStatus);
            await StoreAsync(node, added.Key, added.Lines, posts.WriteOf(node.Id, post.Last, isStatus), ct);
        }

        // A longer post may have come meanwhile: what is remembered stays.
        post.Last.IsDone = true;
        if (post.New is null) node.Remember(post.Last, isStatus);
    }

    private void Count(int lines, bool isStatus)
    {
        activity.Note(isStatus ? ActivityKind.StatusLines : ActivityKind.ResultLines, lines);
        Telemetry.Lines.Add(lines, new KeyValuePair<string, object?>("kind", isStatus ? "status" : "result"));
        Telemetry.Batches.Add(1);
    }

    /// <summary>Two writes at once, and a message if a rule or a sink wants one of the queries: whatever fails, the agent sends all of it again.</summary>
    private async ValueTask StoreAsync(KnownNode node, BatchKey key, LogBody body, (string, Write)? beside, CancellationToken ct)
    {
        if (!key.IsStatus) body = body.Renamed(items.PackQueryName);
        var (lines, count) = key.IsStatus && settings.MinimumStatusSeverity > 0 ? StatusLine.AtLeast(body.Lines, settings.MinimumStatusSeverity) : (body.Lines, body.Count);
        if (count == 0) return;
        var batch = batches.WriteAsync(key, lines, count, key.IsStatus ? [] : body.Names, body.Oldest, body.Newest, ct, beside);
        var waiting = inbox.AddAsync(key, ct);
        await batch;

        // After the batch: a message that is handled before its batch can be read would be for nothing.
        var isWanted = key.IsStatus ? sinks.WantsStatusLogs : body.Names.Any(rules.Compiled.Wants) || sinks.Wants(body.Names);
        if (isWanted) await bus.PublishAsync(Addresses.Results, key.ToString(), node.Id.ToString(), ct);
        await waiting;
    }
}

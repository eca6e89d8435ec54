using Fleet.Bus;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Subscription <c>results/sinks</c>: puts a batch into the queue of each sink that takes lines of it. Nothing is sent here: a sink that is slow or down keeps nobody waiting.</summary>
internal sealed class ForwardResults(BatchStore batches, SinkStore sinks, SinkQueue queue, NodeDirectory nodes, ChangeFeed changes) : ISubscriber
{
    public string Queue => Addresses.Sinks;

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        if (!BatchKey.TryParse(body, out var key)) return new Outcome.Dead("The message names no batch.");
        await changes.LookAsync(ct);
        var active = sinks.Active.Where(sink => key.IsStatus ? sink.StatusLogs : sink.Results).ToList();
        if (active.Count == 0) return Outcome.Finished;

        if (!key.IsStatus)
        {
            if (await batches.FindAsync(key, ct) is not { } batch) return Outcome.Finished;
            active.RemoveAll(sink => !batch.Names.Any(sink.WantsQuery));
        }

        var tags = (await nodes.FindAsync(key.Node, ct))?.Tags ?? TagSet.None;
        foreach (var sink in active.Where(sink => sink.WantsNode(tags))) await queue.AddAsync(sink.Name, key, ct);
        return Outcome.Finished;
    }
}

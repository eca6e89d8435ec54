using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Subscription <c>results/sinks</c>: puts a batch into the queue of each sink that takes lines of it. Nothing is sent here: a sink that is slow or down keeps nobody waiting.</summary>
internal sealed class ForwardResults(BatchStore batches, SinkStore sinks, SinkQueue queue, NodeDirectory nodes, ChangeFeed changes, TimeProvider clock) : ISubscriber
{
    public string Queue => Addresses.Sinks;

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        if (!BatchKey.TryParse(body, out var key)) return new Outcome.Dead("The message names no batch.");
        await changes.LookAsync(ct);
        var active = sinks.Active.Where(sink => key.IsStatus ? sink.StatusLogs : sink.Results).ToList();
        if (active.Count == 0) return Outcome.Finished;

        Telemetry.Waited(Queue, key.Time, clock.GetUtcNow());

        // Of results the head says which queries there are; and what is held back is counted.
        var tags = (await nodes.FindAsync(key.Node, ct))?.Tags ?? TagSet.None;
        var batch = key.IsStatus && active.TrueForAll(sink => sink.WantsNode(tags)) ? null : await batches.FindAsync(key, ct);
        if (batch is null && !key.IsStatus) return Outcome.Finished;
        foreach (var sink in active)
        {
            if (sink.WantsNode(tags) && (key.IsStatus || batch!.Names.Any(sink.WantsQuery))) await queue.AddAsync(sink.Name, key, ct);
            else if (batch is not null)
            {
                queue.HoldBack(sink.Name, batch.Count);
                Telemetry.SinkDropped.Add(batch.Count, new KeyValuePair<string, object?>("sink", sink.Name));
            }
        }

        return Outcome.Finished;
    }
}

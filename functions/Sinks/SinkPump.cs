using System.Collections.Concurrent;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Sends what waits for sinks, the oldest first and many batches at once. Each sink by itself: one that fails delays no other, and is tried again with ever longer waits.</summary>
internal sealed class SinkPump(SinkStore sinks, SinkQueue queue, BatchStore batches, NodeDirectory nodes, ChangeFeed changes, Limits limits, TimeProvider clock, ILogger<SinkPump> log)
{
    private const int BatchesAtOnce = 50;

    private readonly string _instance = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<string, bool> _running = new(StringComparer.Ordinal);

    /// <summary>Longer than a batch may take.</summary>
    private TimeSpan Lease => 2 * limits.SinkTimeout;

    /// <summary>Sends what waits for any sink, until nothing does.</summary>
    public async ValueTask RunAsync(CancellationToken ct)
    {
        if (!sinks.Active.Any()) return;
        await changes.LookAsync(ct);
        await Task.WhenAll(sinks.Active.Select(sink => DrainAsync(sink.Name, ct)));
    }

    private async Task DrainAsync(string name, CancellationToken ct)
    {
        if (!_running.TryAdd(name, true)) return;
        try
        {
            while ((await queue.FirstAsync(name, BatchesAtOnce, ct)) is { Count: > 0 } waiting
                && await queue.TryLeaseAsync(name, _instance, Lease, ct) is { } state
                && await sinks.FindAsync(name, ct) is var (sink, settings))
            {
                var run = new Run(sink, settings, state);
                var isWell = await SendAsync(run, waiting, ct);
                await queue.NoteAsync(name, run.State, isDone: true, ct);
                if (!isWell) return;
            }
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            log.LogWarning(fault, "Sink {Sink} is tried again", name);
        }
        finally
        {
            _running.TryRemove(name, out _);
        }
    }

    /// <summary>Sends batches together as far as they fit; false if the sink must wait.</summary>
    private async ValueTask<bool> SendAsync(Run run, IReadOnlyList<Queued> waiting, CancellationToken ct)
    {
        var together = new List<Prepared>();
        var (lines, bytes) = (0, 0L);
        foreach (var one in waiting)
        {
            var prepared = await PrepareAsync(run, one, ct);
            var size = prepared.Records.Sum(record => (long)record.Json.Length);
            if (together.Count > 0 && (lines + prepared.Records.Count > limits.SinkLines || bytes + size > limits.SinkBytes))
            {
                if (!await SendAsync(run, together, ct)) return false;
                together.Clear();
                (lines, bytes) = (0, 0);
            }

            together.Add(prepared);
            (lines, bytes) = (lines + prepared.Records.Count, bytes + size);
        }

        return await SendAsync(run, together, ct);
    }

    private async ValueTask<bool> SendAsync(Run run, List<Prepared> together, CancellationToken ct)
    {
        Delivery result = Delivery.Ok;
        foreach (var piece in Pieces([.. together.SelectMany(one => one.Records)]))
        {
            result = await Delivery.TryAsync(stop => run.Sink.SendAsync(piece, stop), limits.SinkTimeout, ct);
            Telemetry.SinkLines.Add(piece.Count, new("sink", run.Settings.Name), new("outcome", result.Outcome));
            if (result is not Delivery.Delivered) break;
        }

        switch (result)
        {
            case Delivery.Delivered:
                await queue.RemoveAsync(together.Select(one => one.Queued), ct);
                var dropped = together.Sum(one => one.Dropped);
                var tag = new KeyValuePair<string, object?>("sink", run.Settings.Name);
                Telemetry.SinkLag.Record(Math.Max(0, (clock.GetUtcNow() - together[0].Queued.Batch.Time).TotalSeconds), tag);
                Telemetry.SinkDropped.Add(dropped, tag);
                run.State = run.State with
                {
                    Attempts = 0,
                    NextAt = null,
                    Error = null,
                    SentAt = clock.GetUtcNow(),
                    Sent = run.State.Sent + together.Sum(one => one.Records.Count),
                    Dropped = run.State.Dropped + dropped,
                };
                return true;
            case Delivery.Rejected { IsAboutContent: true } when together.Count > 1:
                // One of them: each by itself.
                foreach (var one in together)
                {
                    if (!await SendAsync(run, [one], ct)) return false;
                }

                return true;
            case Delivery.Rejected { IsAboutContent: true } refused:
                await queue.RefuseAsync(run.Settings.Name, together[0].Queued, refused.Reason, ct);
                run.State = run.State with { Error = refused.Reason };
                return true;
            default:
                // What is wrong with the address or the credential somebody will mend: nothing is given up.
                var attempts = run.State.Attempts + 1;
                run.State = run.State with { Attempts = attempts, NextAt = clock.GetUtcNow() + ((result as Delivery.RetryAfter)?.Wait ?? limits.BackOff(Math.Min(attempts, 30))), Error = result.Reason };
                return false;
        }
    }

    private async ValueTask<Prepared> PrepareAsync(Run run, Queued one, CancellationToken ct)
    {
        // Retention was faster: there is nothing to send.
        if (await batches.FindAsync(one.Batch, ct) is not { } batch) return new(one, [], 0);
        var node = await nodes.FindAsync(one.Batch.Node, ct);
        var records = SinkRecords.Of(batch, run.Settings, node?.HostIdentifier ?? "", node?.Tags ?? TagSet.None, out var dropped);
        return new(one, records, dropped);
    }

    /// <summary>As many at once as a target takes; a line that alone is larger goes alone.</summary>
    private IEnumerable<IReadOnlyList<SinkRecord>> Pieces(List<SinkRecord> records)
    {
        var piece = new List<SinkRecord>();
        var bytes = 0L;
        foreach (var record in records)
        {
            if (piece.Count > 0 && (piece.Count == limits.SinkLines || bytes + record.Json.Length > limits.SinkBytes))
            {
                yield return piece;
                piece = [];
                bytes = 0;
            }

            piece.Add(record);
            bytes += record.Json.Length;
        }

        if (piece.Count > 0) yield return piece;
    }

    /// <param name="Dropped">Lines that the filter held back.</param>
    private sealed record Prepared(Queued Queued, List<SinkRecord> Records, int Dropped);

    private sealed class Run(ISink sink, SinkSettings settings, SinkState state)
    {
        public ISink Sink { get; } = sink;

        public SinkSettings Settings { get; } = settings;

        public SinkState State { get; set; } = state;
    }
}

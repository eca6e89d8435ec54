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

    /// <summary>How often a piece that a target refuses is halved to find the lines that it does not take: six bad ones in a thousand. Then the rest is put aside as a whole.</summary>
    private const int MostHalvings = 64;

    private readonly string _instance = Guid.NewGuid().ToString("N");
    private readonly ConcurrentDictionary<string, bool> _running = new(StringComparer.Ordinal);

    /// <summary>Longer than a piece may take.</summary>
    private TimeSpan Lease => 2 * limits.SinkTimeout;

    /// <summary>Sends what waits for any sink.</summary>
    /// <param name="patience">Returns after so long at the latest; a sink that takes longer goes on by itself.</param>
    /// <param name="ct">Stops the sending, also of what goes on by itself.</param>
    public async ValueTask RunAsync(TimeSpan patience, CancellationToken ct)
    {
        if (!sinks.Active.Any()) return;
        await changes.LookAsync(ct);
        await Task.WhenAll(sinks.Active.Select(sink => DrainAsync(sink.Name, ct))).WaitAsync(patience, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task DrainAsync(string name, CancellationToken ct)
    {
        if (!_running.TryAdd(name, true)) return;
        try
        {
            if ((await queue.FirstAsync(name, 1, ct)).Count > 0 && await queue.TryLeaseAsync(name, _instance, Lease, ct) is { } state && await sinks.FindAsync(name, ct) is var (sink, settings))
            {
                await DrainAsync(new Run(sink, settings, state) { LeasedAt = clock.GetUtcNow() }, ct);
            }
        }
        catch (Exception fault)
        {
            if (!ct.IsCancellationRequested) log.LogWarning(fault, "Sink {Sink} is tried again", name);
        }
        finally
        {
            _running.TryRemove(name, out _);
        }
    }

    private async ValueTask DrainAsync(Run run, CancellationToken ct)
    {
        var name = run.Settings.Name;
        try
        {
            while (await queue.FirstAsync(name, BatchesAtOnce, ct) is { Count: > 0 } waiting && await SendAsync(run, waiting, ct))
            {
                run.LeasedAt = clock.GetUtcNow();
                await queue.NoteAsync(name, run.State, Lease, ct);
            }
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            // Health reads it there, and it is tried ever later.
            run.State = Failed(run.State, fault.Message);
            throw;
        }
        finally
        {
            await queue.NoteAsync(name, run.State, TimeSpan.Zero, CancellationToken.None);
        }
    }

    private SinkState Failed(SinkState state, string reason, TimeSpan? wait = null) =>
        state with { Attempts = state.Attempts + 1, NextAt = clock.GetUtcNow() + (wait ?? limits.BackOff(Math.Min(state.Attempts + 1, 30))), Error = reason };

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
        var tag = new KeyValuePair<string, object?>("sink", run.Settings.Name);
        var refused = new Dictionary<SinkRecord, string>(ReferenceEqualityComparer.Instance);
        var sent = 0;
        foreach (var piece in Pieces([.. together.SelectMany(one => one.Records)]))
        {
            run.Halvings = MostHalvings;
            if (await SendAsync(run, piece, refused, ct) is not Delivery.Delivered and var failed)
            {
                // What is wrong with the address or the credential somebody will mend: nothing is given up.
                run.State = Failed(run.State, failed.Reason, (failed as Delivery.RetryAfter)?.Wait);
                return false;
            }

            sent += piece.Count;
        }

        foreach (var one in together)
        {
            if (one.Records.Find(refused.ContainsKey) is { } bad) await queue.RefuseAsync(run.Settings.Name, one.Queued, refused[bad], ct);
        }

        await queue.RemoveAsync(together.Where(one => !one.Records.Exists(refused.ContainsKey)).Select(one => one.Queued), ct);
        if (sent > refused.Count) Telemetry.SinkLag.Record(Math.Max(0, (clock.GetUtcNow() - together[0].Queued.Batch.Time).TotalSeconds), tag);

        // A target that took nothing of it has perhaps another trouble than these lines: it is asked less often.
        var isTaken = sent == 0 || sent > refused.Count;
        var failures = isTaken ? 0 : run.State.Attempts + 1;
        var dropped = together.Sum(one => one.Dropped);
        Telemetry.SinkDropped.Add(dropped, tag);
        run.State = run.State with
        {
            Attempts = failures,
            NextAt = isTaken ? null : clock.GetUtcNow() + limits.BackOff(Math.Min(failures, 30)),
            Error = refused.Values.FirstOrDefault(),
            SentAt = sent > refused.Count ? clock.GetUtcNow() : run.State.SentAt,
            Sent = run.State.Sent + sent - refused.Count,
            Dropped = run.State.Dropped + dropped + queue.TakeHeldBack(run.Settings.Name),
        };
        return isTaken;
    }

    /// <summary>Sends a piece; by halves if something in it is refused, so that the other lines arrive.</summary>
    /// <returns>Delivered too if lines were refused: those are in <paramref name="refused"/>.</returns>
    private async ValueTask<Delivery> SendAsync(Run run, IReadOnlyList<SinkRecord> piece, Dictionary<SinkRecord, string> refused, CancellationToken ct)
    {
        // The sending stays this instance's for longer than the try may take.
        if (clock.GetUtcNow() - run.LeasedAt >= limits.SinkTimeout)
        {
            run.LeasedAt = clock.GetUtcNow();
            await queue.NoteAsync(run.Settings.Name, run.State, Lease, ct);
        }

        var result = await Delivery.TryAsync(stop => run.Sink.SendAsync(piece, stop), limits.SinkTimeout, ct);
        var isRefused = result is Delivery.Rejected { IsAboutContent: true };
        var isLast = !isRefused || piece.Count == 1 || run.Halvings-- <= 0;
        if (isLast) Telemetry.SinkLines.Add(piece.Count, new("sink", run.Settings.Name), new("outcome", result.Outcome));
        if (!isRefused) return result;
        if (isLast)
        {
            foreach (var record in piece) refused[record] = result.Reason;
            return Delivery.Ok;
        }

        foreach (var half in piece.Chunk((piece.Count + 1) / 2))
        {
            if (await SendAsync(run, half, refused, ct) is not Delivery.Delivered and var failed) return failed;
        }

        return Delivery.Ok;
    }

    private async ValueTask<Prepared> PrepareAsync(Run run, Queued one, CancellationToken ct)
    {
        try
        {
            if (await batches.FindAsync(one.Batch, ct) is not { } batch)
            {
                log.LogWarning("Retention removed {Batch} before sink {Sink} took it", one.Batch, run.Settings.Name);
                return new(one, [], 0);
            }

            var node = await nodes.FindAsync(one.Batch.Node, ct);
            var records = SinkRecords.Of(batch, run.Settings, node?.HostIdentifier ?? "", node?.Tags ?? TagSet.None, out var dropped);
            return new(one, records, dropped);
        }
        catch (Exception fault) when (!MachineFault.Is(fault))
        {
            // What cannot be made into records holds up no other batch: a person sees it, and has it tried again.
            log.LogError(fault, "Sink {Sink} cannot be given {Batch}, which is put aside", run.Settings.Name, one.Batch);
            await queue.RefuseAsync(run.Settings.Name, one, fault.Message, ct);
            return new(one, [], 0);
        }
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

        public DateTimeOffset LeasedAt { get; set; }

        /// <summary>How often the piece may still be halved.</summary>
        public int Halvings { get; set; }
    }
}

using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>A batch that waits for a sink.</summary>
internal sealed record Queued(Key Row, BatchKey Batch, DateTimeOffset Since);

/// <summary>A batch that a sink's target would not take.</summary>
internal sealed record Refused(string Id, BatchKey Batch, string Reason, DateTimeOffset At);

/// <summary>How a sink is doing.</summary>
/// <param name="Attempts">Failures since the last success.</param>
/// <param name="NextAt">Not tried before; null for at once.</param>
/// <param name="Error">What went wrong last; null when it works.</param>
/// <param name="Sent">Lines that were taken, ever.</param>
/// <param name="Dropped">Lines that its filter held back, of batches of which a rule or a sink takes some.</param>
internal sealed record SinkState(int Attempts, DateTimeOffset? NextAt, string? Error, DateTimeOffset? SentAt, long Sent, long Dropped)
{
    public static SinkState Fresh { get; } = new(0, null, null, null, 0, 0);
}

/// <summary>What waits for sinks, and how they are doing. Tables: <see cref="Schema.SinkQueue"/>, <see cref="Schema.SinkRefused"/>, <see cref="Schema.SinkStates"/>.</summary>
internal sealed class SinkQueue(ITables tables, TimeProvider clock)
{
    private readonly ITable _queue = tables[Schema.SinkQueue];
    private readonly ITable _refused = tables[Schema.SinkRefused];
    private readonly ITable _states = tables[Schema.SinkStates];
    private readonly ConcurrentDictionary<string, long> _heldBack = new(StringComparer.Ordinal);

    /// <summary>Adds a batch; adding it twice, while it waits, is adding it once.</summary>
    public async ValueTask AddAsync(string sink, BatchKey batch, CancellationToken ct) => await _queue.WriteAsync(
        Write.Replace(new(KeyText.Of(sink), $"{batch.Time.UtcTicks:D19}-{Digest.Of(batch.ToString())}"), new Columns { ["Batch"] = batch.ToString(), ["At"] = clock.GetUtcNow() }), ct);

    /// <summary>The oldest, at most <paramref name="take"/>.</summary>
    public async ValueTask<IReadOnlyList<Queued>> FirstAsync(string sink, int take, CancellationToken ct) =>
        [.. (await _queue.PageAsync(KeyRange.Partition(KeyText.Of(sink)), take, null, ct)).Items.Select(row => new Queued(row.Key, BatchKey.TryParse(row.Columns.Text("Batch")!, out var batch) ? batch : default, row.Columns.Time("At")!.Value))];

    public async ValueTask RemoveAsync(IEnumerable<Queued> sent, CancellationToken ct) => await _queue.WriteManyAsync(sent.Select(one => Write.Delete(one.Row)), ct);

    /// <summary>Puts a batch aside.</summary>
    public async ValueTask RefuseAsync(string sink, Queued one, string reason, CancellationToken ct)
    {
        await _refused.WriteAsync(Write.Replace(new(KeyText.Of(sink), one.Row.Row), new Columns { ["Batch"] = one.Batch.ToString(), ["Reason"] = reason, ["At"] = clock.GetUtcNow() }), ct);
        await RemoveAsync([one], ct);
    }

    public async ValueTask<IReadOnlyList<Refused>> RefusedAsync(string sink, int take, CancellationToken ct) =>
        [.. (await _refused.PageAsync(KeyRange.Partition(KeyText.Of(sink)), take, null, ct)).Items.Select(ReadRefused)];

    /// <summary>Has batches that were put aside tried again, and all that waits tried now; how many were put aside.</summary>
    public async ValueTask<int> RetryAsync(string sink, CancellationToken ct)
    {
        // Those that are there now: what is refused again meanwhile stays.
        var refused = new List<Row>();
        await foreach (var row in _refused.ScanAsync(KeyRange.Partition(KeyText.Of(sink)), ct)) refused.Add(row);
        foreach (var row in refused)
        {
            await AddAsync(sink, ReadRefused(row).Batch, ct);
            try
            {
                await _refused.WriteAsync(Write.Delete(row.Key).If(row.Etag), ct);
            }
            catch (ConflictException)
            {
                // It was refused again.
            }
        }

        if ((await FindStateAsync(sink, ct)).NextAt is not null) await _states.WriteAsync(Write.Merge(StateOf(sink), new Columns { ["NextAt"] = 0L }), ct);
        return refused.Count;
    }

    /// <summary>Counts lines of a batch that the sink's filter held back as a whole. In memory until the sink's next success on this instance.</summary>
    public void HoldBack(string sink, int lines) => _heldBack.AddOrUpdate(sink, lines, (_, before) => before + lines);

    public long HeldBack(string sink) => _heldBack.GetValueOrDefault(sink);

    public long TakeHeldBack(string sink) => _heldBack.TryRemove(sink, out var lines) ? lines : 0;

    /// <summary>How many wait, as far as a thousand, and since when the first does.</summary>
    public async ValueTask<(int Count, DateTimeOffset? Since)> LengthAsync(string sink, CancellationToken ct)
    {
        var first = await FirstAsync(sink, TableLimits.PageRows, ct);
        return (first.Count, first.Count == 0 ? null : first.Min(one => one.Since));
    }

    /// <summary>Forgets all of a sink that is gone.</summary>
    public async ValueTask ForgetAsync(string sink, CancellationToken ct)
    {
        while (await FirstAsync(sink, TableLimits.PageRows, ct) is { Count: > 0 } queued) await RemoveAsync(queued, ct);
        while (await RefusedAsync(sink, TableLimits.PageRows, ct) is { Count: > 0 } refused) await _refused.WriteManyAsync(refused.Select(one => Write.Delete(new(KeyText.Of(sink), one.Id))), ct);
        await _states.WriteAsync(Write.Delete(StateOf(sink)), ct);
    }

    public async ValueTask<SinkState> FindStateAsync(string sink, CancellationToken ct) => await _states.FindAsync(StateOf(sink), ct) is { } row ? Read(row) : SinkState.Fresh;

    /// <summary>Takes the sending for a sink; null if another instance has it, or it is not to be tried yet.</summary>
    public async ValueTask<SinkState?> TryLeaseAsync(string sink, string owner, TimeSpan lease, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var row = await _states.FindAsync(StateOf(sink), ct);
        if (row?.Columns.Time("LeaseUntil") > now && row.Columns.Text("Owner") != owner) return null;
        if (row is not null && Read(row).NextAt > now) return null;
        try
        {
            var columns = new Columns { ["Owner"] = owner, ["LeaseUntil"] = now + lease };
            await _states.WriteAsync(row is null ? Write.Insert(StateOf(sink), columns) : Write.Merge(row.Key, columns).If(row.Etag), ct);
            return row is null ? SinkState.Fresh : Read(row);
        }
        catch (ConflictException)
        {
            return null;
        }
    }

    /// <param name="sink">The sink.</param>
    /// <param name="state">How it is doing.</param>
    /// <param name="lease">The sending is this instance's for so long from now; zero lets it go.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask NoteAsync(string sink, SinkState state, TimeSpan lease, CancellationToken ct)
    {
        var columns = new Columns
        {
            ["Attempts"] = (long)state.Attempts,
            ["NextAt"] = state.NextAt?.UtcTicks ?? 0,
            ["Error"] = state.Error ?? "",
            ["Sent"] = state.Sent,
            ["Dropped"] = state.Dropped,
            ["LeaseUntil"] = clock.GetUtcNow() + lease,
        }.With("SentAt", state.SentAt);
        await _states.WriteAsync(Write.Merge(StateOf(sink), columns), ct);
    }

    private static Refused ReadRefused(Row row) => new(
        row.Key.Row, BatchKey.TryParse(row.Columns.Text("Batch")!, out var batch) ? batch : default, row.Columns.Text("Reason")!, row.Columns.Time("At")!.Value);

    private static SinkState Read(Row row) => new(
        (int)(row.Columns.Number("Attempts") ?? 0), row.Columns.Number("NextAt") is > 0 and var ticks ? new(ticks, TimeSpan.Zero) : null, row.Columns.Text("Error") is { Length: > 0 } error ? error : null,
        row.Columns.Time("SentAt"), row.Columns.Number("Sent") ?? 0, row.Columns.Number("Dropped") ?? 0);

    private static Key StateOf(string sink) => new(Schema.All, KeyText.Of(sink));
}

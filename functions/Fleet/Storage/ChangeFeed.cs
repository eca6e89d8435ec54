using System.Collections.Immutable;
using System.Globalization;
using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>What changed: rows of a control-plane table, or one node.</summary>
/// <param name="Kind">A table's name.</param>
/// <param name="Id">The node's id when <paramref name="Kind"/> is <see cref="Schema.Nodes"/>, else empty.</param>
internal readonly record struct Change(string Kind, string Id);

/// <summary>How instances learn of each other's writes: a numbered list of changes, and a head that says how long it is.</summary>
/// <remarks>A request asks <see cref="LookAsync"/>, which reads the head at most once every <see cref="Limits.ChangeFeedAge"/> and
/// costs nothing in between. Table: <see cref="Schema.Changes"/>.</remarks>
internal sealed class ChangeFeed(ITables tables, Limits limits, TimeProvider clock, ILogger<ChangeFeed> log)
{
    private const string Feed = "feed";
    private const long Never = long.MinValue;
    private static readonly Key s_head = new(Feed, "head");

    private readonly ITable _changes = tables[Schema.Changes];
    private readonly SemaphoreSlim _looking = new(1);
    private ImmutableList<Func<IReadOnlyCollection<Change>?, CancellationToken, ValueTask>> _listeners = [];
    private long _known = -1;
    private long _lookedAt = Never;
    private long _caughtUpAt = Never;

    /// <summary>How old this instance's knowledge of others' changes is; as long as can be before the first look.</summary>
    public TimeSpan Age => Volatile.Read(ref _caughtUpAt) is var at && at == Never ? TimeSpan.MaxValue : clock.GetElapsedTime(at);

    /// <summary>Calls back with each batch of changes, or with null when everything must be read anew; so it is at the next look.</summary>
    public void Listen(Func<IReadOnlyCollection<Change>?, CancellationToken, ValueTask> listener)
    {
        ImmutableInterlocked.Update(ref _listeners, (listeners, added) => listeners.Add(added), listener);
        Reset();
    }

    /// <summary>Loads what is in memory of one kind anew whenever it changed.</summary>
    public void Listen(string kind, Func<CancellationToken, ValueTask> load) =>
        Listen((changed, ct) => changed is null || changed.Any(change => change.Kind == kind) ? load(ct) : ValueTask.CompletedTask);

    /// <summary>Has everything read anew at the next look.</summary>
    public void Reset()
    {
        Volatile.Write(ref _known, -1);
        Volatile.Write(ref _lookedAt, Never);
    }

    /// <summary>Makes sure that what is in memory is at most <see cref="Limits.ChangeFeedAge"/> old. Nearly always returns at once.</summary>
    /// <remarks>When the store does not answer and something is in memory, that is used: a stale schedule beats none.</remarks>
    /// <exception cref="StorageUnavailableException">Nothing is in memory yet, and the store does not answer.</exception>
    public ValueTask LookAsync(CancellationToken ct)
    {
        var lookedAt = Volatile.Read(ref _lookedAt);
        if (lookedAt != Never && clock.GetElapsedTime(lookedAt) is var age && age < limits.ChangeFeedAge)
        {
            // From half the age on, one request starts the next look and none waits for it.
            if (age > limits.ChangeFeedAge / 2 && _looking.CurrentCount > 0) _ = LookQuietlyAsync();
            return ValueTask.CompletedTask;
        }

        return new(LookNowAsync(force: false, ct));
    }

    /// <summary>Tells everyone; our own memory is up to date when this returns.</summary>
    public async ValueTask PublishAsync(IReadOnlyList<Change> changes, CancellationToken ct)
    {
        for (; ; )
        {
            var head = await _changes.FindAsync(s_head, ct);
            var revision = head?.Columns.Number("Revision") ?? 0;
            var writes = new List<Write>
            {
                head is null
                    ? Write.Insert(s_head, new Columns { ["Revision"] = changes.Count + 0L })
                    : Write.Replace(s_head, new Columns { ["Revision"] = revision + changes.Count }).If(head.Etag),
            };
            foreach (var change in changes) writes.Add(Write.Insert(KeyOf(++revision), new Columns { ["Kind"] = change.Kind, ["Id"] = change.Id, ["At"] = clock.GetUtcNow() }));
            try
            {
                await _changes.WriteAllAsync(writes, ct);
                break;
            }
            catch (ConflictException)
            {
                // Another instance was first; its number is taken, ours is the next.
            }
        }

        await LookNowAsync(force: true, ct);
    }

    /// <summary>Removes entries that every instance has seen or will never need. Instances that slept longer reload everything.</summary>
    public async ValueTask PruneAsync(CancellationToken ct)
    {
        var old = clock.GetUtcNow() - limits.ChangeFeedKept;
        var gone = new List<Write>();
        await foreach (var row in _changes.ScanAsync(KeyRange.Rows(Feed, "r", "s"), ct))
        {
            if (row.Columns.Time("At") >= old) break;
            gone.Add(Write.Delete(row.Key));
        }

        await _changes.WriteManyAsync(gone, ct);
    }

    private async Task LookNowAsync(bool force, CancellationToken ct)
    {
        var asked = clock.GetTimestamp();
        await _looking.WaitAsync(ct);
        try
        {
            // Whoever waited for another's look has what it needs.
            if (!force && Volatile.Read(ref _lookedAt) >= asked) return;
            var now = clock.GetTimestamp();
            await CatchUpAsync(ct);
            if (Age is var age && age != TimeSpan.MaxValue) Telemetry.ChangeFeedAge.Record(age.TotalSeconds);
            Volatile.Write(ref _lookedAt, now);
            Volatile.Write(ref _caughtUpAt, now);
        }
        catch (StorageUnavailableException fault) when (Volatile.Read(ref _known) >= 0 && !force)
        {
            log.LogError(fault, "The change feed cannot be read; going on with what is in memory");
            Volatile.Write(ref _lookedAt, clock.GetTimestamp());
        }
        finally
        {
            _looking.Release();
        }
    }

    private async Task LookQuietlyAsync()
    {
        try
        {
            await LookNowAsync(force: false, CancellationToken.None);
        }
        catch (Exception fault) when (fault is StorageUnavailableException or ObjectDisposedException)
        {
            log.LogDebug(fault, "A look at the change feed failed; the next request repeats it");
        }
    }

    private async ValueTask CatchUpAsync(CancellationToken ct)
    {
        var head = (await _changes.FindAsync(s_head, ct))?.Columns.Number("Revision") ?? 0;
        if (head == _known) return;

        var changes = _known < 0 ? null : await ReadAsync(_known, head, ct);
        foreach (var listener in _listeners) await listener(changes, ct);
        _known = head;
    }

    /// <summary>The changes after one revision up to another, or null if some are no longer kept.</summary>
    private async ValueTask<IReadOnlyCollection<Change>?> ReadAsync(long after, long to, CancellationToken ct)
    {
        var changes = new HashSet<Change>();
        var count = 0L;
        await foreach (var row in _changes.ScanAsync(KeyRange.Rows(Feed, KeyOf(after + 1).Row, KeyOf(to + 1).Row), ct))
        {
            changes.Add(new(row.Columns.Text("Kind")!, row.Columns.Text("Id") ?? ""));
            count++;
        }

        return count == to - after ? changes : null;
    }

    private static Key KeyOf(long revision) => new(Feed, "r" + revision.ToString("D19", CultureInfo.InvariantCulture));
}

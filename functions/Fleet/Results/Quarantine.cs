using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>A batch that a stage could not work off, for a reason that lies in its lines.</summary>
/// <param name="Stage"><c>index</c>, <c>status</c> or <c>reports</c>.</param>
internal sealed record QuarantinedBatch(string Id, string Stage, BatchKey Batch, string Reason, DateTimeOffset At);

/// <summary>Batches that are put aside so that others go on. They stay in the results; a person may have them tried again, after an update say. Table: <see cref="Schema.Quarantine"/>.</summary>
internal sealed class Quarantine(ITables tables, Inbox inbox, TimeProvider clock)
{
    private const int ReasonCharacters = 1_000;

    private readonly ITable _quarantine = tables[Schema.Quarantine];

    /// <summary>Puts a batch aside. Safe to repeat.</summary>
    public async ValueTask AddAsync(string stage, BatchKey batch, string reason, CancellationToken ct)
    {
        Telemetry.Quarantined.Add(1, new KeyValuePair<string, object?>("stage", stage));
        await _quarantine.WriteAsync(
            Write.Replace(KeyOf(Digest.Of(stage, batch.ToString())), new Columns
            {
                ["Stage"] = stage,
                ["Batch"] = batch.ToString(),
                ["Reason"] = reason.Length > ReasonCharacters ? reason[..ReasonCharacters] : reason,
                ["At"] = clock.GetUtcNow(),
            }),
            ct);
    }

    /// <summary>Some of them, at most <paramref name="take"/>. Cost: one transaction.</summary>
    public async ValueTask<IReadOnlyList<QuarantinedBatch>> ListAsync(int take, CancellationToken ct) =>
        [.. (await _quarantine.PageAsync(KeyRange.Partition(Schema.All), take, after: null, ct)).Items.Select(Read).OfType<QuarantinedBatch>().OrderByDescending(one => one.At)];

    /// <summary>Has a batch worked off once more, by all stages; what fails again comes back. False if it is gone.</summary>
    public async ValueTask<bool> RetryAsync(string id, CancellationToken ct)
    {
        if (await _quarantine.FindAsync(KeyOf(id), ct) is not { } row || Read(row) is not { } one) return false;
        await inbox.AddAsync(one.Batch, ct);
        await _quarantine.WriteAsync(Write.Delete(row.Key), ct);
        return true;
    }

    /// <summary>Forgets a batch. False if it is gone.</summary>
    public async ValueTask<bool> RemoveAsync(string id, CancellationToken ct)
    {
        if (await _quarantine.FindAsync(KeyOf(id), ct) is not { } row) return false;
        await _quarantine.WriteAsync(Write.Delete(row.Key), ct);
        return true;
    }

    private static Key KeyOf(string id) => new(Schema.All, id);

    private static QuarantinedBatch? Read(Row row) => BatchKey.TryParse(row.Columns.Text("Batch") ?? "", out var batch)
        ? new(row.Key.Row, row.Columns.Text("Stage") ?? "", batch, row.Columns.Text("Reason") ?? "", row.Columns.Time("At") ?? default)
        : null;
}

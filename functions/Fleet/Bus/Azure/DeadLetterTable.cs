using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Bus.Azure;

/// <summary>Messages that a subscriber gave up: the host has no way of dead-lettering one. Table: <see cref="Schema.DeadLetters"/>.</summary>
internal sealed class DeadLetterTable(ITables tables, TimeProvider clock)
{
    private readonly ITable _letters = tables[Schema.DeadLetters];

    public async ValueTask AddAsync(string queue, string body, int deliveries, string reason, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var columns = new Columns { ["Queue"] = queue, ["Body"] = body, ["Deliveries"] = (long)deliveries, ["Reason"] = reason, ["DiedAt"] = now };
        await _letters.WriteAsync(Write.Replace(KeyOf($"{TimeKey.NewestFirst(now)}-{Digest.Of(queue, body)}"), columns), ct);
    }

    /// <summary>The newest, at most <paramref name="take"/>.</summary>
    public async ValueTask<IEnumerable<DeadLetter>> ListAsync(int take, CancellationToken ct) =>
        (await _letters.PageAsync(KeyRange.Partition(Schema.All), take, after: null, ct)).Items.Select(Read);

    public async ValueTask<DeadLetter?> FindAsync(string id, CancellationToken ct) => await _letters.FindAsync(KeyOf(KeyText.Of(id)), ct) is { } row ? Read(row) : null;

    public async ValueTask RemoveAsync(string id, CancellationToken ct) => await _letters.WriteAsync(Write.Delete(KeyOf(KeyText.Of(id))), ct);

    private static Key KeyOf(string id) => new(Schema.All, id);

    private static DeadLetter Read(Row row) => new(
        row.Key.Row, row.Columns.Text("Queue")!, row.Columns.Text("Body")!, (int)row.Columns.Number("Deliveries")!, row.Columns.Text("Reason")!, row.Columns.Time("DiedAt")!.Value);
}

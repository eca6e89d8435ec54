using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>What chores remember from one run to the next, whichever instance does them. Table: <see cref="Schema.Upkeep"/>.</summary>
internal sealed class UpkeepMemory(ITables tables)
{
    private readonly ITable _memory = tables[Schema.Upkeep];

    public async ValueTask<Columns> FindAsync(string chore, CancellationToken ct) => (await _memory.FindAsync(KeyOf(chore), ct))?.Columns ?? [];

    public async ValueTask WriteAsync(string chore, Columns columns, CancellationToken ct) => await _memory.WriteAsync(Write.Merge(KeyOf(chore), columns), ct);

    private static Key KeyOf(string chore) => new(Schema.All, chore);
}

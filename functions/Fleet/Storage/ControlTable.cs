using System.Collections.Frozen;
using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>All rows of a control-plane table as they were at one moment, by name.</summary>
/// <param name="Version">Differs from that of every other snapshot of the process: what was derived from one is compared by it.</param>
internal sealed record Snapshot<T>(long Version, FrozenDictionary<string, Stored<T>> ByName)
{
    public IEnumerable<T> Items => ByName.Values.Select(stored => stored.Item);
}

/// <summary>An item with the ETag that it was read under.</summary>
internal sealed record Stored<T>(string Name, T Item, string Etag);

/// <summary>A small table that is wholly in memory. Reads cost nothing; a write is told to all instances.</summary>
internal sealed class ControlTable<T>
{
    private static long s_versions;

    private readonly ITable _table;
    private readonly ChangeFeed _changes;
    private readonly Func<Columns, T> _read;
    private readonly Func<T, Columns> _write;
    private volatile Snapshot<T> _current = new(0, FrozenDictionary<string, Stored<T>>.Empty);

    public ControlTable(ITables tables, ChangeFeed changes, string name, Func<Columns, T> read, Func<T, Columns> write)
    {
        _table = tables[name];
        _changes = changes;
        _read = columns => Read(name, columns, read);
        _write = write;
        changes.Listen(name, LoadAsync);
    }

    private static T Read(string name, Columns columns, Func<Columns, T> read)
    {
        try
        {
            return read(columns);
        }
        catch (Exception fault) when (!MachineFault.Is(fault) && fault is not StorageDamagedException)
        {
            throw new StorageDamagedException($"A row of {name} is not what was written there: {fault.Message}", fault);
        }
    }

    /// <summary>What is in memory. Call <see cref="ChangeFeed.LookAsync"/> first when it must be fresh.</summary>
    public Snapshot<T> Current => _current;

    public Stored<T>? Find(string name) => _current.ByName.GetValueOrDefault(name);

    /// <summary>The item as the table has it now, for whoever is about to change it. One point read.</summary>
    public async ValueTask<Stored<T>?> ReadAsync(string name, CancellationToken ct) =>
        await _table.FindAsync(KeyOf(name), ct) is { } row ? new(name, _read(row.Columns), row.Etag) : null;

    /// <summary>Makes or replaces an item. With an ETag only if it is still that; with <paramref name="isNew"/> only if there is none.</summary>
    /// <returns>The item's new ETag.</returns>
    /// <exception cref="ConflictException">It is not.</exception>
    public async ValueTask<string> PutAsync(string name, T item, string? etag, CancellationToken ct, bool isNew = false)
    {
        var columns = _write(item);
        var written = await _table.WriteAsync(isNew ? Write.Insert(KeyOf(name), columns) : Write.Replace(KeyOf(name), columns).If(etag), ct);
        await ToldAsync(ct);
        return written;
    }

    /// <summary>Removes an item.</summary>
    /// <exception cref="ConflictException">It is not as <paramref name="etag"/> says.</exception>
    public async ValueTask RemoveAsync(string name, string? etag, CancellationToken ct)
    {
        await _table.WriteAsync(Write.Delete(KeyOf(name)).If(etag), ct);
        await ToldAsync(ct);
    }

    /// <summary>Tells all instances of a row that was written past this table.</summary>
    public ValueTask ToldAsync(CancellationToken ct) => _changes.PublishAsync([new(_table.Name, "")], ct);

    private static Key KeyOf(string name) => new(Schema.All, KeyText.Of(name));

    private async ValueTask LoadAsync(CancellationToken ct)
    {
        var items = new Dictionary<string, Stored<T>>(StringComparer.Ordinal);
        await foreach (var row in _table.ScanAsync(KeyRange.Partition(Schema.All), ct))
        {
            var name = KeyText.Read(row.Key.Row);
            items[name] = new(name, _read(row.Columns), row.Etag);
        }

        _current = new(Interlocked.Increment(ref s_versions), items.ToFrozenDictionary(StringComparer.Ordinal));
    }
}

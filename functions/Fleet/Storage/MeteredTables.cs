using System.Collections.Concurrent;
using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>Counts what is asked of a store, by table and kind.</summary>
internal sealed class MeteredTables(ITables inner) : ITables
{
    /// <summary>There are as many as weeks and months are kept.</summary>
    private readonly ConcurrentDictionary<string, Table> _tables = new(StringComparer.Ordinal);

    public ITable this[string name] => _tables.GetOrAdd(name, _ => new(inner[name]));

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct) => CountedAsync(FamilyOf(prefix), "list", inner.ListAsync(prefix, ct));

    public async ValueTask DropAsync(string name, CancellationToken ct)
    {
        Count(FamilyOf(name), "drop");
        _tables.TryRemove(name, out _);
        await inner.DropAsync(name, ct);
    }

    private static async ValueTask<T> CountedAsync<T>(string family, string kind, ValueTask<T> operation)
    {
        Count(family, kind);
        try
        {
            return await operation;
        }
        catch (Exception fault) when (fault is StorageUnavailableException or StorageBusyException)
        {
            Telemetry.StorageFaults.Add(1, new KeyValuePair<string, object?>("table", family));
            throw;
        }
    }

    private static void Count(string family, string kind) => Telemetry.StorageOperations.Add(1, new("table", family), new("kind", kind));

    /// <summary>Without the week or month at the end.</summary>
    private static string FamilyOf(string table) => table.Length > 0 && char.IsAsciiDigit(table[^1]) ? table.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9') : table;

    private sealed class Table(ITable inner) : ITable
    {
        private readonly string _family = FamilyOf(inner.Name);

        public string Name => inner.Name;

        public ValueTask<Row?> FindAsync(Key key, CancellationToken ct) => CountedAsync(_family, "find", inner.FindAsync(key, ct));

        public ValueTask<string> WriteAsync(Write write, CancellationToken ct) => CountedAsync(_family, "write", inner.WriteAsync(write, ct));

        public async ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct) => await CountedAsync(_family, "batch", DoneAsync(inner.WriteAllAsync(writes, ct)));

        public ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct) => CountedAsync(_family, "page", inner.PageAsync(range, take, after, ct));

        private static async ValueTask<bool> DoneAsync(ValueTask operation)
        {
            await operation;
            return true;
        }
    }
}

using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>Counts what is asked of a store, by table and kind.</summary>
internal sealed class MeteredTables(ITables inner) : ITables
{
    public ITable this[string name] => new Table(inner[name]);

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct) => CountedAsync(prefix, "list", inner.ListAsync(prefix, ct));

    public async ValueTask DropAsync(string name, CancellationToken ct)
    {
        Count(name, "drop");
        await inner.DropAsync(name, ct);
    }

    private static async ValueTask<T> CountedAsync<T>(string table, string kind, ValueTask<T> operation)
    {
        Count(table, kind);
        try
        {
            return await operation;
        }
        catch (Exception fault) when (fault is StorageUnavailableException or StorageBusyException)
        {
            Telemetry.StorageFaults.Add(1, new KeyValuePair<string, object?>("table", FamilyOf(table)));
            throw;
        }
    }

    private static void Count(string table, string kind) => Telemetry.StorageOperations.Add(1, new("table", FamilyOf(table)), new("kind", kind));

    /// <summary>Without the week or month at the end.</summary>
    private static string FamilyOf(string table) => table.Length > 0 && char.IsAsciiDigit(table[^1]) ? string.Intern(table.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')) : table;

    private sealed class Table(ITable inner) : ITable
    {
        public string Name => inner.Name;

        public ValueTask<Row?> FindAsync(Key key, CancellationToken ct) => CountedAsync(Name, "find", inner.FindAsync(key, ct));

        public ValueTask<string> WriteAsync(Write write, CancellationToken ct) => CountedAsync(Name, "write", inner.WriteAsync(write, ct));

        public async ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct) => await CountedAsync(Name, "batch", DoneAsync(inner.WriteAllAsync(writes, ct)));

        public ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct) => CountedAsync(Name, "page", inner.PageAsync(range, take, after, ct));

        private static async ValueTask<bool> DoneAsync(ValueTask operation)
        {
            await operation;
            return true;
        }
    }
}

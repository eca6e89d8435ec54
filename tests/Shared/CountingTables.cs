using Fleet.Storage;

namespace Fleet.Shared;

/// <summary>Counts what is asked of the store, and can make it fail.</summary>
internal sealed class CountingTables(ITables inner) : ITables
{
    private int _reads;
    private int _writes;

    public int Reads => _reads;

    public int Writes => _writes;

    public int Operations => _reads + _writes;

    /// <summary>While it is true the store does not answer.</summary>
    public bool IsDown { get; set; }

    /// <summary>What a write of a table ends with; null for success.</summary>
    public Func<string, Write, Exception?>? FaultOf { get; set; }

    public ITable this[string name] => new Table(this, inner[name]);

    public void Reset() => (_reads, _writes) = (0, 0);

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct)
    {
        Read();
        return inner.ListAsync(prefix, ct);
    }

    public ValueTask DropAsync(string name, CancellationToken ct)
    {
        Write();
        return inner.DropAsync(name, ct);
    }

    private void Read()
    {
        Interlocked.Increment(ref _reads);
        if (IsDown) throw new StorageUnavailableException("The store is down.");
    }

    private void Write()
    {
        Interlocked.Increment(ref _writes);
        if (IsDown) throw new StorageUnavailableException("The store is down.");
    }

    private sealed class Table(CountingTables counts, ITable inner) : ITable
    {
        public string Name => inner.Name;

        public ValueTask<Row?> FindAsync(Key key, CancellationToken ct)
        {
            counts.Read();
            return inner.FindAsync(key, ct);
        }

        public ValueTask<string> WriteAsync(Write write, CancellationToken ct)
        {
            counts.Write();
            if (counts.FaultOf?.Invoke(Name, write) is { } fault) throw fault;
            return inner.WriteAsync(write, ct);
        }

        public ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct)
        {
            counts.Write();
            if (writes.Select(write => counts.FaultOf?.Invoke(Name, write)).FirstOrDefault(fault => fault is not null) is { } fault) throw fault;
            return inner.WriteAllAsync(writes, ct);
        }

        public ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct)
        {
            counts.Read();
            return inner.PageAsync(range, take, after, ct);
        }
    }
}

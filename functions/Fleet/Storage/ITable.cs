namespace Fleet.Storage;

/// <summary>One table, with Table Storage's semantics and no more. Every implementation passes <c>TableContract</c>.</summary>
/// <remarks>A table that was never written to reads as empty, and is made by its first write. All calls may throw
/// <see cref="StorageUnavailableException"/>: still failing after the adapter's own retries, and safe to repeat.</remarks>
internal interface ITable
{
    string Name { get; }

    /// <summary>One point read; null if there is no such row.</summary>
    ValueTask<Row?> FindAsync(Key key, CancellationToken ct);

    /// <summary>One change. Returns when it is durable.</summary>
    /// <returns>The row's new ETag; empty after a delete.</returns>
    /// <exception cref="ConflictException">The row is there (insert), or is not as the ETag says.</exception>
    ValueTask<string> WriteAsync(Write write, CancellationToken ct);

    /// <summary>All changes or none; 1 to 100 of them, one partition, each row once. Returns when they are durable.</summary>
    /// <exception cref="ConflictException">One of them conflicts; nothing was written.</exception>
    ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct);

    /// <summary>Reads rows in key order, at most <paramref name="take"/> of them.</summary>
    /// <param name="range">From (inclusive) to (exclusive), ordinal.</param>
    /// <param name="take">1 to 1,000 rows. Azure returns fewer at a partition server's edge; then <c>After</c> is not null.</param>
    /// <param name="after">The <c>After</c> of the page before, or null for the first. Opaque; valid for this range only.</param>
    /// <param name="ct">Stops the read.</param>
    /// <remarks>Cost: one transaction a page.</remarks>
    ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct);
}

/// <summary>The tables of one store.</summary>
internal interface ITables
{
    ITable this[string name] { get; }

    /// <summary>The names of the tables that begin so, in ordinal order.</summary>
    ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct);

    /// <summary>Removes a table and all its rows. That it is not there is no failure.</summary>
    ValueTask DropAsync(string name, CancellationToken ct);
}

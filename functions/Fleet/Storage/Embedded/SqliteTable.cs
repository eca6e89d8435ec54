using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Fleet.Storage.Embedded;

/// <summary>A table as one SQLite table: partition, row, ETag and the columns as bytes.</summary>
internal sealed class SqliteTable(string name, SqliteDatabase database, SqliteStatements statements) : ITable
{
    private const int NoSuchTable = 1;

    public string Name => name;

    public ValueTask<Row?> FindAsync(Key key, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return ValueTask.FromResult(database.Read(connection => IfThere(() => Find(connection, key), null)));
    }

    public async ValueTask<string> WriteAsync(Write write, CancellationToken ct)
    {
        TableLimits.Check(write);
        return await database.Writer.RunAsync(connection => Apply(connection, write), several: false, ct);
    }

    public async ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct)
    {
        TableLimits.Check(writes);
        await database.Writer.RunAsync(
            connection =>
            {
                foreach (var write in writes) Apply(connection, write);
                return true;
            },
            several: writes.Count > 1,
            ct);
    }

    public ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(take, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(take, TableLimits.PageRows);
        ct.ThrowIfCancellationRequested();
        return ValueTask.FromResult(database.Read(connection => IfThere(() => ReadPage(connection, range, take, after), new([], null))));
    }

    private Page<Row> ReadPage(SqliteConnection connection, KeyRange range, int take, string? after)
    {
        // The token is the last key read: what comes next is greater.
        var from = after?.Split('/', 2) is [var partition, var row] ? new Key(partition, row) : range.From;
        using var command = connection.CreateCommand();
        command.CommandText = $"""
            SELECT p, r, e, c FROM "{name}"
            WHERE (p, r) {(after is null ? ">=" : ">")} ($p, $r) AND (p, r) < ($tp, $tr) ORDER BY p, r LIMIT $n
            """;
        command.Parameters.AddWithValue("$p", from.Partition);
        command.Parameters.AddWithValue("$r", from.Row);
        command.Parameters.AddWithValue("$tp", range.To.Partition);
        command.Parameters.AddWithValue("$tr", range.To.Row);
        command.Parameters.AddWithValue("$n", take);

        var rows = new List<Row>(Math.Min(take, 64));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(new(new(reader.GetString(0), reader.GetString(1)), EtagOf(reader.GetInt64(2)), ReadColumns(new(reader.GetString(0), reader.GetString(1)), reader.GetFieldValue<byte[]>(3))));
        }

        return new(rows, rows.Count == take ? $"{rows[^1].Key.Partition}/{rows[^1].Key.Row}" : null);
    }

    private Row? Find(SqliteConnection connection, Key key)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"""SELECT e, c FROM "{name}" WHERE p = $p AND r = $r""";
        command.Parameters.AddWithValue("$p", key.Partition);
        command.Parameters.AddWithValue("$r", key.Row);
        using var reader = command.ExecuteReader();
        return reader.Read() ? new(key, EtagOf(reader.GetInt64(0)), ReadColumns(key, reader.GetFieldValue<byte[]>(1))) : null;
    }

    /// <summary>On the writer's thread, inside its transaction.</summary>
    private string Apply(SqliteConnection connection, Write write)
    {
        statements.EnsureTable(connection, name);
        var etag = statements.NextEtag();
        if (write.Kind == WriteKind.Insert)
        {
            var isNew = statements.Insert(connection, name, write.Key, etag, RowCodec.Write(write.Columns));
            return isNew ? EtagOf(etag) : throw new ConflictException(name, write.Key);
        }

        if (write is { Kind: WriteKind.Replace, Etag: null })
        {
            statements.Replace(connection, name, write.Key, etag, RowCodec.Write(write.Columns));
            return EtagOf(etag);
        }

        var seen = IfThere(() => Find(connection, write.Key), null);
        if (write.Etag is not null && seen?.Etag != write.Etag) throw new ConflictException(name, write.Key);
        if (write.Kind == WriteKind.Delete)
        {
            if (seen is not null) statements.Delete(connection, name, write.Key);
            return "";
        }

        var columns = write.Columns;
        if (write.Kind == WriteKind.Merge && seen is not null)
        {
            columns = seen.Columns;
            foreach (var (column, value) in write.Columns) columns[column] = value;
            TableLimits.Check(Write.Replace(write.Key, columns));
        }

        statements.Replace(connection, name, write.Key, etag, RowCodec.Write(columns));
        return EtagOf(etag);
    }

    private Columns ReadColumns(Key key, byte[] bytes)
    {
        try
        {
            return RowCodec.Read(bytes);
        }
        catch (Exception fault) when (fault is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or OutOfMemoryException or OverflowException)
        {
            throw new StorageDamagedException($"Row {key.Partition}/{key.Row} of {name} is not what was written there: {fault.Message}", fault);
        }
    }

    private static string EtagOf(long etag) => etag.ToString(CultureInfo.InvariantCulture);

    /// <summary>A table that was never written to, or was dropped by another process, is empty.</summary>
    private static T IfThere<T>(Func<T> read, T otherwise)
    {
        try
        {
            return read();
        }
        catch (SqliteException fault) when (fault.SqliteErrorCode == NoSuchTable && fault.Message.Contains("no such table", StringComparison.Ordinal))
        {
            return otherwise;
        }
    }
}

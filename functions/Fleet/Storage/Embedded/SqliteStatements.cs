using Microsoft.Data.Sqlite;

namespace Fleet.Storage.Embedded;

/// <summary>The writer's prepared statements, by table. Used on the writer's thread alone.</summary>
internal sealed class SqliteStatements(TimeProvider clock)
{
    private static readonly string[] s_parameters = ["$p", "$r", "$e", "$c"];

    private readonly Dictionary<string, Prepared> _tables = new(StringComparer.Ordinal);
    private readonly long _tail = Random.Shared.Next(0x400);
    private long _lastEtag;

    /// <summary>An ETag that names no other state of a row: the time, with a tail of its own for each process.</summary>
    public long NextEtag() => _lastEtag = Math.Max(_lastEtag + 1, (clock.GetUtcNow().UtcTicks & ~0x3FFL) | _tail);

    public void EnsureTable(SqliteConnection connection, string name)
    {
        if (_tables.ContainsKey(name)) return;
        SqliteDatabase.Run(connection, $"""CREATE TABLE IF NOT EXISTS "{name}" (p TEXT NOT NULL, r TEXT NOT NULL, e INTEGER NOT NULL, c BLOB NOT NULL, PRIMARY KEY (p, r))""");
        _tables[name] = new(connection, name);
    }

    /// <summary>False if the row is there.</summary>
    public bool Insert(SqliteConnection connection, string name, Key key, long etag, byte[] columns) =>
        Run(connection, name, p => p.Insert, key, etag, columns) > 0;

    public void Replace(SqliteConnection connection, string name, Key key, long etag, byte[] columns) =>
        Run(connection, name, p => p.Replace, key, etag, columns);

    public void Delete(SqliteConnection connection, string name, Key key) => Run(connection, name, p => p.Delete, key, 0, []);

    public void Drop(SqliteConnection connection, string name)
    {
        if (_tables.Remove(name, out var prepared)) prepared.Dispose();
        SqliteDatabase.Run(connection, $"""DROP TABLE IF EXISTS "{name}" """);
    }

    private int Run(SqliteConnection connection, string name, Func<Prepared, SqliteCommand> which, Key key, long etag, byte[] columns)
    {
        try
        {
            return Fill(which(_tables[name]), key, etag, columns).ExecuteNonQuery();
        }
        catch (SqliteException fault) when (fault.Message.Contains("no such table", StringComparison.Ordinal))
        {
            // Another process dropped it; it is made again.
            _tables.Remove(name);
            EnsureTable(connection, name);
            return Fill(which(_tables[name]), key, etag, columns).ExecuteNonQuery();
        }
    }

    private static SqliteCommand Fill(SqliteCommand command, Key key, long etag, byte[] columns)
    {
        command.Parameters[0].Value = key.Partition;
        command.Parameters[1].Value = key.Row;
        if (command.Parameters.Count > 2)
        {
            command.Parameters[2].Value = etag;
            command.Parameters[3].Value = columns;
        }

        return command;
    }

    private sealed class Prepared(SqliteConnection connection, string name) : IDisposable
    {
        public SqliteCommand Insert { get; } = Command(connection, $"""INSERT INTO "{name}" VALUES ($p, $r, $e, $c) ON CONFLICT DO NOTHING""", 4);

        public SqliteCommand Replace { get; } = Command(connection, $"""INSERT OR REPLACE INTO "{name}" VALUES ($p, $r, $e, $c)""", 4);

        public SqliteCommand Delete { get; } = Command(connection, $"""DELETE FROM "{name}" WHERE p = $p AND r = $r""", 2);

        public void Dispose()
        {
            Insert.Dispose();
            Replace.Dispose();
            Delete.Dispose();
        }

        private static SqliteCommand Command(SqliteConnection connection, string sql, int parameters)
        {
            var command = connection.CreateCommand();
            command.CommandText = sql;
            foreach (var parameter in s_parameters.Take(parameters)) command.Parameters.Add(new() { ParameterName = parameter });
            return command;
        }
    }
}

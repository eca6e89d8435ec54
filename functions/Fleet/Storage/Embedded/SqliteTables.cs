using System.Collections.Concurrent;

namespace Fleet.Storage.Embedded;

/// <summary>The tables of one database file.</summary>
internal sealed class SqliteTables(SqliteDatabase database, TimeProvider clock) : ITables
{
    private readonly ConcurrentDictionary<string, ITable> _tables = new(StringComparer.Ordinal);
    private readonly SqliteStatements _statements = new(clock);

    public ITable this[string name] => _tables.GetOrAdd(name, n => new SqliteTable(n, database, _statements));

    public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        return ValueTask.FromResult(database.Read<IReadOnlyList<string>>(connection =>
        {
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, length($p)) = $p ORDER BY name";
            command.Parameters.AddWithValue("$p", prefix);
            var names = new List<string>();
            using var reader = command.ExecuteReader();
            while (reader.Read()) names.Add(reader.GetString(0));
            return names;
        }));
    }

    public async ValueTask DropAsync(string name, CancellationToken ct) => await database.Writer.RunAsync(
        connection =>
        {
            _statements.Drop(connection, name);
            return true;
        },
        several: false,
        ct);
}

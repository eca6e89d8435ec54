using Fleet.Kernel;
using SQLitePCL;

namespace Fleet.Config;

/// <summary>What a look at a statement found.</summary>
/// <param name="Message">Why it is not valid; null if it is.</param>
/// <param name="Tables">osquery's tables that it reads, sorted.</param>
/// <param name="Platforms">The platforms that have all of them.</param>
internal sealed record SqlVerdict(bool Valid, string? Message, IReadOnlyList<string> Tables, IReadOnlyList<string> Platforms);

/// <summary>Checks SQL against osquery's tables: SQLite prepares the statement over empty tables of the same shape, and never runs it.</summary>
/// <remarks>This is the one file outside the embedded adapters that uses SQLite. Thread-safe.</remarks>
internal sealed class SqlCheck : IDisposable
{
    private readonly OsquerySchema _schema;
    private readonly Dictionary<string, string> _extraPlatforms;
    private readonly Limits _limits;
    private readonly sqlite3 _database;
    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);
    private readonly Lock _turn = new();
    private bool _guarded;
    private string? _denied;

    /// <param name="schema">osquery's tables.</param>
    /// <param name="extra">Tables of extensions and the like.</param>
    /// <param name="limits">How long a statement may be.</param>
    /// <exception cref="FormatException">An extra table's definition is wrong.</exception>
    public SqlCheck(OsquerySchema schema, IEnumerable<ExtraTable> extra, Limits limits)
    {
        Batteries_V2.Init();
        (_schema, _limits) = (schema, limits);
        _extraPlatforms = new(StringComparer.OrdinalIgnoreCase);
        raw.sqlite3_open(":memory:", out _database);
        raw.sqlite3_set_authorizer(_database, Authorize, null);
        SqlFunctions.Register(_database);
        foreach (var (name, table) in schema.ByName)
        {
            var columns = table.Columns.Select(column => $"{Quote(column.Key)} {column.Value.Split(' ')[0]}");
            var ddl = $"CREATE TABLE {Quote(name)} ({string.Join(", ", columns)})";
            if (raw.sqlite3_exec(_database, ddl) != raw.SQLITE_OK) throw CannotMake(name, ddl);
        }

        _guarded = true;
        foreach (var table in extra)
        {
            if (!TryAdd(table)) throw CannotMake(table.Name, table.Ddl);
        }
    }

    /// <summary>Adds a table or view; false, and nothing is changed, if its definition is wrong or its name is taken.</summary>
    public bool TryAdd(ExtraTable table)
    {
        lock (_turn)
        {
            _guarded = false;
            try
            {
                if (raw.sqlite3_exec(_database, table.Ddl) != raw.SQLITE_OK) return false;
                _extraPlatforms[table.Name] = table.Platforms;
                return true;
            }
            finally
            {
                _guarded = true;
            }
        }
    }

    /// <summary>Whether the text is one read-only statement over known tables, columns and functions.</summary>
    public SqlVerdict Check(string? sql)
    {
        if (string.IsNullOrWhiteSpace(sql)) return Wrong("The SQL is empty.");
        if (sql.Length > _limits.SqlCharacters) return Wrong($"The SQL has {sql.Length} characters; at most {_limits.SqlCharacters} fit.");
        if (sql.Contains('\0', StringComparison.Ordinal)) return Wrong("The SQL holds a NUL character.");
        lock (_turn)
        {
            _read.Clear();
            _denied = null;
            var code = raw.sqlite3_prepare_v2(_database, SqlSyntax.Downgrade(sql), out var statement, out var rest);
            using (statement)
            {
                if (code != raw.SQLITE_OK) return Wrong(_denied ?? Explain(raw.sqlite3_errmsg(_database).utf8_to_string()));
                if (statement.IsInvalid) return Wrong("The SQL holds no statement.");
                if (raw.sqlite3_stmt_readonly(statement) == 0) return Wrong("The SQL must only read.");
            }

            if (HoldsStatement(rest)) return Wrong("The SQL holds more than one statement.");

            // Of the tables that are joined by USING, SQLite names only the first.
            _read.UnionWith(SqlSyntax.JoinedNames(sql));
            var tables = _read.Where(IsKnown).Select(name => name.ToLowerInvariant()).Order(StringComparer.Ordinal).ToList();
            return new(true, null, tables, [.. OsquerySchema.Platforms.Where(platform => tables.TrueForAll(table => Has(table, platform)))]);
        }
    }

    public void Dispose() => _database.Dispose();

    private static SqlVerdict Wrong(string message) => new(false, message, [], []);

    private static string Quote(string name) => '"' + name.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';

    private bool IsKnown(string table) => _schema.ByName.ContainsKey(table) || _extraPlatforms.ContainsKey(table);

    private bool Has(string table, string platform) =>
        (_extraPlatforms.GetValueOrDefault(table) ?? _schema.ByName[table].Platforms).Split(' ').Contains(platform);

    private FormatException CannotMake(string name, string ddl) =>
        new($"Table {name} cannot be made: {raw.sqlite3_errmsg(_database).utf8_to_string()}. Its definition: {ddl}");

    private bool HoldsStatement(string? rest)
    {
        while (!string.IsNullOrWhiteSpace(rest))
        {
            var code = raw.sqlite3_prepare_v2(_database, rest, out var next, out var after);
            using (next)
            {
                if (code != raw.SQLITE_OK || !next.IsInvalid) return true;
            }

            if (after == rest) return false;
            rest = after;
        }

        return false;
    }

    private string Explain(string message)
    {
        const string NoTable = "no such table: ";
        if (!message.StartsWith(NoTable, StringComparison.Ordinal)) return message;
        return Nearest.To(message[NoTable.Length..], _schema.ByName.Keys) is { } near
            ? $"{message} in osquery {_schema.OsqueryVersion}; did you mean {near}?"
            : $"{message} in osquery {_schema.OsqueryVersion}; if an extension has it, name it in Fleet__Sql__ExtraTables";
    }

    private int Authorize(object data, int action, string a, string b, string database, string trigger)
    {
        if (!_guarded) return raw.SQLITE_OK;
        switch (action)
        {
            case raw.SQLITE_READ:
                _read.Add(a);
                return raw.SQLITE_OK;
            case raw.SQLITE_SELECT or raw.SQLITE_RECURSIVE:
                return raw.SQLITE_OK;
            case raw.SQLITE_FUNCTION when !string.Equals(b, "load_extension", StringComparison.OrdinalIgnoreCase):
                return raw.SQLITE_OK;
            default:
                _denied = "The SQL must be one SELECT: it must only read.";
                return raw.SQLITE_DENY;
        }
    }
}

/// <summary>A table that osquery itself does not have.</summary>
/// <param name="Ddl"><c>CREATE TABLE name (column TYPE, …)</c> or <c>CREATE VIEW name AS SELECT …</c></param>
/// <param name="Platforms">Separated by blanks.</param>
internal sealed record ExtraTable(string Name, string Ddl, string Platforms);

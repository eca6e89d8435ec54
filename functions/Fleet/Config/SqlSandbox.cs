using System.Collections.Frozen;
using System.Diagnostics;
using Fleet.Kernel;
using Fleet.Storage.Embedded;
using SQLitePCL;

namespace Fleet.Config;

/// <summary>A SQLite database in memory on which statements of others are prepared. None is ever run: only <c>CREATE TABLE</c> of our own making is.</summary>
/// <remarks>No file can be attached, no extension loaded, and the authorizer is always on. A statement that expands while it is prepared ends at its time or at its memory. One thread at a time.</remarks>
internal sealed class SqlSandbox : IDisposable
{
    /// <summary>SQLITE_DBCONFIG_*, which the package does not name: triggers, loading of extensions, defensive mode, trusted schemas, and ATTACH to make or to write files.</summary>
    private static readonly (int Option, int Value)[] s_options = [(1002, 0), (1005, 0), (1010, 1), (1017, 0), (1020, 0), (1021, 0)];

    private const string PragmaTable = "pragma_";

    /// <summary>Those that osquery allows.</summary>
    private static readonly FrozenSet<string> s_pragmas =
        new[] { "table_info", "table_xinfo", "function_list", "journal_mode", "case_sensitive_like", "collation_list" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private readonly Limits _limits;
    private readonly sqlite3 _database;
    private readonly HashSet<string> _read = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<(string Table, string Column)> _columns = [];
    private bool _isDeclaring;
    private bool _isPragma;
    private string? _denied;
    private long _began;

    public SqlSandbox(Limits limits)
    {
        _limits = limits;
        SqliteMemory.Init();
        if (raw.sqlite3_open(":memory:", out _database) != raw.SQLITE_OK) throw new InvalidOperationException("SQLite opens no database in memory.");
        foreach (var (option, value) in s_options) raw.sqlite3_db_config(_database, option, value, out _);
        raw.sqlite3_limit(_database, raw.SQLITE_LIMIT_ATTACHED, 0);
        raw.sqlite3_limit(_database, raw.SQLITE_LIMIT_WORKER_THREADS, 0);
        raw.sqlite3_set_authorizer(_database, (strdelegate_authorizer)Authorize, null);
        raw.sqlite3_progress_handler(_database, 1_000, _ => IsLate ? 1 : 0, null);
        SqlFunctions.Register(_database);
    }

    /// <summary>The statement took more time or memory than a check may: this sandbox is not used again.</summary>
    public bool IsSpent { get; private set; }

    private bool IsLate => Stopwatch.GetElapsedTime(_began) > _limits.SqlCheckTime;

    /// <summary>Makes an empty table; false, and nothing is changed, if its name is taken or SQLite takes no such columns.</summary>
    /// <param name="name">Any text: it is quoted.</param>
    /// <param name="columns">Any texts, each with the type that the bundled schema gives it, or none.</param>
    public bool Declare(string name, IEnumerable<string> columns)
    {
        var definition = $"CREATE TABLE {Quote(name)} ({string.Join(", ", columns.Select(Quote))})";
        if (definition.Contains('\0', StringComparison.Ordinal)) return false;
        _isDeclaring = true;
        _began = Stopwatch.GetTimestamp();
        try
        {
            return raw.sqlite3_exec(_database, definition) == raw.SQLITE_OK;
        }
        finally
        {
            _isDeclaring = false;
        }
    }

    /// <summary>Prepares a text, and says why SQLite does not take it, or what it reads.</summary>
    /// <param name="sql">One statement, or several: osquery runs all of a text.</param>
    /// <param name="isView">Only one SELECT will do.</param>
    public Prepared Prepare(string sql, bool isView = false)
    {
        _read.Clear();
        _columns.Clear();
        _denied = null;
        _began = Stopwatch.GetTimestamp();
        SqliteMemory.Begin(_limits.SqlCheckBytes, _limits.SqlCheckTime);
        try
        {
            return PrepareAll(sql, isView);
        }
        finally
        {
            IsSpent |= SqliteMemory.End();
        }
    }

    private Prepared PrepareAll(string sql, bool isView)
    {
        var columns = new List<string>();
        var count = 0;
        for (var rest = sql; !string.IsNullOrWhiteSpace(rest);)
        {
            _isPragma = false;
            var code = raw.sqlite3_prepare_v2(_database, rest, out var statement, out var after);
            using (statement)
            {
                if (code != raw.SQLITE_OK) return Fault(code);
                if (!statement.IsInvalid)
                {
                    if (!_isPragma && raw.sqlite3_stmt_readonly(statement) == 0) return Prepared.Refused("The SQL must only read.");
                    if (isView && (count > 0 || _isPragma)) return Prepared.Refused("A view is one SELECT.");
                    count++;
                    columns.AddRange(Enumerable.Range(0, raw.sqlite3_column_count(statement)).Select(i => raw.sqlite3_column_name(statement, i).utf8_to_string() ?? ""));
                }
            }

            if (after == rest) break;
            rest = after;
        }

        return count == 0 ? Prepared.Refused("The SQL holds no statement.") : new(null, columns, [.. _read], [.. _columns], count);
    }

    public void Dispose() => _database.Dispose();

    private static string Quote(string name) => '"' + name.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';

    private Prepared Fault(int code)
    {
        IsSpent = IsLate || code is raw.SQLITE_NOMEM or raw.SQLITE_INTERRUPT or raw.SQLITE_TOOBIG;
        return Prepared.Refused(IsSpent
            ? FormattableString.Invariant($"The SQL is too complex: to check it takes more than {_limits.SqlCheckTime.TotalSeconds:0.#} seconds or {_limits.SqlCheckBytes >> 20} MB. Repeat subqueries and common table expressions less often.")
            : _denied ?? raw.sqlite3_errmsg(_database).utf8_to_string());
    }

    private int Authorize(object data, int action, string a, string b, string database, string trigger)
    {
        if (IsLate) return raw.SQLITE_DENY;
        switch (action)
        {
            case raw.SQLITE_CREATE_TABLE or raw.SQLITE_INSERT or raw.SQLITE_UPDATE when _isDeclaring:
                return raw.SQLITE_OK;
            case raw.SQLITE_READ when a.StartsWith(PragmaTable, StringComparison.OrdinalIgnoreCase) && !s_pragmas.Contains(a[PragmaTable.Length..]):
                _denied ??= $"no such table: {a}";
                return raw.SQLITE_DENY;
            case raw.SQLITE_READ:
                _read.Add(a);
                if (!string.IsNullOrEmpty(b)) _columns.Add((a.ToLowerInvariant(), b.ToLowerInvariant()));
                return raw.SQLITE_OK;
            case raw.SQLITE_PRAGMA when s_pragmas.Contains(a):
                _isPragma = true;
                return raw.SQLITE_OK;
            case raw.SQLITE_SELECT or raw.SQLITE_RECURSIVE:
                return raw.SQLITE_OK;
            case raw.SQLITE_FUNCTION when SqlFunctions.Has(b):
                return raw.SQLITE_OK;
            case raw.SQLITE_FUNCTION:
                _denied ??= $"no such function: {b}";
                return raw.SQLITE_DENY;
            default:
                _denied ??= "The SQL must be SELECT statements: it must only read.";
                return raw.SQLITE_DENY;
        }
    }

    /// <summary>What SQLite made of a text.</summary>
    /// <param name="Message">Why it is refused; null if it is taken.</param>
    /// <param name="Columns">The names of what it selects.</param>
    /// <param name="Tables">The names of what it reads, common table expressions included.</param>
    /// <param name="Read">The columns that it reads, with their tables, in lower case.</param>
    /// <param name="Statements">How many there are.</param>
    internal sealed record Prepared(string? Message, IReadOnlyList<string> Columns, IReadOnlyList<string> Tables, IReadOnlyList<(string Table, string Column)> Read, int Statements)
    {
        public static Prepared Refused(string message) => new(message, [], [], [], 0);
    }
}

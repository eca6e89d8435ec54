using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>What a look at a statement found.</summary>
/// <param name="Message">Why it is not valid; null if it is.</param>
/// <param name="Tables">osquery's tables that it reads, those behind views included, sorted.</param>
/// <param name="Platforms">The platforms that have all of them, and all columns that it names.</param>
/// <param name="Since">The first version of osquery that has all of them; null for 4.0.0 or before.</param>
/// <param name="Until">The last version that had all of them, where the newest has not: then it is not valid, and <paramref name="Message"/> says what ended. Null otherwise.</param>
/// <param name="Statements">How many statements it is. osquery runs all of them, and puts their rows together.</param>
/// <param name="Extensions">Tables that it reads and that only agents with an extension have; null for none.</param>
/// <param name="IsUnreadable">It is no text that could be sent: empty, too long, or it was not checked.</param>
internal sealed record SqlVerdict(bool Valid, string? Message, IReadOnlyList<string> Tables, IReadOnlyList<string> Platforms, string? Since = null, string? Until = null, int Statements = 1, bool IsUnreadable = false, IReadOnlyList<string>? Extensions = null);

/// <summary>Checks SQL against osquery's tables: SQLite prepares the statement over empty tables of the same shape, and never runs it.</summary>
/// <remarks>Thread-safe. A check has a <see cref="SqlSandbox"/> to itself; at most <see cref="s_room"/> are under way in the process.</remarks>
internal sealed class SqlCheck : IDisposable
{
    private static readonly SemaphoreSlim s_room = new(Math.Max(2, Environment.ProcessorCount));

    private static readonly AsyncLocal<StrongBox<TimeSpan>?> s_request = new();

    /// <summary>The only column of a table of which no column is known: no statement can name it.</summary>
    private const string Placeholder = "\u0001";

    private readonly OsquerySchema _schema;
    private readonly Limits _limits;
    private readonly Dictionary<string, Declared> _extra = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentBag<SqlSandbox> _idle = [];

    /// <summary>With the tables of older versions too.</summary>
    private readonly ConcurrentBag<SqlSandbox> _idleEver = [];
    private bool _isDisposed;

    /// <param name="schema">osquery's tables.</param>
    /// <param name="settings">Tables of extensions and the like, from the settings.</param>
    /// <param name="configs">Tables and views of configurations. Those that cannot be are left out: they are refused where they are saved.</param>
    /// <param name="limits">How long a statement may be, and how much a check of it may take.</param>
    /// <exception cref="FormatException">A table of the settings cannot be made.</exception>
    public SqlCheck(OsquerySchema schema, IEnumerable<ExtraTable> settings, IEnumerable<ExtraTable> configs, Limits limits)
    {
        (_schema, _limits) = (schema, limits);
        var sandbox = new SqlSandbox(limits);
        foreach (var (name, table) in schema.ByName)
        {
            if (!sandbox.Declare(name, table.CurrentColumns)) throw new InvalidOperationException($"The bundled schema's table {name} cannot be made.");
        }

        foreach (var table in settings)
        {
            if (!TryDeclare(sandbox, table, table.Columns, [])) throw new FormatException($"Table {table.Name} cannot be made: its name is taken, or SQLite takes no such columns.");
        }

        var views = new List<ExtraTable>();
        foreach (var table in configs)
        {
            if (table.Select is not null) views.Add(table);
            else TryDeclare(sandbox, table, table.Columns, []);
        }

        // A view may read another that is defined after it.
        var began = Stopwatch.GetTimestamp();
        while (views.RemoveAll(view => Stopwatch.GetElapsedTime(began) < limits.SqlRequestTime && TryDeclareView(sandbox, view)) > 0)
        {
        }

        _idle.Add(sandbox);
    }

    /// <summary>From here on the checks of this flow count together.</summary>
    public static void BeginRequest() => s_request.Value = new();

    /// <summary>Whether the text is one read-only statement over known tables, columns and functions.</summary>
    public SqlVerdict Check(string? sql)
    {
        if (Unreadable(sql) is { } fault) return Wrong(fault) with { IsUnreadable = true };
        if (s_request.Value?.Value > _limits.SqlRequestTime) return Wrong(FormattableString.Invariant($"It was not checked: the SQL of this request took more than {_limits.SqlRequestTime.TotalSeconds:0} seconds already. Send it in parts.")) with { IsUnreadable = true };
        s_room.Wait();
        var began = Stopwatch.GetTimestamp();
        try
        {
            var (prepared, isSpent) = Prepare(sql!, _idle, Open);
            if (prepared.Message is not null && !isSpent && PrepareOpen(sql!) is { Message: null } open) prepared = open;
            if (prepared.Message is not { } message) return Judge(prepared, sql!);
            return isSpent || Ended(sql!) is not { } ended ? Wrong(Explain(message)) : ended;
        }
        finally
        {
            if (s_request.Value is { } request) request.Value += Stopwatch.GetElapsedTime(began);
            s_room.Release();
        }
    }

    /// <summary>In a sandbox that is idle, or a new one: to make one takes longer than to prepare a statement.</summary>
    private (SqlSandbox.Prepared Prepared, bool IsSpent) Prepare(string sql, ConcurrentBag<SqlSandbox> idle, Func<SqlSandbox> open)
    {
        var sandbox = idle.TryTake(out var one) ? one : open();
        try
        {
            return (sandbox.Prepare(sql), sandbox.IsSpent);
        }
        finally
        {
            if (sandbox.IsSpent || _isDisposed) sandbox.Dispose();
            else idle.Add(sandbox);
        }
    }

    /// <summary>With tables of which only the name is known having every column that the statement names; null if it reads none of them.</summary>
    private SqlSandbox.Prepared? PrepareOpen(string sql)
    {
        var words = SqlSyntax.Words(sql).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var open = _extra.Where(table => table.Value is { IsExtension: true, Columns: [Placeholder] } && words.Contains(table.Key)).Select(table => table.Key).ToList();
        if (open.Count == 0) return null;
        for (; ; )
        {
            using var sandbox = Open(_schema.ByName, table => table.CurrentColumns, except: open);
            foreach (var name in open) sandbox.Declare(name, words.Where(word => !char.IsAsciiDigit(word[0])).Append(Placeholder));
            var prepared = sandbox.Prepare(sql);

            // A column that another table has too is taken to be that table's.
            const string Ambiguous = "ambiguous column name: ";
            if (prepared.Message?.StartsWith(Ambiguous, StringComparison.Ordinal) != true || sandbox.IsSpent || !words.Remove(prepared.Message[Ambiguous.Length..])) return prepared;
        }
    }

    public void Dispose()
    {
        _isDisposed = true;
        foreach (var idle in new[] { _idle, _idleEver })
        {
            while (idle.TryTake(out var sandbox)) sandbox.Dispose();
        }
    }

    private static SqlVerdict Wrong(string message) => new(false, message, [], []);

    private string? Unreadable(string? sql) =>
        string.IsNullOrWhiteSpace(sql) ? "The SQL is empty."
        : sql.Length > _limits.SqlCharacters ? $"The SQL has {sql.Length} characters; at most {_limits.SqlCharacters} fit."
        : sql.Contains('\0', StringComparison.Ordinal) ? "The SQL holds a NUL character."
        : null;

    private SqlVerdict Judge(SqlSandbox.Prepared prepared, string sql)
    {
        var tables = TablesOf(prepared, sql);
        var words = SqlSyntax.Words(sql);

        // A star reads all columns, and each version and platform has its own of them: only those that are named must be there.
        var columns = prepared.Read.Where(read => _schema.Ever.ContainsKey(read.Table) && words.Contains(read.Column)).Select(read => (Table: _schema.Ever[read.Table], read.Column)).ToList();
        var since = tables.Select(name => _schema.Ever.GetValueOrDefault(name)?.Since).Concat(columns.Select(read => read.Table.SinceOf(read.Column)));
        return new(
            true, null, tables, [.. OsquerySchema.Platforms.Where(platform => tables.All(table => Has(table, platform)) && columns.TrueForAll(read => read.Table.PlatformsOf(read.Column).Contains(platform)))],
            since.OfType<string>().MaxBy(Version.Parse), Statements: prepared.Statements, Extensions: tables.Where(name => _extra.GetValueOrDefault(name)?.IsExtension == true).ToList() is { Count: > 0 } extensions ? extensions : null);
    }

    /// <summary>What it reads that older versions had, if that is all that is wrong with it.</summary>
    private SqlVerdict? Ended(string sql)
    {
        var (prepared, _) = Prepare(sql, _idleEver, () => Open(_schema.Ever, table => table.Columns.Keys));
        if (prepared.Message is not null) return null;
        var words = SqlSyntax.Words(sql);
        var ended = prepared.Tables.Where(name => _schema.Ever.GetValueOrDefault(name)?.Until is not null).Select(name => (Name: name, _schema.Ever[name].Until))
            .Concat(prepared.Read.Where(read => words.Contains(read.Column) && _schema.Ever.GetValueOrDefault(read.Table)?.UntilOf(read.Column) is not null)
                .Select(read => (Name: $"{read.Table}.{read.Column}", Until: _schema.Ever[read.Table].UntilOf(read.Column))))
            .Distinct().OrderBy(one => one.Name, StringComparer.Ordinal).ToList();
        if (ended.Count == 0) return null;
        return Judge(prepared, sql) with
        {
            Valid = false,
            Message = string.Join(" ", ended.Select(one => $"{one.Name} ended with osquery {one.Until}.")),
            Until = ended.Select(one => one.Until!).MinBy(Version.Parse),
        };
    }

    private SqlSandbox Open() => Open(_schema.ByName, table => table.CurrentColumns);

    private SqlSandbox Open(IEnumerable<KeyValuePair<string, OsqueryTable>> tables, Func<OsqueryTable, IEnumerable<string>> columns, IReadOnlyList<string>? except = null)
    {
        var sandbox = new SqlSandbox(_limits);
        foreach (var (name, table) in tables) sandbox.Declare(name, columns(table));
        foreach (var (name, table) in _extra)
        {
            if (except?.Contains(name) != true) sandbox.Declare(name, table.Columns);
        }

        return sandbox;
    }

    /// <summary>Its SELECT is checked, and what it selects becomes a table: no text of a configuration is part of what SQLite runs.</summary>
    private bool TryDeclareView(SqlSandbox sandbox, ExtraTable view)
    {
        if (Unreadable(view.Select) is not null) return false;
        var select = sandbox.Prepare(view.Select!, isView: true);
        return select.Message is null && TryDeclare(sandbox, view, select.Columns.Distinct(StringComparer.OrdinalIgnoreCase), TablesOf(select, view.Select!));
    }

    private bool TryDeclare(SqlSandbox sandbox, ExtraTable table, IEnumerable<string> columns, IReadOnlyList<string> behind)
    {
        var declared = new Declared([.. columns], table.Platforms, behind, table.IsExtension);
        if (declared.Columns.Count == 0 && table.IsExtension) declared = declared with { Columns = [Placeholder] };
        return sandbox.Declare(table.Name, declared.Columns) && _extra.TryAdd(table.Name, declared);
    }

    private List<string> TablesOf(SqlSandbox.Prepared prepared, string sql)
    {
        // Of the tables that are joined by USING, SQLite names only the first.
        var tables = prepared.Tables.Concat(SqlSyntax.JoinedNames(sql)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var name in tables.ToList()) tables.UnionWith(_extra.GetValueOrDefault(name)?.Behind ?? []);
        return [.. tables.Where(name => _schema.Ever.ContainsKey(name) || _extra.ContainsKey(name)).Select(name => name.ToLowerInvariant()).Order(StringComparer.Ordinal)];
    }

    private bool Has(string table, string platform) => (_extra.GetValueOrDefault(table)?.Platforms ?? _schema.Ever[table].Platforms).Split(' ').Contains(platform);

    private string Explain(string message)
    {
        const string NoTable = "no such table: ";
        if (!message.StartsWith(NoTable, StringComparison.Ordinal)) return message;
        return Nearest.To(message[NoTable.Length..], _schema.ByName.Keys) is { } near
            ? $"{message} in osquery {_schema.OsqueryVersion}; did you mean {near}?"
            : $"{message} in osquery {_schema.OsqueryVersion}; if an extension has it, name it under Options in the portal, or by PUT /api/extension-tables/{message[NoTable.Length..]}";
    }

    /// <param name="Columns">Their names.</param>
    /// <param name="Platforms">Separated by blanks.</param>
    /// <param name="Behind">The tables that a view reads.</param>
    /// <param name="IsExtension">Only agents with an extension have it.</param>
    private sealed record Declared(IReadOnlyList<string> Columns, string Platforms, IReadOnlyList<string> Behind, bool IsExtension);
}

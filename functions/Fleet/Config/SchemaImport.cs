using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>Makes the schema from osquery's own spec files (<c>specs/**/*.table</c>).</summary>
/// <remarks>A spec is a list of calls: <c>table_name("x", aliases=["y"])</c>, <c>schema([Column("a", TEXT, "…", hidden=True), …])</c>,
/// <c>extended_schema(WINDOWS, [Column(…)])</c>, <c>attributes(event_subscriber=True)</c>. Its folder says which platforms have the table.</remarks>
internal static partial class SchemaImport
{
    private static readonly Dictionary<string, string> s_folders = new(StringComparer.Ordinal)
    {
        [""] = "darwin linux windows",
        ["utility"] = "darwin linux windows",
        ["posix"] = "darwin linux",
        ["sleuthkit"] = "darwin linux",
        ["linwin"] = "linux windows",
        ["macwin"] = "darwin windows",
        ["darwin"] = "darwin",
        ["linux"] = "linux",
        ["windows"] = "windows",
    };

    private static readonly string[] s_flags = ["index", "required", "additional", "optimized", "hidden"];

    /// <exception cref="FormatException">A file is no spec, or lies in a folder of no known platform.</exception>
    public static OsquerySchema Read(string folder, string version)
    {
        var tables = new SortedDictionary<string, OsqueryTable>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder, "*.table", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var place = Path.GetRelativePath(folder, file).Replace('\\', '/');
            var kind = place.Contains('/', StringComparison.Ordinal) ? place[..place.IndexOf('/', StringComparison.Ordinal)] : "";
            if (!s_folders.TryGetValue(kind, out var platforms)) throw new FormatException($"{place}: no platform is known for the folder '{kind}'.");
            var (name, table) = ReadTable(place, File.ReadAllText(file), platforms);
            if (name != "example") tables[name] = table;
        }

        return tables.Count > 0 ? new(version, tables) : throw new FormatException($"{folder} holds no *.table files.");
    }

    /// <summary>A version's tables with what is known of those before: since when each table and column is there, and those that ended.</summary>
    public static OsquerySchema After(OsquerySchema before, OsquerySchema now)
    {
        if (before.OsqueryVersion == now.OsqueryVersion) before = before with { Tables = new(before.Tables.Where(table => table.Value.Until is not null || now.Tables.ContainsKey(table.Key)).ToDictionary(), StringComparer.Ordinal) };
        var tables = new SortedDictionary<string, OsqueryTable>(now.Tables, StringComparer.Ordinal);
        foreach (var (name, table) in now.Tables)
        {
            if (!before.Tables.TryGetValue(name, out var old)) tables[name] = table with { Since = now.OsqueryVersion };
            else tables[name] = table with { Since = old.Since, Columns = ColumnsAfter(old, table, before.OsqueryVersion, now.OsqueryVersion) };
        }

        foreach (var (name, old) in before.Tables.Where(table => !now.Tables.ContainsKey(table.Key))) tables[name] = old with { Until = old.Until ?? before.OsqueryVersion };
        return now with { Tables = tables };
    }

    private static Dictionary<string, string> ColumnsAfter(OsqueryTable before, OsqueryTable now, string oldVersion, string newVersion)
    {
        var columns = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, text) in now.Columns)
        {
            var since = before.Columns.ContainsKey(name) ? before.SinceOf(name) : newVersion;
            columns[name] = since is null ? text : $"{text} {OsqueryTable.SinceMark}{since}";
        }

        foreach (var (name, old) in before.Columns) columns.TryAdd(name, before.UntilOf(name) is null ? $"{old} {OsqueryTable.UntilMark}{oldVersion}" : old);
        return columns;
    }

    private static (string Name, OsqueryTable Table) ReadTable(string place, string text, string platforms)
    {
        text = Comment().Replace(text, "");
        var head = TableName().Match(text);
        if (!head.Success) throw new FormatException($"{place}: there is no table_name(…).");

        var columns = new Dictionary<string, string>(StringComparer.Ordinal);
        var some = "";
        foreach (Match token in Token().Matches(text))
        {
            if (token.Groups["extended"].Success) some = Platforms(token.Groups["extended"].Value);
            else if (token.Groups["schema"].Success) some = "";
            else if (token.Groups["column"].Success)
            {
                var rest = Arguments(text, token.Index + token.Length);
                var flags = s_flags.Where(flag => Regex.IsMatch(rest, $@"\b{flag}\s*=\s*True\b"));
                columns[token.Groups["column"].Value] = string.Join(' ', [token.Groups["type"].Value, .. flags, .. some.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
                foreach (var alias in Aliases(rest)) columns.TryAdd(alias, token.Groups["type"].Value + " hidden alias");
            }
        }

        return (head.Groups["name"].Value, new(
            platforms, columns, Evented().IsMatch(text), Aliases(head.Value).ToList() is { Count: > 0 } aliases ? string.Join(' ', aliases) : null));
    }

    private static string Platforms(string expression) => string.Join(' ', expression.Split('+', '|')
        .Select(platform => platform.Trim().ToUpperInvariant() switch
        {
            "WINDOWS" => "windows",
            "LINUX" => "linux",
            "DARWIN" => "darwin",
            "POSIX" => "darwin linux",
            "FREEBSD" => "",
            var other => throw new FormatException($"extended_schema names the unknown platform {other}."),
        })
        .SelectMany(names => names.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Distinct().Order(StringComparer.Ordinal));

    /// <summary>The text from here to the bracket that closes the call, strings passed over.</summary>
    private static string Arguments(string text, int start)
    {
        var depth = 1;
        var quoted = false;
        for (var i = start; i < text.Length; i++)
        {
            if (text[i] == '\\') i++;
            else if (text[i] == '"') quoted = !quoted;
            else if (!quoted && text[i] == '(') depth++;
            else if (!quoted && text[i] == ')' && --depth == 0) return text[start..i];
        }

        return text[start..];
    }

    private static IEnumerable<string> Aliases(string arguments) => AliasList().Match(arguments) is { Success: true } list
        ? Quoted().Matches(list.Groups["list"].Value).Select(name => name.Groups[1].Value)
        : [];

    [GeneratedRegex(@"^\s*#.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex("""table_name\(\s*"(?<name>\w+)"[^)]*\)""")]
    private static partial Regex TableName();

    [GeneratedRegex("""extended_schema\(\s*(?<extended>[A-Z +|]+?)\s*,|(?<schema>(?<!\w)schema\(\[)|\bColumn\(\s*"(?<column>\w+)"\s*,\s*(?<type>[A-Z_]+)""")]
    private static partial Regex Token();

    [GeneratedRegex(@"event_subscriber\s*=\s*True")]
    private static partial Regex Evented();

    [GeneratedRegex(@"aliases\s*=\s*\[(?<list>[^\]]*)\]")]
    private static partial Regex AliasList();

    [GeneratedRegex("\"(\\w+)\"")]
    private static partial Regex Quoted();
}

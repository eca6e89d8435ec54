using System.Collections.Frozen;
using SQLitePCL;

namespace Fleet.Config;

/// <summary>The functions and collations that osquery 5.23's SQL has: those of SQLite 3.42 as osquery builds it, which is without its mathematics, and osquery's own. They are only ever named, never run.</summary>
/// <remarks>Sources: osquery's <c>osquery/sql/sqlite_*.cpp</c>, and SQLite's list of built-in functions with the versions that brought them.</remarks>
internal static class SqlFunctions
{
    /// <summary>Any number of arguments.</summary>
    private const int Any = -1;

    private static readonly (string Name, int[] Arguments)[] s_own =
    [
        ("split", [3]), ("regex_split", [3]), ("regex_match", [3]), ("concat", [Any]), ("concat_ws", [Any]),
        ("inet_aton", [1]), ("in_cidr_block", [2]), ("community_id_v1", [Any]), ("community_id_v1_strict", [Any]), ("version_compare", [2, 3]),
        ("md5", [1]), ("sha1", [1]), ("sha256", [1]), ("to_base64", [1]), ("from_base64", [1]), ("conditional_to_base64", [1]),
        ("parent_directory", [1]), ("find_file_path_in_cmd", [Any]), ("is_path_deterministic", [Any]), ("sleep", [1]),
        ("sqrt", [1]), ("log", [1]), ("log10", [1]), ("exp", [1]), ("power", [2]), ("ceil", [1]), ("floor", [1]), ("pi", [0]), ("degrees", [1]), ("radians", [1]),
        ("sin", [1]), ("cos", [1]), ("tan", [1]), ("cot", [1]), ("asin", [1]), ("acos", [1]), ("atan", [1]),
    ];

    /// <summary>An aggregate: all files of a query are one carve.</summary>
    private const string Carve = "carve";

    /// <summary>Newer SQLite's, under names that osquery has too: with so many arguments they would be taken.</summary>
    private static readonly (string Name, int Arguments)[] s_newer = [("log", 2), ("iif", 2), ("iif", 4), ("iif", 5)];

    private static readonly FrozenSet<string> s_known = new[]
    {
        "abs", "changes", "char", "coalesce", "format", "glob", "hex", "ifnull", "iif", "instr", "last_insert_rowid", "length", "like", "likelihood", "likely", "lower", "ltrim", "match",
        "max", "min", "nullif", "printf", "quote", "random", "randomblob", "replace", "round", "rtrim", "sign", "sqlite_compileoption_get", "sqlite_compileoption_used", "sqlite_source_id",
        "sqlite_version", "substr", "substring", "total_changes", "trim", "typeof", "unhex", "unicode", "unlikely", "upper", "zeroblob",
        "date", "time", "datetime", "julianday", "unixepoch", "strftime", "current_date", "current_time", "current_timestamp",
        "avg", "count", "group_concat", "sum", "total",
        "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value", "nth_value",
        "json", "json_array", "json_array_length", "json_error_position", "json_extract", "->", "->>", "json_insert", "json_object", "json_patch", "json_quote", "json_remove", "json_replace",
        "json_set", "json_type", "json_valid", "json_group_array", "json_group_object",
    }.Concat(s_own.Select(function => function.Name)).Append(Carve).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly string[] s_collations = ["version", "version_arch", "version_dpkg", "version_rhel"];

    public static bool Has(string name) => s_known.Contains(name);

    public static void Register(sqlite3 database)
    {
        foreach (var (name, counts) in s_own)
        {
            foreach (var count in counts) raw.sqlite3_create_function(database, name, count, null, static (_, _, _) => { });
        }

        raw.sqlite3_create_function(database, Carve, 1, null, static (_, _, _) => { }, static (_, _) => { });
        foreach (var (name, count) in s_newer)
        {
            // Only what was made with just so many arguments can be taken away.
            raw.sqlite3_create_function(database, name, count, null, static (_, _, _) => { });
            raw.sqlite3_create_function(database, name, count, null, (delegate_function_scalar?)null);
        }

        foreach (var name in s_collations) raw.sqlite3_create_collation(database, name, null, static (_, a, b) => string.CompareOrdinal(a, b));
    }
}

using SQLitePCL;

namespace Fleet.Config;

/// <summary>Functions and collations that osquery's SQL has beyond the SQLite that checks it. They are only ever named, never run.</summary>
/// <remarks>Sources: osquery's "SQL additions" page, SQLite's extension functions that osquery links, and functions of newer SQLite versions.</remarks>
internal static class SqlFunctions
{
    private static readonly string[] s_functions =
    [
        // Strings, hashes, encodings and networks.
        "regexp", "concat", "concat_ws", "split", "regex_split", "regex_match", "inet_aton", "version_compare", "in_cidr_block",
        "sha1", "sha256", "md5", "ssdeep_compare", "community_id_v1", "community_id_v1_strict", "to_base64", "from_base64", "conditional_to_base64",
        "carve", "replicate", "charindex", "leftstr", "rightstr", "reverse", "proper", "padl", "padr", "padc", "strfilter", "difference",
        // Mathematics.
        "sqrt", "log", "log10", "log2", "ln", "exp", "ceil", "ceiling", "floor", "trunc", "power", "pow", "pi", "mod", "square", "sign",
        "sin", "cos", "tan", "cot", "coth", "asin", "acos", "atan", "atan2", "atn2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "radians", "degrees",
        // Newer SQLite.
        "format", "unixepoch", "timediff", "octet_length", "unhex", "json_error_position", "jsonb", "json_pretty", "if", "unistr",
    ];

    private static readonly string[] s_aggregates = ["stdev", "variance", "mode", "median", "lower_quartile", "upper_quartile", "string_agg", "percentile"];

    private static readonly string[] s_collations = ["version", "version_arch", "version_dpkg", "version_rhel"];

    public static void Register(sqlite3 database)
    {
        foreach (var name in s_functions) raw.sqlite3_create_function(database, name, -1, null, static (_, _, _) => { });
        foreach (var name in s_aggregates) raw.sqlite3_create_function(database, name, -1, null, static (_, _, _) => { }, static (_, _) => { });
        foreach (var name in s_collations) raw.sqlite3_create_collation(database, name, null, static (_, a, b) => string.CompareOrdinal(a, b));
    }
}

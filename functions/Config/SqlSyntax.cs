using System.Text;
using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>Writes what osquery's SQLite (3.4x) can parse so that the checking SQLite (3.35) can, with the same tables and columns.</summary>
/// <remarks><c>-></c> and <c>->></c> bind exactly as <c>||</c> does; RIGHT and FULL joins name what LEFT joins name.</remarks>
internal static partial class SqlSyntax
{
    public static string Downgrade(string sql)
    {
        if (!Newer().IsMatch(sql)) return sql;

        var plain = new StringBuilder(sql.Length);
        var at = 0;
        foreach (Match quoted in Quoted().Matches(sql))
        {
            plain.Append(Newer().Replace(sql[at..quoted.Index], Older)).Append(quoted.Value);
            at = quoted.Index + quoted.Length;
        }

        return plain.Append(Newer().Replace(sql[at..], Older)).ToString();
    }

    /// <summary>The names behind JOIN.</summary>
    public static IEnumerable<string> JoinedNames(string sql) => Joined().Matches(Quoted().Replace(sql, quoted => quoted.Value[0] is '"' or '`' or '[' ? quoted.Value : " "))
        .Select(match => match.Groups["name"].Value);

    private static string Older(Match newer) => newer.Value[0] == '-' ? "||" : "LEFT JOIN";

    [GeneratedRegex(@"->>?|\b(RIGHT|FULL)\s+(OUTER\s+)?JOIN\b", RegexOptions.IgnoreCase)]
    private static partial Regex Newer();

    [GeneratedRegex("""\bJOIN\s+["`\[]?(?<name>\w+)""", RegexOptions.IgnoreCase)]
    private static partial Regex Joined();

    /// <summary>Strings, quoted names and comments.</summary>
    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*[\s\S]*?\*/""")]
    private static partial Regex Quoted();
}

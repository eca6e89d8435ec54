using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>What can be told of a statement by its text alone.</summary>
internal static partial class SqlSyntax
{
    /// <summary>The names behind JOIN.</summary>
    public static IEnumerable<string> JoinedNames(string sql) => Joined().Matches(Quoted().Replace(sql, quoted => quoted.Value[0] is '"' or '`' or '[' ? quoted.Value : " "))
        .Select(match => match.Groups["name"].Value);

    [GeneratedRegex("""\bJOIN\s+["`\[]?(?<name>\w+)""", RegexOptions.IgnoreCase)]
    private static partial Regex Joined();

    /// <summary>Strings, quoted names and comments.</summary>
    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*[\s\S]*?\*/""")]
    private static partial Regex Quoted();
}

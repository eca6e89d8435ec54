using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>What can be told of a statement by its text alone.</summary>
internal static partial class SqlSyntax
{
    /// <summary>The names behind JOIN.</summary>
    public static IEnumerable<string> JoinedNames(string sql) => Joined().Matches(Quoted().Replace(sql, quoted => quoted.Value[0] is '"' or '`' or '[' ? quoted.Value : " "))
        .Select(match => match.Groups["name"].Value);

    /// <summary>The words outside of texts and comments, in any case.</summary>
    public static IReadOnlySet<string> Words(string sql) => Word().Matches(Quoted().Replace(sql, quoted => quoted.Value[0] is '"' or '`' or '[' ? quoted.Value : " ")).Select(word => word.Value).ToHashSet(StringComparer.OrdinalIgnoreCase);

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex("""\bJOIN\s+["`\[]?(?<name>\w+)""", RegexOptions.IgnoreCase)]
    private static partial Regex Joined();

    /// <summary>Strings, quoted names and comments.</summary>
    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*[\s\S]*?\*/""")]
    private static partial Regex Quoted();
}

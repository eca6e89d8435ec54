using System.Text.RegularExpressions;

namespace Fleet.Alerts;

/// <summary>Texts with placeholders, as Doorman has them: <c>$name</c> or <c>${name}</c>; <c>$$</c> is a dollar sign, and what is not known stays as it is.</summary>
internal static partial class Template
{
    public static string Fill(string text, Func<string, string?> valueOf) => text.Contains('$', StringComparison.Ordinal)
        ? Placeholder().Replace(text, match => match.Value == "$$" ? "$" : valueOf(match.Groups[1].Success ? match.Groups[1].Value : match.Groups[2].Value) ?? match.Value)
        : text;

    [GeneratedRegex(@"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)", RegexOptions.CultureInvariant)]
    private static partial Regex Placeholder();
}

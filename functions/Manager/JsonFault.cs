using System.Text.Json;
using System.Text.RegularExpressions;

namespace Fleet.Manager;

/// <summary>The serializer's words, without its types' names.</summary>
internal static partial class JsonFault
{
    public static string Explain(JsonException fault)
    {
        if (Unknown().Match(fault.Message) is { Success: true } unknown) return $"There is no member '{unknown.Groups[1].Value}' here.";
        if (Missing().Match(fault.Message) is { Success: true } missing) return $"Missing: {missing.Groups[1].Value.TrimEnd('.')}.";
        if (Duplicate().Match(fault.Message) is { Success: true } duplicate) return $"The member '{duplicate.Groups[1].Value}' comes twice.";
        return fault.Path is { Length: > 1 } path && fault.Message.Contains("could not be converted", StringComparison.Ordinal)
            ? $"The value at {path} is of the wrong type."
            : fault.Message;
    }

    [GeneratedRegex("JSON property '([^']*)' could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex("missing required properties including: (.*)$")]
    private static partial Regex Missing();

    [GeneratedRegex("Duplicate property '([^']*)'")]
    private static partial Regex Duplicate();
}

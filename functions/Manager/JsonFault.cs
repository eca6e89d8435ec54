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

    /// <summary>ASP.NET's words, without the advice that it has for programmers.</summary>
    public static string Explain(BadHttpRequestException fault)
    {
        if (fault.Message.Contains("no body was provided", StringComparison.Ordinal)) return "A body is missing: send JSON; {} where nothing is to be said.";
        return Required().Match(fault.Message) is { Success: true } required ? $"The parameter '{required.Groups[1].Value}' is missing." : fault.Message;
    }

    [GeneratedRegex("Required parameter \"[^\" ]+ ([^\"]+)\" was not provided")]
    private static partial Regex Required();

    [GeneratedRegex("JSON property '([^']*)' could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex("missing required properties including: (.*)$")]
    private static partial Regex Missing();

    [GeneratedRegex("Duplicate property '([^']*)'")]
    private static partial Regex Duplicate();
}

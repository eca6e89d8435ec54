using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>The serializer's words, without its types' names.</summary>
internal static partial class JsonFault
{
    public static string Explain(JsonException fault)
    {
        if (Unknown().Match(fault.Message) is { Success: true } unknown) return $"There is no member '{unknown.Groups[1].Value}' here.{Hint(unknown.Groups[1].Value, unknown.Groups[2].Value)}";
        if (Missing().Match(fault.Message) is { Success: true } missing) return $"{(fault.Path is { Length: > 1 } at ? at + ": " : "")}Missing: {missing.Groups[1].Value.TrimEnd('.')}.";
        if (Duplicate().Match(fault.Message) is { Success: true } duplicate) return $"The member '{duplicate.Groups[1].Value}' comes twice.";
        if (Null().Match(fault.Message) is { Success: true } isNull) return $"The member '{JsonNamingPolicy.CamelCase.ConvertName(isNull.Groups[1].Value)}' is not null.";
        if (fault.Message.Contains("could not be converted", StringComparison.Ordinal)) return fault.Path is { Length: > 1 } wrong ? $"The value at {wrong} is of the wrong type." : "The body is a JSON object.";
        return fault.Path is { Length: > 1 } path && !fault.Message.Contains(path, StringComparison.Ordinal) ? $"{path}: {fault.Message}" : fault.Message;
    }

    /// <summary>The member that was probably meant, or all there are.</summary>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The serializer's context names the type.")]
    private static string Hint(string name, string type)
    {
        if (typeof(JsonFault).Assembly.GetType(type) is not { } known || ManagerJson.Strict.GetTypeInfo(known) is not { } info) return "";
        var names = info.Properties.Where(property => property.Set is not null || property.AssociatedParameter is not null).Select(property => property.Name).ToList();
        return Nearest.To(name, names) is { } near ? $" Did you mean '{near}'?" : $" There are: {string.Join(", ", names)}.";
    }

    /// <summary>ASP.NET's words, without the advice that it has for programmers.</summary>
    public static string Explain(BadHttpRequestException fault)
    {
        if (fault.Message.Contains("no body was provided", StringComparison.Ordinal) || fault.Message.Contains("not provided from body", StringComparison.Ordinal)) return "A body is missing: send JSON; {} where nothing is to be said.";
        return Required().Match(fault.Message) is { Success: true } required ? $"The parameter '{required.Groups[1].Value}' is missing." : fault.Message;
    }

    [GeneratedRegex("Required parameter \"[^\" ]+ ([^\"]+)\" was not provided")]
    private static partial Regex Required();

    [GeneratedRegex("JSON property '([^']*)' could not be mapped to any .NET member contained in type '([^']*)'")]
    private static partial Regex Unknown();

    [GeneratedRegex("'([^']*)' on type '[^']*' doesn't allow")]
    private static partial Regex Null();

    [GeneratedRegex("missing required properties including: (.*)$")]
    private static partial Regex Missing();

    [GeneratedRegex("Duplicate property '([^']*)'")]
    private static partial Regex Duplicate();
}

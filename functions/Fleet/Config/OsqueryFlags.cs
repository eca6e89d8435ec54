using System.Collections.Frozen;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>osquery's flags, and which of them a configuration's <c>options</c> can set.</summary>
internal static class OsqueryFlags
{
    private const string CommandLineOnly = "cli";
    private const string CustomPrefix = "custom_";

    /// <summary>What gflags reads as a boolean, in any case.</summary>
    private static readonly string[] s_booleans = ["1", "t", "true", "y", "yes", "0", "f", "false", "n", "no"];

    /// <summary>Name to type and, for those that only the command line sets, <c>cli</c>: <c>uint64</c>, <c>string cli</c>.</summary>
    private static readonly Lazy<FrozenDictionary<string, string>> s_flags = new(Read);

    /// <summary>The flags that a configuration can set.</summary>
    public static IEnumerable<string> Options => s_flags.Value.Where(flag => !IsCommandLineOnly(flag.Value)).Select(flag => flag.Key);

    /// <summary>What to say of an option that osquery ignores; null if it takes it.</summary>
    public static string? NoteOn(string name, JsonNode? value)
    {
        var text = value is null ? "" : value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
        if (text.Length == 0) return "The option has no value, and osquery skips it: no flag can be made empty this way.";
        if (name.StartsWith(CustomPrefix, StringComparison.Ordinal)) return null;
        if (!s_flags.Value.TryGetValue(name, out var flag))
        {
            return Nearest.To(name, Options) is { } near
                ? $"osquery has no option '{name}' and ignores it; did you mean '{near}'?"
                : $"osquery has no option '{name}' and ignores it. Options of your own begin with 'custom_'.";
        }

        if (name == "host_identifier") return "Agents that were started with another host identifier change their name in their lines, and may come back as other nodes. Set it in their flags file instead.";
        if (IsCommandLineOnly(flag)) return $"osquery takes '{name}' from its command line or flags file only, and ignores it here.";
        return IsOfType(text, flag) ? null : $"This is {Named(flag)}, and osquery ignores '{text}'.";
    }

    private static bool IsCommandLineOnly(string flag) => flag.EndsWith(" " + CommandLineOnly, StringComparison.Ordinal);

    /// <summary>As gflags reads it: all of the text, and hexadecimal numbers too.</summary>
    private static bool IsOfType(string text, string type) => type switch
    {
        not ("bool" or "string") when text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) => ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _),
        "bool" => s_booleans.Contains(text, StringComparer.OrdinalIgnoreCase),
        "int32" => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
        "uint32" => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _),
        "uint64" => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _),
        _ => true,
    };

    private static string Named(string type) => type switch
    {
        "bool" => "true or false",
        "int32" => "a whole number",
        _ => "a whole number of 0 or more",
    };

    private static FrozenDictionary<string, string> Read()
    {
        using var file = typeof(OsqueryFlags).Assembly.GetManifestResourceStream("osquery-flags.json")!;
        return JsonSerializer.Deserialize(file, FlagsJson.Default.DictionaryStringString)!.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class FlagsJson : JsonSerializerContext;

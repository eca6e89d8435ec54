using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>Names of queries, packs and the like.</summary>
internal static class Names
{
    private static readonly string[] s_droppedPrefixes = ["query.", "cache.", "config_views."];
    private static readonly string[] s_droppedEndings = ["epoch", "counter"];

    /// <summary>Why nothing can be called this, or null.</summary>
    public static string? Fault(string name, Limits limits) =>
        string.IsNullOrWhiteSpace(name) ? "A name must not be blank."
        : name.Length > limits.NameCharacters || KeyText.Of(name).Length > 500 ? $"The name is too long; at most {limits.NameCharacters} characters fit."
        : name.Any(char.IsControl) ? "A name must not hold control characters."
        : null;

    /// <summary>Why a query cannot be called this, or null: osquery drops some names without a word.</summary>
    public static string? QueryFault(string name, Limits limits)
    {
        if (Fault(name, limits) is { } fault) return fault;
        if (s_droppedPrefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
        {
            return $"osquery skips queries whose name begins with '{prefix}'.";
        }

        return s_droppedEndings.FirstOrDefault(ending => name.EndsWith(ending, StringComparison.Ordinal)) is { } ending
            ? $"osquery skips queries whose name ends with '{ending}'."
            : null;
    }

    /// <summary>Why a pack cannot be called this, or null.</summary>
    public static string? PackFault(string name, Limits limits) => Fault(name, limits) ?? name switch
    {
        "main" => "A pack called 'main' would replace osquery's schedule.",
        "*" => "'*' holds several packs in osquery's files; give each a name of its own.",
        _ => null,
    };
}

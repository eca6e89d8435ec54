namespace Fleet.Kernel;

/// <summary>The <c>platform</c> of a query or pack, as osquery reads it: it looks for its own platform's name anywhere in the text, in lower case.</summary>
internal static class PlatformFilter
{
    /// <summary>Every platform that osquery is built for here.</summary>
    public static IReadOnlyList<string> Platforms { get; } = ["darwin", "linux", "windows"];

    private static readonly string[] s_everywhere = ["any", "all"];
    private static readonly string[] s_linux = ["linux", "ubuntu", "centos"];
    private static readonly string[] s_words = ["darwin", "linux", "windows", "posix", "all", "any", "freebsd", "ubuntu", "centos"];

    /// <summary>What people write for platforms that osquery calls otherwise.</summary>
    private static readonly Dictionary<string, string> s_otherWords = new(StringComparer.OrdinalIgnoreCase)
    {
        ["macos"] = "darwin", ["osx"] = "darwin", ["mac"] = "darwin", ["apple"] = "darwin", ["os x"] = "darwin", ["win"] = "windows", ["win32"] = "windows", ["win64"] = "windows",
        ["redhat"] = "linux", ["rhel"] = "linux", ["debian"] = "linux", ["fedora"] = "linux", ["suse"] = "linux", ["amazon"] = "linux", ["arch"] = "linux", ["unix"] = "posix",
    };

    /// <summary>Whether agents of a platform (<c>darwin</c>, <c>linux</c>, <c>windows</c>, …) run what has this filter.</summary>
    public static bool Includes(string? filter, string platform) =>
        string.IsNullOrEmpty(filter) || filter == "null" || Has(filter, s_everywhere)
        || (platform == "linux" && Has(filter, s_linux))
        || (platform is "linux" or "darwin" or "freebsd" && filter.Contains("posix", StringComparison.Ordinal))
        || (platform.Length > 0 && filter.Contains(platform, StringComparison.Ordinal));

    /// <summary>What to say of a filter with words that no agent understands; null if there are none.</summary>
    public static string? NoteOn(string? filter)
    {
        if (string.IsNullOrWhiteSpace(filter) || filter == "null") return null;
        var unknown = filter.Split([',', ';', '|', ' '], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Where(word => !Has(word, s_words)).ToList();
        if (unknown.Count == 0) return null;
        var effect = Platforms.Any(platform => Includes(filter, platform)) ? "osquery ignores" : "No agent runs this: osquery does not know";
        return $"{effect} {string.Join(" and ", unknown.Select(Quote))}. It knows darwin, linux, windows, posix and all.";
    }

    private static string Quote(string word) =>
        (s_otherWords.GetValueOrDefault(word) ?? Nearest.To(word, s_words)) is { } known ? $"'{word}' (did you mean '{known}'?)" : $"'{word}'";

    private static bool Has(string filter, string[] words) => words.Any(word => filter.Contains(word, StringComparison.Ordinal));
}

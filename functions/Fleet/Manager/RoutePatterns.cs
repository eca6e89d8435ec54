using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>What a token is good for: a path such as <c>/api/nodes*</c>, with a method before it or none. <c>*</c> stands for anything.</summary>
internal static class RoutePatterns
{
    /// <summary>What is wrong with a pattern, or null.</summary>
    public static string? Fault(string pattern)
    {
        var (method, path) = Split(pattern);
        if (method is not ("*" or "GET" or "POST" or "PUT" or "PATCH" or "DELETE")) return $"'{method}' is no method: GET, POST, PUT, PATCH or DELETE, or none for all.";
        return path.StartsWith("/api/", StringComparison.Ordinal) && path.Length <= 300 && !path.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) ? null : $"'{path}' is no path such as /api/nodes*.";
    }

    public static bool Matches(string pattern, string method, string path)
    {
        var (wanted, glob) = Split(pattern);

        // HEAD is GET without a body.
        if (wanted != "*" && !string.Equals(wanted, HttpMethods.IsHead(method) ? "GET" : method, StringComparison.OrdinalIgnoreCase)) return false;
        return Glob.Matches(glob, '*', path);
    }

    private static (string Method, string Path) Split(string pattern) => pattern.Split(' ', 2, StringSplitOptions.TrimEntries) is [var method, var path] ? (method, path) : ("*", pattern.Trim());
}

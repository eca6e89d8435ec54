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
        var parts = glob.Split('*');
        if (parts.Length == 1) return string.Equals(path, glob, StringComparison.OrdinalIgnoreCase);
        if (!path.StartsWith(parts[0], StringComparison.OrdinalIgnoreCase)) return false;
        var at = parts[0].Length;
        foreach (var part in parts[1..^1])
        {
            var found = path.IndexOf(part, at, StringComparison.OrdinalIgnoreCase);
            if (found < 0) return false;
            at = found + part.Length;
        }

        return path.Length - at >= parts[^1].Length && path.EndsWith(parts[^1], StringComparison.OrdinalIgnoreCase);
    }

    private static (string Method, string Path) Split(string pattern) => pattern.Split(' ', 2, StringSplitOptions.TrimEntries) is [var method, var path] ? (method, path) : ("*", pattern.Trim());
}

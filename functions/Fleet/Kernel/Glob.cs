namespace Fleet.Kernel;

/// <summary>Patterns with a wildcard that stands for anything, nothing included; upper and lower case are one.</summary>
internal static class Glob
{
    public static bool Matches(string pattern, char wildcard, string text)
    {
        var parts = pattern.Split(wildcard);
        if (parts.Length == 1) return text.Equals(pattern, StringComparison.OrdinalIgnoreCase);
        if (!text.StartsWith(parts[0], StringComparison.OrdinalIgnoreCase)) return false;
        var at = parts[0].Length;
        foreach (var part in parts[1..^1])
        {
            var found = text.IndexOf(part, at, StringComparison.OrdinalIgnoreCase);
            if (found < 0) return false;
            at = found + part.Length;
        }

        return text.Length - at >= parts[^1].Length && text.EndsWith(parts[^1], StringComparison.OrdinalIgnoreCase);
    }
}

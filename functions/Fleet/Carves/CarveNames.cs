using System.Text;

namespace Fleet.Carves;

/// <summary>Names in a carve's tar, made safe: a machine that was taken over may have chosen them.</summary>
internal static class CarveNames
{
    /// <summary>A relative path without <c>..</c>, drives and control characters. osquery's own folder is taken off: <c>TMP/osquery_carve_GUID/PATH</c>.</summary>
    public static string Safe(string name)
    {
        const string Own = "osquery_carve_";
        var parts = name.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").ToList();
        var own = parts.FindIndex(part => part.StartsWith(Own, StringComparison.Ordinal));
        var rest = own >= 0 && own < parts.Count - 1 ? parts.Skip(own + 1) : parts;
        var path = string.Join('/', rest.Select(part => part == ".." ? "_" : Plain(part)));
        return path.Length > 0 ? path : "_";
    }

    private static string Plain(string part)
    {
        var plain = new StringBuilder(part.Length);
        foreach (var c in part) plain.Append(char.IsControl(c) || c is ':' or '*' or '?' or '"' or '<' or '>' or '|' || char.IsSurrogate(c) || c is >= '\u202A' and <= '\u202E' ? '_' : c);
        return plain.ToString();
    }
}

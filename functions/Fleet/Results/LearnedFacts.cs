using System.Text;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Results;

/// <summary>Keeps what is known of a node fresh by rows of <c>system_info</c>, <c>os_version</c> and <c>osquery_info</c>, whatever query brings them: tables are known by columns that only they have together.</summary>
internal static class LearnedFacts
{
    private static readonly string[] s_hardware = ["hardware_vendor", "hardware_model", "hardware_serial", "cpu_brand", "computer_name"];
    private static readonly string[] s_system = ["codename", "platform_like", "major", "build"];
    private static readonly string[] s_agent = ["config_hash", "build_platform", "config_valid", "extensions"];

    private const int MostVersion = 40;

    /// <summary>The node as the rows tell it; the same object if they say nothing new.</summary>
    public static Node Learn(Node node, IEnumerable<ResultRow> rows)
    {
        foreach (var row in rows.Where(row => row.Action != "removed"))
        {
            if (Text(row, "hostname") is { } host && Has(row, s_hardware) && node.Info.GetValueOrDefault("hostname") != host) node = node with { Info = new Dictionary<string, string>(node.Info) { ["hostname"] = host } };
            if (Text(row, "version") is not { } version) continue;
            if (Has(row, s_agent) && version != node.OsqueryVersion) node = node with { OsqueryVersion = version };
            else if (Text(row, "platform") is { } platform && Has(row, s_system) && HostDetails.FamilyOf(platform) is var family && family != node.Platform) node = node with { Platform = family };
        }

        return node;
    }

    /// <summary>The osquery version that a batch of status lines is of, if it is newer than what is known: lines that waited through an upgrade say the old one.</summary>
    /// <param name="lines">As agents write them: each line's own version stands before its decorations.</param>
    /// <param name="known">Empty if nothing is known.</param>
    public static string? NewerVersion(ReadOnlySpan<byte> lines, string known)
    {
        var at = lines.IndexOf("\"version\":\""u8);
        if (at < 0) return null;
        var rest = lines[(at + 11)..];
        var length = rest.IndexOf((byte)'"');
        if (length is <= 0 or > MostVersion) return null;
        var text = Encoding.UTF8.GetString(rest[..length]);
        return Version.TryParse(text, out var said) && (known.Length == 0 || (Version.TryParse(known, out var before) && said > before)) ? text : null;
    }

    private static string? Text(ResultRow row, string column) => row.Column(column) is { Length: > 0 and <= Limits.InfoCharacters } text ? text : null;

    private static bool Has(ResultRow row, string[] any) => Array.Exists(any, column => row.Column(column) is not null);
}

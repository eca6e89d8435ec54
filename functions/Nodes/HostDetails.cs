using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>What an enrolling agent says of its machine. Any of it may be missing; all values are text.</summary>
/// <param name="Json">The object as it came, or null.</param>
internal sealed record HostDetails(string Platform, string OsqueryVersion, string InstanceId, byte[]? Json)
{
    public static HostDetails Unknown { get; } = new("", "", "", null);

    /// <summary>Reads <c>host_details</c>; of duplicate members the first counts.</summary>
    /// <param name="json">The object's repaired UTF-8, or empty.</param>
    /// <param name="platformType">The agent's decimal bitmask: POSIX 1, Windows 2, BSD 4, Linux 8, macOS 16.</param>
    public static HostDetails Read(ReadOnlyMemory<byte> json, string? platformType)
    {
        string version = "", instance = "", platform = "";
        if (!json.IsEmpty)
        {
            var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
            var table = "";
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                var name = JsonText.String(ref reader);
                var depth = reader.CurrentDepth;
                reader.Read();
                if (depth == 1) table = name;
                if (depth != 2 || reader.TokenType != JsonTokenType.String) continue;
                var value = JsonText.String(ref reader);
                if ((table, name) == ("osquery_info", "version") && version == "") version = value;
                else if ((table, name) == ("osquery_info", "instance_id") && instance == "") instance = value;
                else if ((table, name) == ("os_version", "platform") && platform == "") platform = value;
            }
        }

        return new(Family(platformType, platform), version, instance, json.IsEmpty ? null : json.ToArray());
    }

    private static string Family(string? platformType, string platform)
    {
        _ = int.TryParse(platformType, out var mask);
        if ((mask & 16) != 0) return "darwin";
        if ((mask & 8) != 0) return "linux";
        if ((mask & 4) != 0) return "freebsd";
        if ((mask & 2) != 0) return "windows";
        return platform switch { "darwin" or "windows" or "freebsd" or "" => platform, _ => "linux" };
    }
}

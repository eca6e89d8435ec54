using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>What an enrolling agent says of its machine. Any of it may be missing; all values are text.</summary>
/// <param name="HardwareUuid">Of the board; empty where it is one that many boards have.</param>
/// <param name="Info">Columns of <c>system_info</c> that describe the machine.</param>
/// <param name="Json">The object as it came, or null.</param>
internal sealed record HostDetails(string Platform, string OsqueryVersion, string InstanceId, string HardwareUuid, IReadOnlyDictionary<string, string> Info, byte[]? Json)
{
    private static readonly string[] s_info = ["hostname", "computer_name", "hardware_vendor", "hardware_model", "hardware_serial", "cpu_brand", "cpu_physical_cores", "physical_memory"];

    /// <summary>UUIDs that makers leave in boards by the thousand; osquery passes them on.</summary>
    private static readonly string[] s_placeholders =
        ["03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009", "03020100-0504-0706-0809-0a0b0c0d0e0f", "10000000-0000-8000-0040-000000000000", "12345678-1234-5678-90ab-cddeefaabbcc"];

    public static HostDetails Unknown { get; } = new("", "", "", "", new Dictionary<string, string>(), null);

    /// <summary>What a machine is known by when its agent is installed anew. The UUID alone is not enough: clones share it, under other names.</summary>
    public string? Hardware => HardwareUuid.Length == 0 ? null : $"{HardwareUuid}\n{Info.GetValueOrDefault("hardware_serial")}\n{Info.GetValueOrDefault("hostname")}".ToLowerInvariant();

    /// <summary>What a node's agent said of its machine when it enrolled last.</summary>
    public static HostDetails Of(Node node) => node.HostDetails is { } json ? Read(json, platformType: null) : Unknown;

    /// <summary>Whether both may be said of one machine: their hardware does not differ.</summary>
    public bool MayBe(HostDetails other) => HardwareUuid.Length == 0 || other.HardwareUuid.Length == 0 || string.Equals(HardwareUuid, other.HardwareUuid, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads <c>host_details</c>; of duplicate members the first counts.</summary>
    /// <param name="json">The object's repaired UTF-8, or empty.</param>
    /// <param name="platformType">The agent's decimal bitmask: POSIX 1, Windows 2, BSD 4, Linux 8, macOS 16.</param>
    public static HostDetails Read(ReadOnlyMemory<byte> json, string? platformType)
    {
        string version = "", instance = "", platform = "", uuid = "";
        var info = new Dictionary<string, string>(StringComparer.Ordinal);
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
                if (table == "system_info" && value.Trim() is { Length: > 0 and <= Limits.InfoCharacters } text && s_info.Contains(name)) info.TryAdd(name, text);
                if ((table, name) == ("osquery_info", "version") && version == "") version = value;
                else if ((table, name) == ("osquery_info", "instance_id") && instance == "") instance = value;
                else if ((table, name) == ("os_version", "platform") && platform == "") platform = value;
                else if ((table, name) == ("system_info", "uuid") && uuid == "") uuid = value.Trim();
            }
        }

        return new(Family(platformType, platform), version, instance, IsPlaceholder(uuid) ? "" : uuid, info, json.IsEmpty ? null : json.ToArray());
    }

    private static bool IsPlaceholder(string uuid) =>
        s_placeholders.Contains(uuid, StringComparer.OrdinalIgnoreCase) || uuid.Where(char.IsAsciiHexDigit).Select(char.ToLowerInvariant).Distinct().Count() < 3;

    private static string Family(string? platformType, string platform)
    {
        _ = int.TryParse(platformType, out var mask);
        if ((mask & 16) != 0) return "darwin";
        if ((mask & 8) != 0) return "linux";
        if ((mask & 4) != 0) return "freebsd";
        if ((mask & 2) != 0) return "windows";
        return FamilyOf(platform);
    }

    /// <summary>What <c>os_version</c> calls a distribution, as the name of the platform.</summary>
    public static string FamilyOf(string platform) => platform switch { "darwin" or "windows" or "freebsd" or "" => platform, _ => "linux" };
}

using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Nodes;

/// <summary>What a node is asked of which nothing is known but its certificate: an agent that never enrolls never says what it is.</summary>
internal static class DetailsQuestion
{
    /// <summary>The query's id: no campaign has one like it.</summary>
    public const string Id = "fleet_host_details";

    public const string Sql =
        "SELECT s.hostname, s.uuid, s.computer_name, s.hardware_vendor, s.hardware_model, s.hardware_serial, s.cpu_brand, s.cpu_physical_cores, s.physical_memory, " +
        "o.name AS os_name, o.version AS os_version, o.platform AS os_platform, i.version AS osquery_version, i.instance_id FROM system_info s, os_version o, osquery_info i";

    /// <summary>The answer in the shape that enrolling agents send; null if it is none.</summary>
    /// <param name="row">The answer's first row.</param>
    public static HostDetails? Read(IReadOnlyDictionary<string, string> row)
    {
        if (!row.ContainsKey("hostname") && !row.ContainsKey("osquery_version")) return null;
        var system = new JsonObject();
        foreach (var (name, value) in row.Where(one => one.Key is not ("os_name" or "os_version" or "os_platform" or "osquery_version" or "instance_id") && one.Value.Length <= Kernel.Limits.InfoCharacters)) system[name] = value;
        var details = new JsonObject
        {
            ["system_info"] = system,
            ["os_version"] = new JsonObject { ["name"] = row.GetValueOrDefault("os_name"), ["version"] = row.GetValueOrDefault("os_version"), ["platform"] = row.GetValueOrDefault("os_platform") },
            ["osquery_info"] = new JsonObject { ["version"] = row.GetValueOrDefault("osquery_version"), ["instance_id"] = row.GetValueOrDefault("instance_id") },
        };
        return HostDetails.Read(JsonSerializer.SerializeToUtf8Bytes(details, DetailsJson.Default.JsonObject), platformType: null);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonObject))]
internal sealed partial class DetailsJson : System.Text.Json.Serialization.JsonSerializerContext;

using Microsoft.Extensions.Configuration;

namespace Fleet.Functions;

/// <summary>Functions that must not be switched off: the host answers their calls with nothing then, agents take that for success, and delete their logs.</summary>
internal static class DisabledFunctions
{
    public static IReadOnlyList<string> OfAgents { get; } =
    [
        "AgentFleet", "AgentFleetV1", "AgentV1", "CarveContinue", "CarveStart", "Config", "DistributedRead", "DistributedWrite", "Enroll", "Log", "Unknown",
    ];

    public static void Warn(IConfiguration configuration, ILogger log)
    {
        var off = OfAgents.Where(name => IsOn(configuration[$"AzureWebJobs.{name}.Disabled"]) || IsOn(configuration[$"AzureWebJobs:{name}:Disabled"])).ToList();
        if (off.Count == 0) return;
        log.LogError(
            "Agents lose their logs: the host answers them with nothing while {Functions} are switched off. Remove the settings AzureWebJobs.NAME.Disabled; to switch agents off, set Fleet__Agents__Enabled to false",
            string.Join(", ", off));
    }

    private static bool IsOn(string? setting) => setting is "1" || (bool.TryParse(setting, out var isOn) && isOn);
}

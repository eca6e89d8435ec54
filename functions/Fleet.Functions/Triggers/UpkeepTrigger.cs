using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>What goes on by itself, once a minute.</summary>
public sealed class UpkeepTrigger(FleetApp fleet)
{
    [Function("Upkeep")]
    public Task Upkeep([TimerTrigger("%UpkeepSchedule%", UseMonitor = true)] TimerInfo timer) => fleet.RunDueAsync();
}

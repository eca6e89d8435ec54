using System.Text.Json;
using Fleet.Agents;
using Fleet.Bus;
using Fleet.Hosting;
using Fleet.Tests.Support;

namespace Fleet.Tests.Architecture;

/// <summary>Every place where data enters or wakes something is an <c>X.function.json</c> beside the <c>X.cs</c> that serves it.</summary>
public sealed class DoorTests
{
    /// <summary>Paths of other systems, which one file knows.</summary>
    private static readonly string[] s_aliases = ["AgentV1", "AgentFleet", "AgentFleetV1"];

    private static readonly Dictionary<string, (string Path, JsonElement Trigger)> s_doors = Directory
        .EnumerateFiles(Path.Combine(SharedData.Root, "functions"), "*.function.json", SearchOption.AllDirectories)
        .Where(path => !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal))
        .ToDictionary(path => Path.GetFileName(path).Replace(".function.json", "", StringComparison.Ordinal), path => (path, Trigger(path)));

    [Fact]
    public void Each_lies_beside_the_file_that_serves_it() => Assert.Empty(s_doors
        .Where(door => !File.Exists(Path.Combine(Path.GetDirectoryName(door.Value.Path)!, (s_aliases.Contains(door.Key) ? "AgentPaths" : door.Key) + ".cs"))).Select(door => door.Value.Path));

    [Fact]
    public void Each_agents_route_leads_to_its_call()
    {
        var routes = s_doors.Where(door => Path.GetFileName(Path.GetDirectoryName(door.Value.Path)) == "Agents").ToDictionary(door => door.Key, door => door.Value.Trigger.GetProperty("route").GetString()!);
        foreach (var (name, route) in routes)
        {
            var path = "/" + route.Replace("{*call}", "log", StringComparison.Ordinal);
            Assert.True(AgentPaths.CallOf(path, out _) is { } call && (s_aliases.Contains(name) || call == route), $"{name}: {route}");
        }

        string[] calls = ["enroll", "config", "log", "distributed/read", "distributed/write", "carve/start", "carve/continue"];
        Assert.Equal(calls.Order(), routes.Where(route => !s_aliases.Contains(route.Key)).Select(route => route.Value).Order());
    }

    [Fact]
    public void Each_queue_has_its_trigger_and_no_catch_all_takes_a_POST_at_the_root()
    {
        Assert.Equal(Triggers.Queues.Keys.Order(), s_doors.Where(door => door.Value.Trigger.GetProperty("type").GetString() == "serviceBusTrigger").Select(door => door.Key).Order());
        Assert.Equal(Addresses.Queues.Order(), Triggers.Queues.Values.Order());
        var open = s_doors.Where(door => door.Value.Trigger.TryGetProperty("route", out var route) && route.GetString()!.StartsWith('{')).ToList();
        Assert.All(open, door => Assert.Equal(["get", "head"], door.Value.Trigger.GetProperty("methods").EnumerateArray().Select(method => method.GetString())));
    }

    private static JsonElement Trigger(string path)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(path));
        return json.RootElement.GetProperty("bindings").EnumerateArray().First(binding => binding.GetProperty("type").GetString()!.EndsWith("Trigger", StringComparison.Ordinal)).Clone();
    }
}

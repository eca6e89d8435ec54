using Fleet.Agents;
using Fleet.Bus;
using Fleet.Functions;
using Fleet.Functions.ServiceBus;
using Fleet.Tests.Support;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Tests.Architecture;

/// <summary>Every place where Azure wakes the program is a function of Fleet.Functions.</summary>
public sealed class FunctionTests
{
    /// <summary>Paths of other systems.</summary>
    private static readonly string[] s_aliases = ["AgentV1", "AgentFleet", "AgentFleetV1"];

    [Fact]
    public void Each_is_public_and_short()
    {
        // The worker would compile an expression at each call of one that is not public.
        Assert.All(FunctionList.All, function => Assert.True(function.Method.IsPublic && function.Method.DeclaringType!.IsPublic, function.Name));
        Assert.All(FunctionList.All, function => Assert.Equal(function.Name, function.Method.Name));
        var files = Directory.EnumerateFiles(Path.Combine(SharedData.Root, "functions", "Fleet.Functions"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal) && File.ReadAllText(path).Contains("[Function(", StringComparison.Ordinal));
        Assert.All(files, path => Assert.Equal("Triggers", Path.GetFileName(Path.GetDirectoryName(path))));
        Assert.All(files, path => Assert.DoesNotContain("{\n        ", File.ReadAllText(path), StringComparison.Ordinal));
    }

    [Fact]
    public void Each_agents_route_leads_to_its_call()
    {
        var routes = FunctionList.All.Where(function => function.Method.DeclaringType!.Name == "AgentTriggers").ToDictionary(function => function.Name, function => ((HttpTriggerAttribute)function.Trigger).Route!);
        foreach (var (name, route) in routes)
        {
            var path = "/" + route.Replace("{*call}", "log", StringComparison.Ordinal);
            Assert.True(AgentPaths.CallOf(path, out _) is { } call && (s_aliases.Contains(name) || call == route), $"{name}: {route}");
        }

        string[] calls = ["enroll", "config", "log", "distributed/read", "distributed/write", "carve/start", "carve/continue"];
        Assert.Equal(calls.Order(), routes.Where(route => !s_aliases.Contains(route.Key)).Select(route => route.Value).Order());
    }

    [Fact]
    public void Switching_off_one_that_agents_call_is_warned_of() => Assert.Equal(
        FunctionList.All.Where(function => function.Method.DeclaringType!.Name is "AgentTriggers" or "UnknownTrigger").Select(function => function.Name), DisabledFunctions.OfAgents);

    [Fact]
    public void Each_queue_has_its_trigger() =>
        Assert.Equal(Addresses.Queues.Count, FunctionList.All.Select(function => function.Trigger).OfType<ServiceBusTriggerAttribute>().Select(trigger => (trigger.QueueName, trigger.TopicName, trigger.SubscriptionName)).Distinct().Count());

    [Fact]
    public void A_method_and_path_that_no_function_takes_would_be_answered_with_nothing()
    {
        var open = FunctionList.All.Select(function => function.Trigger).OfType<HttpTriggerAttribute>().Where(trigger => trigger.Route!.StartsWith("{*", StringComparison.Ordinal)).SelectMany(trigger => trigger.Methods!);
        Assert.Equal(["delete", "get", "head", "options", "patch", "post", "put"], open.Order());
    }
}

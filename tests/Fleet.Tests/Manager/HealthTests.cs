using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

public sealed class HealthTests : ApiTest
{
    [Fact]
    public async Task Every_stage_of_the_road_is_counted()
    {
        await Api.OkAsync("POST", "/api/rules", """{"name":"r","alerters":["log"],"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]}}""");
        await Api.OkAsync("PUT", "/api/sinks/out", """{"type":"file","path":"out.ndjson","queries":["q"]}""");
        await LogAsync(await EnrollAsync("H1"), """[{"name":"q","columns":{"a":"1"}},{"name":"other","columns":{"a":"1"}}]""");
        await Api.AgentAsync("config", """{"node_key":"nothing"}""");
        await Api.EventuallyAsync("/api/alerts", alerts => alerts["items"]!.AsArray().Any(alert => (string?)alert!["deliveries"]![0]!["state"] == "delivered"));
        await Api.EventuallyAsync("/api/sinks/out/status", status => (int)status["sent"]! == 1);

        var metrics = (await Api.GetAsync("/api/metrics"))["metrics"]!.AsArray();
        Assert.True(Count("fleet.agent.calls", "call", "log") >= 1);
        Assert.True(Count("fleet.agent.calls", "outcome", "invalid") >= 1);
        Assert.True(Count("fleet.lines", "kind", "result") >= 2);
        Assert.True(Count("fleet.batches") >= 1);
        Assert.True(Count("fleet.bus.messages", "queue", "results/rules") >= 1);
        Assert.True(Count("fleet.bus.lag", "queue", "results/rules") >= 1);
        Assert.True(Count("fleet.bus.lag", "queue", "results/sinks") >= 1);
        Assert.True(Count("fleet.bus.lag", "queue", "alerts") >= 1);
        Assert.True(Count("fleet.rules.matches") >= 1);
        Assert.True(Count("fleet.alerts", "event", "opened") >= 1);
        Assert.True(Count("fleet.deliveries", "outcome", "delivered") >= 1);
        Assert.True(Count("fleet.sinks.lines", "sink", "out") >= 1);
        Assert.True(Count("fleet.sinks.lag", "sink", "out") >= 1);
        Assert.True(Count("fleet.sinks.dropped", "sink", "out") >= 1);
        Assert.True(Count("fleet.changes.age") >= 1);
        Assert.True(Count("fleet.storage.operations", "table", "Results") >= 1);
        Assert.True(Count("fleet.storage.operations", "kind", "find") >= 1);
        Assert.True((double)metrics.First(metric => (string?)metric!["name"] == "fleet.agent.call.duration")!["most"]! > 0);

        long Count(string name, string? tag = null, string? value = null) =>
            metrics.Where(metric => (string?)metric!["name"] == name && (tag is null || (string?)metric["tags"]![tag] == value)).Sum(metric => (long)metric!["total"]!);
    }

    [Fact]
    public async Task Health_names_the_part_that_is_sick()
    {
        Assert.Equal("ok", (string)(await Api.GetAsync("/api/health"))["status"]!);
        await Api.OkAsync("PUT", "/api/sinks/nowhere", """{"type":"http","url":"http://127.0.0.1:9/"}""");
        await LogAsync(await EnrollAsync("H1"), """[{"name":"q","columns":{"a":"1"}}]""");
        await Api.EventuallyAsync("/api/sinks/nowhere/status", status => (int)status["failures"]! > 0);
        var health = await Api.GetAsync("/api/health");
        Assert.Equal(("sick", "sinks"), ((string)health["status"]!, (string)Assert.Single(health["parts"]!.AsArray(), part => (string)part!["status"]! == "sick")!["name"]!));
    }
}

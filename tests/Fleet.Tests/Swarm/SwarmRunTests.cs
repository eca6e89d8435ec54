using Fleet.Swarm;

namespace Fleet.Tests.Swarm;

public sealed class SwarmRunTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Agents_share_the_connections_that_there_are(bool keepAlive)
    {
        await using var server = await ScriptedServer.StartAsync();
        var run = Run(server, nodes: 40, connections: 3, keepAlive);
        await run.RunAsync(_ => { }, default);
        Assert.Equal(40, run.Meter.Enrolled);

        // A server sees a moment later than the agent that a connection was closed.
        Assert.InRange(server.MostConnections, 1, 12);
        Assert.Equal(0, run.Meter.LinesLost);
        Assert.True(run.Meter.LinesAcknowledged > 0);
        Assert.True(run.IsGood);
        Assert.Equal(run.Meter.LinesWritten, run.Meter.LinesAcknowledged + run.LinesWaiting);
    }

    [Fact]
    public async Task A_server_that_answers_log_posts_with_nothing_is_reported_to_lose_lines()
    {
        await using var server = await ScriptedServer.StartAsync();
        server.Answer = (call, _) => call == "enroll" ? """{"node_key":"k"}""" : "";
        var run = Run(server, nodes: 5, connections: 5, keepAlive: true);
        await run.RunAsync(_ => { }, default);
        var report = run.Report();
        Assert.Equal(0, (long?)report["linesAcknowledged"]);
        Assert.Equal(run.Meter.LinesSent, (long?)report["linesLost"]);
        Assert.True((long?)report["calls"]!["log"]!["emptyAnswers"] > 0);
        Assert.False(run.IsGood);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"node_invalid":true}""")]
    public async Task A_run_in_which_nobody_is_enrolled_is_not_good(string answer)
    {
        await using var server = await ScriptedServer.StartAsync();
        server.Answer = (_, _) => answer;
        var run = Run(server, nodes: 3, connections: 3, keepAlive: true);
        await run.RunAsync(_ => { }, default);
        Assert.False(run.IsGood);
        Assert.Equal(0, run.Meter.Enrolled);
        Assert.Equal(run.Meter.Calls["enroll"].Count, run.Meter.Calls["enroll"].Errors);
    }

    [Fact]
    public async Task Agents_of_a_server_that_takes_no_lines_drop_the_oldest_and_it_is_said()
    {
        await using var server = await ScriptedServer.StartAsync();
        server.Answer = (call, _) => call == "enroll" ? """{"node_key":"k"}""" : call == "log" ? """{"error":"full"}""" : "{}";
        var meter = new SwarmMeter();
        using var transport = new AgentTransport(new(server.Url), meter);
        var agent = new SimulatedAgent(new(1, 0), new("secret", BufferedLogMax: 10), transport, meter, TimeProvider.System);
        agent.LogRows("q", "added", [.. Enumerable.Repeat(new System.Text.Json.Nodes.JsonObject(), 15)]);
        Assert.False(await agent.FlushLogsAsync(default));
        Assert.Equal((10, 5), (agent.Buffered, meter.LinesPurged));
        Assert.Contains(SwarmLimits.Of(meter, connections: 1, lines: 1, processors: 0), limit => limit.Contains("5 lines", StringComparison.Ordinal));
    }

    [Fact]
    public void What_limited_a_run_is_said()
    {
        var meter = new SwarmMeter();
        Assert.Empty(SwarmLimits.Of(meter, 10, lines: 1_024, processors: 0.5));
        meter.CountWait(TimeSpan.FromSeconds(2));
        meter.CountLate(TimeSpan.FromSeconds(3));
        meter.Count("log", TimeSpan.Zero, new(null, SwarmLimits.Descriptors, false));
        meter.Count("log", TimeSpan.Zero, new(null, SwarmLimits.Ports, false));
        Assert.Equal(6, SwarmLimits.Of(meter, 10, lines: 1_025, processors: 0.9).Count());
    }

    [Theory]
    [InlineData(null, 1_000)]
    [InlineData(20_000, 1_000)]
    [InlineData(1_024, 768)]
    [InlineData(100, 1)]
    public void Connections_stay_within_the_descriptors(int? descriptors, int connections) => Assert.Equal(connections, SwarmLimits.ConnectionsWithin(descriptors));

    private static SwarmRun Run(ScriptedServer server, int nodes, int connections, bool keepAlive)
    {
        var often = TimeSpan.FromMilliseconds(100);
        return new(
            new(server.Url, "secret", nodes, TimeSpan.FromSeconds(2), TimeSpan.Zero, often, often, often, Lines: 2, Matching: 0, keepAlive, Compress: false, Seed: 1, Prefix: "", connections),
            TimeProvider.System);
    }
}

using System.Text.Json.Nodes;
using Fleet.Swarm;
using Fleet.Tests.Support;

namespace Fleet.Tests.Swarm;

public sealed class SimulatedAgentTests
{
    private static readonly JsonObject s_row = new() { ["pid"] = "7", ["name"] = "sshd" };

    private readonly ManualClock _clock = new();

    [Fact]
    public async Task Lines_whose_answer_was_no_success_come_again_before_those_that_were_added_since()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var transport = new AgentTransport(new(server.Url), null);
        var agent = Agent(transport);
        server.Answer = (call, _) => call == "log" ? """{"error":"later"}""" : """{"node_key":"k"}""";
        agent.LogRows("q", "added", [Row("1"), Row("1")]);
        Assert.False(await agent.FlushLogsAsync(default));
        server.Answer = (_, _) => "{}";
        agent.LogRows("q", "added", [Row("2")]);
        Assert.True(await agent.FlushLogsAsync(default));

        var posts = server.Posts("result").Select(lines => string.Concat(lines.Select(line => (string?)line["columns"]!["pid"]))).ToList();
        Assert.Equal(["11", "112"], posts);
        Assert.Equal(0, agent.Buffered);

        static JsonObject Row(string pid) => new() { ["pid"] = pid };
    }

    [Fact]
    public async Task A_post_holds_a_thousand_lines_of_both_kinds_results_first()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var transport = new AgentTransport(new(server.Url), null);
        var agent = Agent(transport);
        for (var i = 0; i < 10; i++) agent.LogStatus(0, "hello");
        agent.LogRows("q", "added", [.. Enumerable.Repeat(s_row, 1_020)]);
        Assert.True(await agent.FlushLogsAsync(default));
        Assert.Equal((1_020, 4), (server.Posts("result").Sum(lines => lines.Count), server.Posts("status").Sum(lines => lines.Count)));
        Assert.Equal(6, agent.Buffered);
    }

    [Fact]
    public async Task A_line_that_is_too_long_is_dropped_and_told_of()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var transport = new AgentTransport(new(server.Url), null);
        var agent = Agent(transport);
        agent.LogRows("q", "added", [new() { ["text"] = new string('x', 1 << 20) }, s_row]);
        Assert.True(await agent.FlushLogsAsync(default));
        Assert.True(await agent.FlushLogsAsync(default));
        Assert.Single(Assert.Single(server.Posts("result")));
        Assert.StartsWith("Line exceeds TLS logger max", (string?)Assert.Single(Assert.Single(server.Posts("status")))["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_it_calls_itself_and_its_lines_follow_the_options_of_its_configuration()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var transport = new AgentTransport(new(server.Url), null);
        var agent = Agent(transport);
        server.Answer = (call, _) => call switch
        {
            "enroll" => """{"node_key":"k"}""",
            "config" => """
                {"options":{"pack_delimiter":"/","host_identifier":"hostname","schedule_epoch":3,"logger_event_type":false},
                 "decorators":{"load":["select version from osquery_info",null],"always":7,"interval":{"60":[{}]}},
                 "packs":{"base":{"queries":{"os":{"query":"select * from os_version","interval":60},"no":{"query":"select 1","interval":60,"platform":"windows"}}}}}
                """,
            _ => "{}",
        };
        Assert.True(await agent.RefreshConfigAsync(default));
        agent.RunSchedule();
        Assert.True(await agent.FlushLogsAsync(default));

        var line = Assert.Single(Assert.Single(server.Posts("result")));
        Assert.Equal(("pack/base/os", agent.Machine.Hostname, 3, 0), ((string?)line["name"], (string?)line["hostIdentifier"], (int?)line["epoch"], (int?)line["counter"]));
        Assert.Equal(agent.Machine.OsqueryVersion, (string?)line["decorations"]!["version"]);
        Assert.Equal("Ubuntu", (string?)Assert.Single(line["diffResults"]!["added"]!.AsArray())!["name"]);
    }

    [Fact]
    public async Task A_carve_question_is_answered_by_the_new_carve_and_the_flag()
    {
        await using var server = await ScriptedServer.StartAsync();
        using var transport = new AgentTransport(new(server.Url), null);
        var agent = Agent(transport);
        var sql = Fleet.Carves.CarveQuery.Of("/etc/it's");
        server.Answer = (call, _) => call switch
        {
            "enroll" => """{"node_key":"k"}""",
            "distributed/read" => new JsonObject { ["queries"] = new JsonObject { ["c"] = sql } }.ToJsonString(),
            _ => "{}",
        };
        Assert.Equal(1, await agent.PollDistributedAsync(default));
        var rows = server.Requests.Single(request => request.Call == "distributed/write").Body["queries"]!["c"]!.AsArray();
        Assert.Equal(("1", "/etc/it's", agent.Carves.Single()), ((string?)rows[0]!["carve"], (string?)rows[0]!["path"], (string?)rows[0]!["carve_guid"]));
        Assert.Equal(("disable_carver", "false"), ((string?)rows[1]!["path"], (string?)rows[1]!["status"]));
    }

    [Fact]
    public async Task An_empty_answer_loses_the_lines_and_is_counted()
    {
        await using var server = await ScriptedServer.StartAsync();
        var meter = new SwarmMeter();
        using var transport = new AgentTransport(new(server.Url), meter);
        var agent = Agent(transport, meter);
        server.Answer = (call, _) => call == "log" ? "" : """{"node_key":"k"}""";
        agent.LogRows("q", "added", [s_row, s_row]);
        Assert.True(await agent.FlushLogsAsync(default));
        Assert.Equal((0, 2L, 0L, 1L), (agent.Buffered, meter.LinesLost, meter.LinesAcknowledged, meter.Calls["log"].Empty));
    }

    private SimulatedAgent Agent(AgentTransport transport, SwarmMeter? meter = null) => new(new(seed: 1, number: 0), new("secret", EnrollAttempts: 1), transport, meter, _clock);
}

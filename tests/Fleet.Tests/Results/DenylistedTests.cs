using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Results;

public sealed class DenylistedTests : ApiTest
{
    [Fact]
    public async Task A_query_over_which_an_agent_was_ended_is_a_result_for_rules()
    {
        await using var world = await World.OpenAsync();
        await world.AddRuleAsync("denylisted", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"fleet/query_denylisted"},{"field":"column","operator":"column_equal","value":["query","pack/p/heavy"]}]}""", "log");
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"severity":1,"unixTime":1772452800,"filename":"scheduler.cpp","line":1,"message":"Scheduled query may have failed: pack/p/heavy"},{"severity":1,"unixTime":1772452800,"message":"else"}]""", "status");
        await world.MaterializeAsync();
        await world.PumpAsync();
        Assert.Equal("denylisted", Assert.Single(await world.AlertsAsync()).RuleId);
    }

    [Fact]
    public async Task The_node_the_fleet_and_health_show_it_for_a_day()
    {
        var key = await EnrollAsync("A");
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await Api.AgentAsync("log", $$"""{"node_key":"{{key}}","log_type":"status","data":[{"severity":1,"unixTime":{{now}},"message":"Scheduled query may have failed: pack/p/heavy"},{"severity":1,"unixTime":{{now - (25 * 3_600)}},"message":"Scheduled query may have failed: past"}]}""");
        await Api.AgentAsync("log", $$$"""{"node_key":"{{{key}}}","log_type":"result","data":[{"name":"schedule","action":"added","unixTime":{{{now}}},"columns":{"name":"told","executions":"3","interval":"60","denylisted":"1"}}]}""");
        await Server.Services.GetRequiredService<Materialize>().DrainAsync(default);
        Assert.Equal(["pack/p/heavy", "told"], (await Api.GetAsync($"/api/nodes/{IdOf("A")}"))["denylisted"]!.AsArray().Select(one => (string?)one!["query"]).Order());
        Assert.Equal([("pack/p/heavy", 1), ("told", 1)], (await Api.GetAsync("/api/denylisted-queries"))["items"]!.AsArray().Select(one => ((string?)one!["query"], (int)one["nodes"]!)));
        foreach (var (filter, count) in new[] { ("*", 1), ("told", 1), ("past", 0) }) Assert.Equal(count, (await Api.GetAsync("/api/nodes?denylisted=" + filter))["items"]!.AsArray().Count);
        Assert.Equal("sick", (string?)(await Api.GetAsync("/api/health"))["parts"]!.AsArray().Single(one => (string?)one!["name"] == "queries")!["status"]);
    }

    [Fact]
    public async Task An_agent_with_another_pack_delimiter_denylists_the_query_that_it_means()
    {
        await Api.OkAsync("PUT", "/api/packs/p", """{"queries":{"heavy":{"query":"select 1","interval":60},"slow":{"query":"select 1","interval":60}},"tags":["t"]}""");
        var key = await EnrollAsync("A");
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await Api.AgentAsync("log", $$"""{"node_key":"{{key}}","log_type":"status","data":[{"severity":1,"unixTime":{{now}},"message":"Scheduled query may have failed: pack_p_heavy"}]}""");
        await Api.AgentAsync("log", $$$"""{"node_key":"{{{key}}}","log_type":"result","data":[{"name":"schedule","action":"added","unixTime":{{{now}}},"columns":{"name":"pack::p::slow","executions":"3","interval":"60","denylisted":"1"}}]}""");
        await Server.Services.GetRequiredService<Materialize>().DrainAsync(default);
        Assert.Equal(["pack/p/heavy", "pack/p/slow"], (await Api.GetAsync("/api/denylisted-queries"))["items"]!.AsArray().Select(one => (string?)one!["query"]).Order());
    }

    [Fact]
    public async Task A_distributed_query_that_the_agent_denylisted_is_one_too()
    {
        var key = await EnrollAsync("A");
        var id = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select * from time","targets":{"all":true}}"""))["id"]!;
        await Api.AgentAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await Api.AgentAsync("distributed/write", $$$"""{"queries":{"{{{id}}}":[]},"statuses":{"{{{id}}}":1},"messages":{"{{{id}}}":"distributed query is denylisted"},"node_key":"{{{key}}}"}""");
        Assert.Equal("select * from time", (string?)(await Api.GetAsync("/api/denylisted-queries"))["items"]![0]!["query"]);
        await Server.Services.GetRequiredService<Materialize>().DrainAsync(default);
        Assert.Equal("1", (string?)(await Api.GetAsync("/api/results?query=fleet/query_denylisted"))["items"]![0]!["columns"]!["distributed"]);
    }

    [Theory]
    [InlineData("linux")]
    [InlineData("darwin")]
    [InlineData("windows")]
    public void Every_flag_that_we_ship_is_one_that_osquery_has_and_has_its_reason_above_it(string platform)
    {
        var lines = AgentFlags.Of("fleet.example.org:8443", "/etc/osquery/fleet.crt", "/etc/osquery/enroll-secret", platform, new());
        Assert.StartsWith("# ", lines[0], StringComparison.Ordinal);
        Assert.NotEmpty(AgentNeeds.Of(platform));
        var known = File.ReadAllText(Path.Combine(SharedData.Root, "functions/Fleet/Config/osquery-flags.json"));
        foreach (var flag in lines.Where(line => !line.StartsWith('#')).Concat(AgentNeeds.Of(platform).SelectMany(need => need.Flags)))
        {
            Assert.Matches("^--[a-z_]+=.+$", flag);
            Assert.Contains($"\"{flag[2..flag.IndexOf('=', StringComparison.Ordinal)]}\":", known, StringComparison.Ordinal);
        }
    }
}

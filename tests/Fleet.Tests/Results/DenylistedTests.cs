using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

public sealed class DenylistedTests
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

    [Theory]
    [InlineData("linux")]
    [InlineData("darwin")]
    [InlineData("windows")]
    public void Every_flag_that_we_ship_is_one_that_osquery_has_and_has_its_reason_above_it(string platform)
    {
        var lines = AgentFlags.Of("fleet.example.org:8443", "/etc/osquery/fleet.crt", "/etc/osquery/enroll-secret", platform, new());
        Assert.StartsWith("# ", lines[0], StringComparison.Ordinal);
        var known = File.ReadAllText(Path.Combine(SharedData.Root, "functions/Config/osquery-flags.json"));
        foreach (var flag in lines.Where(line => !line.StartsWith('#')))
        {
            Assert.Matches("^--[a-z_]+=.+$", flag);
            Assert.Contains($"\"{flag[2..flag.IndexOf('=', StringComparison.Ordinal)]}\":", known, StringComparison.Ordinal);
        }
    }
}

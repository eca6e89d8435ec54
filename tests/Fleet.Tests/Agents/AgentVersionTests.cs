using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>An agent that was upgraded does not enroll again: it says its version with every call.</summary>
public sealed class AgentVersionTests
{
    [Theory]
    [InlineData("5.24.0", "5.24.0")]
    [InlineData("5.1.0", "5.12.1")]
    [InlineData("", "5.12.1")]
    [InlineData("no version", "5.12.1")]
    public async Task Status_lines_tell_a_newer_version_where_a_proxy_keeps_the_agents_own_word_to_itself(string said, string kept)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""", request => request.Headers.UserAgent = "osquery/5.12.1");
        await world.LogAsync(key, $$"""[{"severity":0,"message":"of \"version\":\"9.9.9\"","version":"{{said}}","decorations":{"version":"8.8.8"} }]""", "status");
        await world.MaterializeAsync();
        Assert.Equal(kept, (await world.NodeOfAsync("A")).OsqueryVersion);
    }

    [Fact]
    public async Task The_version_that_an_agent_says_is_kept_and_costs_nothing_while_it_stays()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await CallAsync("osquery/5.24.0");
        Assert.Equal("5.24.0", await VersionAsync());
        await CallAsync("osquery/5.24.0");
        world.Tables.Reset();
        for (var i = 0; i < 100; i++) await CallAsync("osquery/5.24.0");
        Assert.Equal(0, world.Tables.Operations);

        // Two agents with one key do not write at every call.
        await CallAsync("osquery/5.1.0");
        Assert.Equal("5.24.0", await VersionAsync());
        world.Clock.Advance(TimeSpan.FromMinutes(11));
        await CallAsync("osquery/5.1.0");
        Assert.Equal("5.1.0", await VersionAsync());

        world.Clock.Advance(TimeSpan.FromMinutes(11));
        foreach (var odd in new[] { "curl/8.0", "osquery/", "osquery/no version", "osquery/5", "osquery/5." + new string('1', 200) }) await CallAsync(odd);
        Assert.Equal("5.1.0", await VersionAsync());

        Task CallAsync(string agent) => world.PostAsync("config", $$"""{"node_key":"{{key}}"}""", request => request.Headers.UserAgent = agent);
        async Task<string> VersionAsync() => (await world.NodeOfAsync("A")).OsqueryVersion;
    }
}

using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>An agent that was upgraded does not enroll again: it says its version with every call.</summary>
public sealed class AgentVersionTests
{
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

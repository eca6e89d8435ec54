using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>What a call costs in storage operations, counted at the port.</summary>
public sealed class StorageCostTests
{
    [Theory]
    [InlineData("config")]
    [InlineData("distributed/read")]
    public async Task A_thousand_idle_check_ins_of_a_known_node_touch_no_storage(string call)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.TagAsync("H1", "t");
        await world.PutQueryAsync("q", "select 1", "t");
        await world.PostAsync(call, $$"""{"node_key":"{{key}}"}""");
        world.Tables.Reset();
        for (var i = 0; i < 1_000; i++) Assert.False((await world.PostAsync(call, $$"""{"node_key":"{{key}}"}""")).IsError);
        Assert.Equal(0, world.Tables.Operations);
    }

    [Fact]
    public async Task A_campaign_that_a_node_has_answered_costs_its_reads_nothing()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[]},"statuses":{"{{{campaign.Id}}}":0},"node_key":"{{{key}}}"}""");
        world.Tables.Reset();
        for (var i = 0; i < 100; i++) await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        Assert.Equal(0, world.Tables.Operations);
    }

    [Fact]
    public async Task Over_time_an_instance_looks_at_the_head_at_most_every_two_seconds()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
        world.Tables.Reset();
        for (var i = 0; i < 100; i++)
        {
            world.Clock.Advance(TimeSpan.FromMilliseconds(100));
            await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
        }

        Assert.InRange(world.Tables.Operations, 3, 10);
    }

    [Theory]
    [InlineData("result", 2)]
    [InlineData("status", 1)]
    public async Task A_log_post_makes_at_most_two_writes_and_no_read(string type, int writes)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.LogAsync(key, "[]");
        world.Tables.Reset();
        var lines = string.Join(',', Enumerable.Range(0, 100).Select(i => $$$"""{"name":"q","severity":1,"message":"m","unixTime":1772452800,"columns":{"pid":"{{{i}}}"},"action":"added"}"""));
        Assert.False((await world.LogAsync(key, $"[{lines}]", type)).IsError);
        Assert.Equal((0, writes), (world.Tables.Reads, world.Tables.Writes));
    }

    [Fact]
    public async Task Last_check_ins_are_written_in_batches()
    {
        await using var world = await World.OpenAsync();
        for (var i = 0; i < 50; i++) await world.EnrollAsync("H" + i);
        world.Tables.Reset();
        await world.Get<LastSeen>().FlushAsync(default);
        Assert.InRange(world.Tables.Writes, 1, 50);
        world.Tables.Reset();
        await world.Get<LastSeen>().FlushAsync(default);
        Assert.Equal(0, world.Tables.Operations);
    }
}

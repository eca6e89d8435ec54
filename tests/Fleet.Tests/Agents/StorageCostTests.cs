using Fleet.Nodes;
using Fleet.Shared;
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
    [InlineData("status", 2)]
    public async Task A_log_post_makes_at_most_two_writes_and_after_the_first_no_read(string type, int writes)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.LogAsync(key, """[{"name":"first","columns":{}}]""", type);
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

    [Fact]
    public async Task Each_kind_of_call_costs_what_the_cost_table_says()
    {
        var costs = (await CallCosts.MeasureAsync()).ToDictionary(cost => cost.Call);
        Assert.All(costs.Values.Where(cost => cost.Call.Contains("idle", StringComparison.Ordinal)), cost => Assert.Equal((0, 0, 0), (cost.Reads, cost.Writes, cost.Sends)));
        var logs = costs.Values.Where(cost => cost.Call.StartsWith("log", StringComparison.Ordinal)).ToList();
        Assert.Equal(7, logs.Count);
        Assert.All(logs, cost => Assert.True(cost is { Reads: 0, Writes: <= 2 }, cost.ToString()));
        Assert.All(logs, cost => Assert.Equal(cost.Call.Contains("wants", StringComparison.Ordinal) ? 1 : 0, cost.Sends));
        Assert.All(costs.Values.Except(logs), cost => Assert.Equal(0, cost.Sends));
        Assert.True(costs["distributed/read, a question"] is { Reads: <= 1, Writes: <= 1 }, costs["distributed/read, a question"].ToString());
        Assert.True(costs["distributed/write, its answer"] is { Reads: <= 1, Writes: <= 1 }, costs["distributed/write, its answer"].ToString());
        Assert.True(costs["enroll, a known node"] is { Reads: <= 3, Writes: 0 }, costs["enroll, a known node"].ToString());
        Assert.True(costs["enroll, a new node"] is { Reads: <= 6, Writes: <= 5 }, costs["enroll, a new node"].ToString());
    }
}

using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Two processes on one data folder.</summary>
public sealed class ChangeFeedTests
{
    [Fact]
    public async Task Another_process_sees_changes_once_what_it_knows_is_two_seconds_old()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("H1");
        Assert.Empty((JsonObject)(await second.ConfigAsync(key))["schedule"]!);

        await world.TagAsync("H1", "t");
        await world.PutQueryAsync("q", "select 1", "t");
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Single((JsonObject)(await second.ConfigAsync(key))["schedule"]!);

        await second.Get<NodeStore>().RemoveAsync(NodeId.OfHost("H1"), default);
        world.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
    }

    [Fact]
    public async Task A_key_that_another_process_has_just_rotated_is_believed_at_once()
    {
        await using var world = await World.OpenAsync(("Enroll:Reenroll", "rotate"));
        await using var second = await world.OpenSecondAsync();
        await second.ConfigAsync(await world.EnrollAsync("H1"));
        var younger = await world.EnrollAsync("H1");
        Assert.False((await second.PostAsync("config", $$"""{"node_key":"{{younger}}"}""")).IsInvalid);
    }

    [Fact]
    public async Task Who_slept_longer_than_the_feed_is_kept_reads_everything_anew()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("H1");
        await world.TagAsync("H1", "t");
        await world.PutQueryAsync("q", "select 1", "t");
        world.Clock.Advance(TimeSpan.FromDays(2));
        await world.Get<ChangeFeed>().PruneAsync(default);
        await world.PutQueryAsync("r", "select 1", "t");
        Assert.Equal(2, ((JsonObject)(await second.ConfigAsync(key))["schedule"]!).Count);
    }

    [Fact]
    public async Task Publishers_at_once_lose_no_change()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? world : second).PutQueryAsync("q" + i, "select 1", "t")));
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        foreach (var each in new[] { world, second })
        {
            await each.Get<ChangeFeed>().LookAsync(default);
            Assert.Equal(20, each.Items.Queries.Current.ByName.Count);
        }
    }
}

using System.Globalization;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Results;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

/// <summary>With 100,000 nodes a list's page costs few storage operations, the last one no more than the first.</summary>
public sealed class ListCostTests
{
    private const int Nodes = 100_000;

    [Fact]
    public async Task A_page_of_a_hundred_thousand_nodes_costs_less_than_fifty_operations_wherever_it_is()
    {
        await using var world = await World.OpenAsync();
        await SeedAsync(world);

        // The chore keeps what instances read; this one starts cold.
        await world.Get<NodeCatalog>().StoreAsync(default);
        await using var cold = await world.OpenSecondAsync();
        cold.Tables.Reset();
        var query = cold.Get<NodeQuery>();
        var limits = cold.Limits;
        var first = await query.PageAsync(new(Tags: ["even"]), "name", false, 100, null, null, limits, one => one.Node.Name, default);
        Assert.InRange(cold.Tables.Operations, 1, 49);
        Assert.Equal((Nodes / 2, 500, "node-000000"), (first.TotalItems, first.TotalPages, first.Items[0]));
        cold.Tables.Reset();
        var last = await query.PageAsync(new(Tags: ["even"]), "name", false, 100, null, 500, limits, one => one.Node.Name, default);
        var after = await query.PageAsync(new(Tags: ["even"]), "name", true, 100, first.Next, null, limits, one => one.Node.Name, default);
        Assert.InRange(cold.Tables.Operations, 0, 49);
        Assert.Equal("node-099998", last.Items[^1]);
        Assert.Equal("node-000196", after.Items[0]);
        Assert.Equal(Nodes, (await query.FindAsync(new(Statuses: ["silent"]), default)).Count);

        // What this instance changes itself is seen at once.
        await cold.Get<NodeStore>().ChangeAsync(NodeId.OfHost("node-000001"), node => node with { Tags = TagSet.Of(["even"]) }, default);
        Assert.Equal((Nodes / 2) + 1, (await query.FindAsync(new(Tags: ["even"]), default)).Count);
        await cold.Get<NodeStore>().RemoveAsync(NodeId.OfHost("node-000001"), default);
        Assert.Equal(Nodes / 2, (await query.FindAsync(new(Tags: ["even"]), default)).Count);
    }

    [Fact]
    public async Task A_fleet_that_became_small_again_is_shown_as_it_is()
    {
        await using var world = await World.OpenAsync();
        await SeedAsync(world, 10_005);
        await world.Get<NodeCatalog>().StoreAsync(default);
        await using var other = await world.OpenSecondAsync();
        Assert.Equal(10_005, (await other.Get<NodeCatalog>().AllAsync(default)).Count);
        for (var i = 0; i < 100; i++) await world.Get<NodeStore>().RemoveAsync(NodeId.OfHost(string.Create(CultureInfo.InvariantCulture, $"node-{i:D6}")), default);
        for (var i = 0; i < 10; i++)
        {
            world.Clock.Advance(TimeSpan.FromMinutes(1));
            await world.Get<NodeCatalog>().StoreAsync(default);
        }

        Assert.Equal((9_905, 9_905), ((await world.Get<NodeCatalog>().AllAsync(default)).Count, (await other.Get<NodeCatalog>().AllAsync(default)).Count));
    }

    [Fact]
    public async Task A_list_of_campaigns_that_asked_a_whole_fleet_costs_little()
    {
        await using var world = await World.OpenAsync();
        var (campaigns, answers) = (world.Get<CampaignStore>(), world.Get<AnswerStore>());
        for (var i = 0; i < 3; i++)
        {
            // As if it had asked 5,000.
            var campaign = await world.AskAsync("select 1", World.Everyone);
            await answers.PrepareAsync(campaign.Id, Enumerable.Range(0, 5_000).Select(n => NodeId.OfHost($"N{n}")), default);
            await world.Tables[Schema.Campaigns].WriteAsync(Write.Delete(new(Schema.All, campaign.Id)), default);
            campaign = campaign with { Targeted = 5_000 };
            if (i == 0) await campaigns.PutAwayAsync(campaign, default);
            else await RestoreAsync(world, campaign);
        }

        await world.Get<CampaignTallies>().CountAsync(default);
        world.Tables.Reset();
        var tallies = await world.Get<CampaignTallies>().OfAsync(await campaigns.ListAsync(default), default);
        Assert.InRange(world.Tables.Operations, 1, 5);
        Assert.Equal([new(0, 0, 0, 0, 5_000), new(5_000, 0, 0, 0, 0), new(5_000, 0, 0, 0, 0)], tallies.OrderBy(tally => tally.New));
    }

    private static async Task RestoreAsync(World world, Campaign campaign)
    {
        await new ControlTable<Campaign>(
            world.Tables, world.Get<ChangeFeed>(), Schema.Campaigns, _ => campaign,
            one => new Columns().WithBytes("Json", Compression.Pack(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(CampaignStore.Stored.Of(one), CampaignJson.Default.Stored)))).PutAsync(campaign.Id, campaign, null, default);
    }

    [Fact]
    public async Task A_node_with_a_long_history_is_searched_a_bounded_piece_at_a_time()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        var store = world.Get<BatchStore>();
        await Task.WhenAll(Enumerable.Range(0, 3_200).Select(async i => await store.WriteAsync(
            store.KeyOf(Schema.Results, NodeId.OfHost("A"), $"{i:x32}", now - i), "[]"u8.ToArray(), 1, [i == 3_100 ? "rare" : "common"], now - i, now - i, default)));
        string? after = null;
        var pages = 0;
        do
        {
            world.Tables.Reset();
            after = (await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), new("rare", null, null), 10, after, default)).After;
            Assert.InRange(world.Tables.Operations, 1, 49);
            pages++;
        }
        while (after is not null);
        Assert.Equal(3, pages);
        Assert.NotEmpty(key);
    }

    [Fact]
    public async Task A_small_fleet_is_always_read_afresh()
    {
        await using var world = await World.OpenAsync();
        await using var other = await world.OpenSecondAsync();
        for (var i = 0; i < 3; i++) await world.EnrollAsync("H" + i);
        Assert.Equal(3, (await other.Get<NodeQuery>().FindAsync(new(), default)).Count);
        await world.TagAsync("H1", "t");
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        other.Tables.Reset();
        Assert.Single(await other.Get<NodeQuery>().FindAsync(new(Tags: ["t"]), default));
        Assert.InRange(other.Tables.Operations, 1, 5);
    }

    private static async Task SeedAsync(World world, int count = Nodes)
    {
        var (nodes, seen) = (new List<Write>(), new List<Write>());
        for (var i = 0; i < count; i++)
        {
            var host = string.Create(CultureInfo.InvariantCulture, $"node-{i:D6}");
            var node = new Node(
                NodeId.OfHost(host), host, null, "linux", "5.23.1", TagSet.Of(i % 2 == 0 ? ["even"] : ["odd"]), true, 1, world.Clock.Now, world.Clock.Now, true, false, false, ["i"], false,
                new Dictionary<string, string> { ["hardware_serial"] = "S" + i }, null);
            nodes.Add(Write.Replace(NodeRow.KeyOf(node.Id), NodeRow.Write(node)));
            seen.Add(Write.Replace(NodeRow.KeyOf(node.Id), new Columns { ["At"] = world.Clock.Now.AddHours(-2), ["Address"] = "192.0.2.1" }));
        }

        await world.Tables[Schema.Nodes].WriteManyAsync(nodes, default);
        await world.Tables[Schema.Seen].WriteManyAsync(seen, default);
    }
}

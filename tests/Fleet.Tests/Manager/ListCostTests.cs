using System.Globalization;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;
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

    private static async Task SeedAsync(World world)
    {
        var (nodes, seen) = (new List<Write>(), new List<Write>());
        for (var i = 0; i < Nodes; i++)
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

using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>A machine is one node, whatever its agent takes for a host identifier, and however often it enrolls.</summary>
public sealed class IdentityTests
{
    [Theory]
    [InlineData("uuid")]
    [InlineData("hostname")]
    [InlineData("instance")]
    [InlineData("ephemeral")]
    [InlineData("specified")]
    public async Task Fifty_machines_are_fifty_nodes_with_their_tags_after_restarts_two_rotations_and_new_installations(string mode)
    {
        await using var world = await World.OpenAsync();
        var machines = Enumerable.Range(0, 50).Select(i => new Machine(i)).ToList();
        var keys = new Dictionary<Machine, string>();
        await EnrollAllAsync(mode);
        foreach (var (node, i) in (await NodesAsync(world)).Select((node, i) => (node, i))) await world.Get<NodeStore>().ChangeAsync(node.Id, before => before with { Tags = TagSet.Of([$"t{i}"]) }, default);
        var tags = (await NodesAsync(world)).Select(node => (node.Id, node.Tags.Text)).ToHashSet();

        machines.ForEach(machine => machine.Starts++);
        await EnrollAllAsync(mode);
        foreach (var _ in Enumerable.Range(0, 2)) await world.Get<SigningKeys>().RotateAsync(default);
        Assert.All(await Task.WhenAll(keys.Values.Select(key => world.PostAsync("config", $$"""{"node_key":"{{key}}"}"""))), reply => Assert.True(reply.IsInvalid));
        machines.ForEach(machine => machine.Starts++);
        await EnrollAllAsync(mode);
        machines.ForEach(machine => machine.Installations++);
        await EnrollAllAsync(mode);

        // Somebody changes the flag everywhere.
        await EnrollAllAsync("hostname");
        await EnrollAllAsync("uuid");
        Assert.Equal(tags, (await NodesAsync(world)).Select(node => (node.Id, node.Tags.Text)).ToHashSet());

        async Task EnrollAllAsync(string by)
        {
            foreach (var machine in machines) keys[machine] = await EnrollAsync(world, machine.Identifier(by), machine.Details);
        }
    }

    [Fact]
    public async Task A_machine_that_was_renamed_keeps_its_node_and_leaves_its_name_to_another()
    {
        await using var world = await World.OpenAsync();
        var (old, other) = (new Machine(1), new Machine(2));
        await EnrollAsync(world, "web-1", old.Details);
        await EnrollAsync(world, "web-2", old.Details);
        await EnrollAsync(world, "web-1", other.Details);
        await EnrollAsync(world, "web-1", other.Details);
        await EnrollAsync(world, "WEB-2", old.Details);
        var nodes = await NodesAsync(world);
        Assert.Equal(["WEB-2", "web-1"], nodes.Select(node => node.HostIdentifier).Order(StringComparer.Ordinal));
        Assert.Equal(NodeId.OfHost("web-1"), nodes.Single(node => node.HostIdentifier == "WEB-2").Id);
    }

    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")]
    [InlineData("03000200-0400-0500-0006-000700080009")]
    [InlineData("4c4c4544-0042-3510-8053-b9c04f565432")]
    public async Task Machines_whose_boards_have_one_UUID_are_told_apart_by_their_names(string uuid)
    {
        await using var world = await World.OpenAsync();
        foreach (var host in new[] { "a", "b", "a", "b" }) await EnrollAsync(world, host, Details("i-" + host, uuid, "", host));
        Assert.Equal(2, (await NodesAsync(world)).Count);
    }

    [Fact]
    public async Task A_cloned_database_on_other_hardware_is_another_machine()
    {
        await using var world = await World.OpenAsync();
        await EnrollAsync(world, "a", Details("same", "4c4c4544-0042-3510-8053-b9c04f565431", "", "a"));
        await EnrollAsync(world, "b", Details("same", "4c4c4544-0042-3510-8053-b9c04f565432", "", "b"));
        Assert.Equal(2, (await NodesAsync(world)).Count);
    }

    [Fact]
    public async Task A_known_node_key_leads_to_its_node()
    {
        await using var world = await World.OpenAsync();
        var key = await EnrollAsync(world, "a", new());
        await world.PostAsync("enroll", $$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"b","node_key":"{{key}}"}""");
        Assert.Equal("b", Assert.Single(await NodesAsync(world)).HostIdentifier);
    }

    [Fact]
    public async Task A_node_that_is_known_by_its_certificate_is_nobody_elses()
    {
        await using var world = await World.OpenAsync();
        var machine = new Machine(1);
        var details = HostDetails.Read(System.Text.Encoding.UTF8.GetBytes(machine.Details.ToJsonString()), null);
        var certified = await world.Get<Enrollment>().EnrollCertifiedAsync("web-1.example.org", details, default);
        await EnrollAsync(world, "web-1", machine.Details);
        await world.PostAsync("enroll", $$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"web-2","node_key":"{{certified.NodeKey}}"}""");
        Assert.Equal("web-1.example.org", (await world.Get<NodeStore>().FindAsync(certified.Node!.Id, default))!.HostIdentifier);
        Assert.Equal(3, (await NodesAsync(world)).Count);
    }

    [Fact]
    public async Task A_node_that_was_deleted_leaves_nothing_that_leads_to_it()
    {
        await using var world = await World.OpenAsync();
        var machine = new Machine(1);
        await EnrollAsync(world, "a", machine.Details);
        await world.Get<NodeStore>().RemoveAsync(NodeId.OfHost("a"), default);
        Assert.Empty((await world.Tables[Schema.NodeAliases].PageAsync(KeyRange.Everything, 10, null, default)).Items);
        await EnrollAsync(world, "b", machine.Details);
        Assert.Equal(NodeId.OfHost("b"), Assert.Single(await NodesAsync(world)).Id);
    }

    [Fact]
    public async Task Where_identifiers_are_not_unique_an_installation_is_a_node()
    {
        await using var world = await World.OpenAsync(("Enroll:UniqueHostIdentifiers", "false"));
        var (a, b) = (new Machine(1), new Machine(2));
        foreach (var machine in new[] { a, b, a, b }) await EnrollAsync(world, "localhost", machine.Details);
        Assert.Equal(2, (await NodesAsync(world)).Count);
    }

    [Fact]
    public async Task Clones_are_split_by_the_rule_and_each_keeps_the_tags_and_its_node()
    {
        await using var world = await World.OpenAsync(("Enroll:Clones", "split"));
        var (one, two) = (Details("one", "", "", "h"), Details("two", "", "", "h"));
        await EnrollAsync(world, "dup", one);
        await world.TagAsync("dup", "prod");
        await EnrollAsync(world, "dup", two);
        Assert.Single(await NodesAsync(world)); // A new installation of osquery on the same machine looks like this.
        var keys = new List<string>();
        for (var i = 0; i < 3; i++) keys.AddRange([await EnrollAsync(world, "dup", one), await EnrollAsync(world, "dup", two)]);

        var nodes = await NodesAsync(world);
        Assert.Equal(2, nodes.Count);
        Assert.All(nodes, node => Assert.Equal(("prod", false), (string.Join(',', node.Tags.Tags), node.IsCloned)));
        Assert.Equal(keys[^4..^2], keys[^2..]);
        Assert.All(await Task.WhenAll(keys[^2..].Select(key => world.PostAsync("config", $$"""{"node_key":"{{key}}"}"""))), reply => Assert.False(reply.IsInvalid));
    }

    private static async Task<List<Node>> NodesAsync(World world) => await world.Get<NodeStore>().AllAsync(default).ToListAsync();

    private static async Task<string> EnrollAsync(World world, string host, JsonObject details)
    {
        var reply = await world.PostAsync("enroll", new JsonObject { ["enroll_secret"] = World.Secret, ["host_identifier"] = host, ["host_details"] = details.DeepClone() }.ToJsonString());
        return (string?)reply.Json["node_key"] ?? throw new InvalidOperationException($"{host} was refused: {reply.Text}");
    }

    private static JsonObject Details(string instance, string uuid, string serial, string host) => new()
    {
        ["osquery_info"] = new JsonObject { ["instance_id"] = instance, ["version"] = "5.23.1" },
        ["system_info"] = new JsonObject { ["uuid"] = uuid, ["hardware_serial"] = serial, ["hostname"] = host },
    };

    /// <summary>A machine whose agent is started and installed again and again.</summary>
    private sealed class Machine(int number)
    {
        public int Starts { get; set; }

        public int Installations { get; set; }

        public JsonObject Details => IdentityTests.Details(Instance, Uuid, $"SN{number}", Host);

        private string Uuid => $"4c4c4544-0042-3510-8053-b9c04f56{number:x4}";

        private string Host => $"host-{number}";

        private string Instance => $"installation-{number}-{Installations}";

        public string Identifier(string mode) => mode switch
        {
            "uuid" => Uuid,
            "hostname" => Host,
            "instance" => Instance,
            "ephemeral" => $"ephemeral-{number}-{Starts}-{Installations}",
            _ => $"asset-{number}",
        };
    }
}

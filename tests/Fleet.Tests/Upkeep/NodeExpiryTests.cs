using Fleet.Hosting;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Upkeep;

public sealed class NodeExpiryTests
{
    [Fact]
    public async Task Nodes_that_are_not_heard_of_expire_by_their_tags_and_come_back_when_they_enroll()
    {
        await using var world = await World.OpenAsync(("Nodes:ExpireAfter", "30d"), ("Nodes:ExpireAfterByTag", "kiosk=2d, server=90d"));
        var heard = await world.EnrollAsync("heard");
        foreach (var host in new[] { "plain", "kiosk", "server", "off" }) await world.EnrollAsync(host);
        foreach (var tag in new[] { "kiosk", "server" }) await world.TagAsync(tag, tag);
        await world.Get<NodeStore>().ChangeAsync((await world.NodeOfAsync("off")).Id, node => node with { Active = false }, default);

        world.Clock.Advance(TimeSpan.FromDays(3));
        await LookAsync(world);
        Assert.Equal(["heard", "off", "plain", "server"], await HostsAsync(world));
        world.Clock.Advance(TimeSpan.FromDays(28));
        await world.ConfigAsync(heard);
        await LookAsync(world);
        Assert.Equal(["heard", "off", "server"], await HostsAsync(world));

        await world.EnrollAsync("kiosk");
        Assert.Contains("kiosk", await HostsAsync(world));
    }

    [Fact]
    public async Task After_a_time_without_a_server_machines_get_time_to_come_back()
    {
        await using var world = await World.OpenAsync(("Nodes:ExpireAfter", "30d"));
        var key = await world.EnrollAsync("A");
        world.Clock.Advance(TimeSpan.FromDays(60));
        await world.Get<NodeExpiry>().RunAsync(default);
        await world.ConfigAsync(key);
        world.Clock.Advance(TimeSpan.FromMinutes(31));
        await world.Get<NodeExpiry>().RunAsync(default);
        Assert.Equal(["A"], await HostsAsync(world));
    }

    [Theory]
    [InlineData("kiosk")]
    [InlineData("kiosk=soon")]
    [InlineData("=3d")]
    public async Task A_wrong_setting_is_refused(string value) => await Assert.ThrowsAsync<SettingsException>(() => World.OpenAsync(("Nodes:ExpireAfterByTag", value)));

    private static async Task LookAsync(World world)
    {
        await world.Get<NodeExpiry>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(31));
        await world.Get<NodeExpiry>().RunAsync(default);
    }

    private static async Task<List<string>> HostsAsync(World world) => [.. (await world.Get<NodeStore>().AllAsync(default).ToListAsync()).Select(node => node.HostIdentifier).Order(StringComparer.Ordinal)];
}

using System.Text.Json.Nodes;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Agents;

public sealed class CarveFaultTests
{
    private const string CarveGuid = "2d9e3fcb-2ee2-4b86-8f1e-6f0e2c0f2f11";

    [Theory]
    [InlineData("/etc/hosts", "= '/etc/hosts'")]
    [InlineData("/srv/o'brien/a_b", "= '/srv/o''brien/a_b'")]
    [InlineData("/home/%/.ssh/%", "LIKE '/home/%/.ssh/%'")]
    public void Only_a_path_with_wildcards_is_a_pattern(string path, string condition) => Assert.Contains($"WHERE path {condition} AND carve = 1", CarveQuery.Of(path), StringComparison.Ordinal);

    [Theory]
    [InlineData("""[{"carve_guid":"","carve":"0","path":"disable_carver","status":"true"}]""", 0, "CarverOff")]
    [InlineData("""[{"carve_guid":"","carve":"0","path":"disable_carver","status":"false"}]""", 0, "NoFile")]
    [InlineData("[]", 1, "QueryFailed")]
    public async Task A_request_that_brings_no_file_says_why(string rows, int status, string fault)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var campaign = await world.AskAsync(CarveQuery.Of("/etc/%"), World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":{{{rows}}}},"statuses":{"{{{campaign.Id}}}":{{{status}}}},"node_key":"{{{key}}}"}""");
        var carve = Assert.Single(await world.Get<CarveStore>().ListAsync(default));
        Assert.Equal((CarveState.Failed, fault, campaign.Id, true), (carve.State, carve.Fault.ToString(), carve.Campaign, carve.Reason!.Length > 0));
    }

    [Fact]
    public async Task Questions_of_people_that_carve_nothing_are_no_failed_carves()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var campaign = await world.AskAsync("select * from carves", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[]},"node_key":"{{{key}}}"}""");
        Assert.Empty(await world.Get<CarveStore>().ListAsync(default));
    }

    [Theory]
    [InlineData(99_999_999_999, 1_000_000_000, "TooLarge")]
    [InlineData(99_999, 1, "TooLarge")]
    [InlineData(500, 100, "StoreFull")]
    public async Task A_carve_that_is_refused_keeps_the_reason(long size, long blockSize, string fault)
    {
        await using var world = await World.OpenAsync(("Limits:CarvesBytes", "400"));
        var key = await world.EnrollAsync("H1");
        var campaign = await AskedAsync(world, key);
        Assert.True((await StartAsync(world, key, size, blockSize)).IsError);
        var carve = Assert.Single(await world.Get<CarveStore>().ListAsync(default));
        Assert.Equal((CarveState.Refused, fault, campaign.Id), (carve.State, carve.Fault.ToString(), carve.Campaign));

        // When there is place, the same carve is taken.
        Assert.False((await StartAsync(world, key, 300, 100)).IsError);
        Assert.Equal((CarveState.Receiving, null), ((await world.Get<CarveStore>().ListAsync(default))[0].State, (await world.Get<CarveStore>().ListAsync(default))[0].Fault));
    }

    [Fact]
    public async Task A_carve_of_which_blocks_are_missing_says_how_many_came()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AskedAsync(world, key);
        var session = (string?)(await StartAsync(world, key, 23, 10)).Json["session_id"];
        await world.PostAsync("carve/continue", $$"""{"session_id":"{{session}}","block_id":0,"data":"{{Convert.ToBase64String(new byte[10])}}"}""");
        world.Clock.Advance(world.Limits.CarveLife + TimeSpan.FromMinutes(1));
        await world.Get<TidyCarves>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(31));
        await world.Get<TidyCarves>().RunAsync(default);
        var carve = Assert.Single(await world.Get<CarveStore>().ListAsync(default));
        Assert.Equal((CarveState.Expired, CarveFault.Incomplete), (carve.State, carve.Fault));
        Assert.StartsWith("1 of 3 blocks", carve.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DATA POST FAILED", "Failed")]
    [InlineData("ARCHIVE FAILED", "Failed")]
    [InlineData("PENDING", "Receiving")]
    public async Task A_carve_that_takes_long_is_asked_after_once_an_hour_and_fails_if_the_agent_gave_it_up(string status, string state)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AskedAsync(world, key);
        var session = (string?)(await StartAsync(world, key, 23, 10)).Json["session_id"];
        await world.PostAsync("carve/continue", $$"""{"session_id":"{{session}}","block_id":0,"data":"{{Convert.ToBase64String(new byte[10])}}"}""");
        await world.Get<TidyCarves>().RunAsync(default);
        Assert.Single(world.Get<CampaignStore>().Active.Items);
        world.Clock.Advance(world.Limits.CarveInquiry + TimeSpan.FromMinutes(1));
        for (var run = 0; run < 2; run++) await world.Get<TidyCarves>().RunAsync(default);

        var asked = Assert.Single((await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""")).Json["queries"]!.AsObject());
        Assert.Equal(CarveQuery.GivenUp, (string?)asked.Value);
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{asked.Key}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"0","status":"{{{status}}}"}]},"node_key":"{{{key}}}"}""");
        var carve = Assert.Single(await world.Get<CarveStore>().ListAsync(default));
        Assert.Equal((state, state == "Failed" ? CarveFault.GivenUp : null), (carve.State.ToString(), carve.Fault));
        Assert.Equal(state == "Failed", carve.Reason?.Contains(status, StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Carves_of_many_nodes_are_asked_after_by_one_campaign_and_none_where_there_is_no_room()
    {
        await using var world = await World.OpenAsync(("Limits:ActiveCampaigns", "2"));
        foreach (var host in new[] { "H1", "H2", "H3" }) await world.Get<CarveIntake>().ExpectAsync(NodeId.OfHost(host), CarveGuid, "c", default);
        foreach (var host in new[] { "H1", "H2", "H3" }) await world.EnrollAsync(host);
        world.Clock.Advance(world.Limits.CarveInquiry + TimeSpan.FromMinutes(1));
        for (var run = 0; run < 3; run++) await world.Get<TidyCarves>().RunAsync(default);
        Assert.Equal(3, Assert.Single(world.Get<CampaignStore>().Active.Items).Targeted);
        await world.AskAsync("select 1", World.Everyone);
        world.Clock.Advance(TimeSpan.FromHours(2));
        await world.Get<TidyCarves>().RunAsync(default);
        Assert.Equal(2, world.Get<CampaignStore>().Active.Items.Count());
    }

    [Fact]
    public async Task That_a_carve_was_given_up_is_learned_though_the_store_failed_once()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AskedAsync(world, key);
        var campaign = await world.AskAsync("select * from carves", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        var answer = $$$"""{"queries":{"{{{campaign.Id}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"0","status":"DATA POST FAILED"}]},"node_key":"{{{key}}}"}""";
        world.Tables.FaultOf = (table, _) => table == Fleet.Storage.Schema.Carves ? new Fleet.Storage.StorageUnavailableException("down") : null;
        Assert.True((await world.PostAsync("distributed/write", answer)).IsError);
        world.Tables.FaultOf = null;
        Assert.False((await world.PostAsync("distributed/write", answer)).IsError);
        Assert.Equal(CarveFault.GivenUp, Assert.Single(await world.Get<CarveStore>().ListAsync(default)).Fault);
    }

    [Fact]
    public async Task A_node_cannot_end_the_carves_of_another_or_one_that_arrived()
    {
        await using var world = await World.OpenAsync();
        var (key, other) = (await world.EnrollAsync("H1"), await world.EnrollAsync("H2"));
        await AskedAsync(world, key);
        await GiveUpAsync(other);
        Assert.Equal(CarveState.Requested, Assert.Single(await world.Get<CarveStore>().ListAsync(default)).State);

        var session = (string?)(await StartAsync(world, key, 10, 10)).Json["session_id"];
        await world.PostAsync("carve/continue", $$"""{"session_id":"{{session}}","block_id":0,"data":"{{Convert.ToBase64String(new byte[10])}}"}""");
        await GiveUpAsync(key);
        Assert.Equal(CarveState.Complete, Assert.Single(await world.Get<CarveStore>().ListAsync(default)).State);

        async Task GiveUpAsync(string nodeKey)
        {
            var campaign = await world.AskAsync("select * from carves", World.Everyone);
            await world.PostAsync("distributed/read", $$"""{"node_key":"{{nodeKey}}"}""");
            await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"0","status":"DATA POST FAILED"}]},"node_key":"{{{nodeKey}}}"}""");
        }
    }

    [Theory]
    [InlineData(10_240, 0, false, "NoFile")]
    [InlineData(10_240, 0, true, "NoFile")]
    [InlineData(10_240, 1, false, "")]
    [InlineData(10_240, 1, true, "")]
    [InlineData(20_480, 0, false, "")]
    public async Task An_archive_without_a_file_is_told_from_one_with(int size, byte first, bool isPacked, string fault)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AskedAsync(world, key);
        var bytes = new byte[size];
        bytes[0] = first;
        using var compressor = new ZstdSharp.Compressor(1);
        if (isPacked) bytes = compressor.Wrap(bytes).ToArray();
        var session = (string?)(await StartAsync(world, key, bytes.Length, bytes.Length)).Json["session_id"];
        await world.PostAsync("carve/continue", $$"""{"session_id":"{{session}}","block_id":0,"data":"{{Convert.ToBase64String(bytes)}}"}""");
        await world.Get<TidyCarves>().RunAsync(default);
        var carve = Assert.Single(await world.Get<CarveStore>().ListAsync(default));
        Assert.Equal((CarveState.Complete, fault), (carve.State, carve.Fault?.ToString() ?? ""));
    }

    [Fact]
    public async Task A_node_makes_no_more_refused_carves_than_a_few()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 40; i++) await StartAsync(world, key, 99_999_999_999, 1_000_000_000, $"{i:x8}{CarveGuid[8..]}");
        Assert.Equal(20, (await world.Get<CarveStore>().ListAsync(default)).Count);
    }

    /// <summary>Asks for a file; the node has fetched the question and named its carve.</summary>
    private static async Task<Campaign> AskedAsync(World world, string key)
    {
        var campaign = await world.AskAsync(CarveQuery.Of("/etc/hosts"), World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"1","path":"/etc/hosts","status":"SCHEDULED"}]},"node_key":"{{{key}}}"}""");
        return campaign;
    }

    private static Task<AgentReply> StartAsync(World world, string key, long size, long blockSize, string guid = CarveGuid) => world.PostAsync("carve/start", new JsonObject
    {
        ["carve_id"] = guid,
        ["block_count"] = (size + blockSize - 1) / blockSize,
        ["block_size"] = blockSize,
        ["carve_size"] = size,
        ["node_key"] = key,
    }.ToJsonString());
}

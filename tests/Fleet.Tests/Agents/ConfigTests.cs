using System.IO.Compression;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Doorman's configuration cases C01 to C19, and ours.</summary>
public sealed class ConfigTests
{
    [Fact]
    public async Task A_node_without_tags_gets_the_bare_configuration() // C01, C02
    {
        await using var world = await World.OpenAsync();
        var config = await world.ConfigAsync(await world.EnrollAsync("A"));
        Assert.True(JsonNode.DeepEquals(config, JsonNode.Parse(
            """{"node_invalid":false,"options":{"pack_delimiter":"/","schedule_splay_percent":10},"file_paths":{},"schedule":{},"packs":{}}""")), config.ToJsonString());
    }

    [Fact]
    public async Task A_query_comes_with_what_was_set_and_without_nulls() // C04, C13, C14, C16
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t", "u");
        var schedule = new ScheduledQuery("select 1", 3600, "linux", "4.9.0", 50, Snapshot: true, Removed: null, Denylist: false, "what", "why");
        await world.Items.Queries.PutAsync("q1", new("q1", TagSet.Of(["t", "u"]), schedule), null, default);
        Assert.True(JsonNode.DeepEquals((await world.ConfigAsync(key))["schedule"], JsonNode.Parse("""
            {"q1":{"query":"select 1","interval":3600,"platform":"linux","version":"4.9.0","description":"what","value":"why","removed":true,"snapshot":true,"denylist":false,"shard":50}}
            """)));

        await world.TagAsync("A", "other");
        Assert.Empty((JsonObject)(await world.ConfigAsync(key))["schedule"]!);
    }

    [Fact]
    public async Task A_pack_comes_by_its_own_tag_with_all_its_queries() // C05, C07, C08, C10, C11
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        await PutPackAsync(world, "p1", """
            {"platform":"windows","version":"5.0","shard":10,"description":"D","discovery":["select 1 from system_info"],
             "queries":{"q2":{"query":"select 1","interval":"60","removed":false},"snap":{"query":"select 1","interval":60,"snapshot":"true"} } }
            """);
        await PutPackAsync(world, "p3", """{"queries":{}}""");

        var config = await world.ConfigAsync(key);

        Assert.Empty((JsonObject)config["schedule"]!);
        Assert.True(JsonNode.DeepEquals(config["packs"], JsonNode.Parse("""
            {"p1":{"platform":"windows","version":"5.0","shard":10,"discovery":["select 1 from system_info"],
             "queries":{"q2":{"query":"select 1","interval":60,"removed":false},"snap":{"query":"select 1","interval":60,"removed":true,"snapshot":true} } } }
            """)), config.ToJsonString());
    }

    [Fact]
    public async Task File_paths_and_option_sets_are_merged()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        var tags = TagSet.Of(["t"]);
        await world.Items.FilePaths.PutAsync("etc", new("etc", tags, ["/etc/%%"], ["/etc/mtab"], true), null, default);
        await world.Items.FilePaths.PutAsync("tmp", new("tmp", tags, ["/tmp/%"], [], false), null, default);
        await PutOptionsAsync("a", """{"options":{"x":1,"y":2},"decorators":{"load":["select 1"]},"events":{"disable_subscribers":["a"]} }""");
        await PutOptionsAsync("b", """{"options":{"y":3,"schedule_splay_percent":20},"decorators":{"load":["select 1","select 2"]},"yara":{"signatures":{"g":["/f"]} } }""");

        var config = await world.ConfigAsync(key);

        Assert.Equal("""{"etc":["/etc/%%"],"tmp":["/tmp/%"]}""", config["file_paths"]!.ToJsonString());
        Assert.Equal("""{"etc":["/etc/mtab"]}""", config["exclude_paths"]!.ToJsonString());
        Assert.Equal("""["etc"]""", config["file_accesses"]!.ToJsonString());
        Assert.Equal("""{"pack_delimiter":"/","schedule_splay_percent":20,"x":1,"y":3}""", config["options"]!.ToJsonString());
        Assert.Equal("""{"load":["select 1","select 2"]}""", config["decorators"]!.ToJsonString());
        Assert.Equal("""{"signatures":{"g":["/f"]}}""", config["yara"]!.ToJsonString());

        Task PutOptionsAsync(string name, string json) => world.Items.Options.PutAsync(name, new(name, tags, (JsonObject)JsonNode.Parse(json)!), null, default).AsTask();
    }

    [Fact]
    public async Task The_same_tags_give_the_same_bytes_on_every_instance_until_something_changes()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        foreach (var name in new[] { "zz", "aa", "mm" }) await world.PutQueryAsync(name, "select 1", "t");
        world.Clock.Advance(TimeSpan.FromSeconds(3));

        var first = await Bytes(world);
        Assert.Equal(first, await Bytes(world));
        Assert.Equal(first, await Bytes(second));
        await world.PutQueryAsync("nn", "select 1", "t");
        Assert.NotEqual(first, await Bytes(world));

        async Task<byte[]> Bytes(World each) => (await each.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).Bytes;
    }

    [Fact]
    public async Task An_agent_that_sends_an_etag_gets_one_and_then_only_ok()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        var first = (await world.PostAsync("config", $$"""{"node_key":"{{key}}","etag":""}""")).Json;
        var etag = (string)first["etag"]!;
        Assert.NotNull(first["schedule"]);
        Assert.Equal("""{"etag":"ok"}""", (await world.PostAsync("config", $$"""{"node_key":"{{key}}","etag":"{{etag}}"}""")).Text);
        await world.PutQueryAsync("q", "select 1", "t");
        Assert.NotEqual(etag, (string)(await world.PostAsync("config", $$"""{"node_key":"{{key}}","etag":"{{etag}}"}""")).Json["etag"]!);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).Json.ContainsKey("etag"));
    }

    [Fact]
    public async Task Agents_that_ask_for_gzip_get_it_and_others_do_not()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        await world.PutQueryAsync("q", $"select '{new string('x', 3_000)}'", "t");
        var body = $$"""{"node_key":"{{key}}"}""";
        var plain = await world.PostAsync("config", body);
        var packed = await world.PostAsync("config", body, request => request.Headers.AcceptEncoding = "gzip");
        Assert.Equal((null, "gzip"), (plain.Encoding, packed.Encoding));
        using var gzip = new GZipStream(new MemoryStream(packed.Bytes), CompressionMode.Decompress);
        using var inflated = new MemoryStream();
        await gzip.CopyToAsync(inflated);
        Assert.Equal(plain.Bytes, inflated.ToArray());
    }

    [Fact]
    public async Task A_configuration_that_osquery_would_choke_on_is_an_error_so_that_the_old_one_stays()
    {
        await using var world = await World.OpenAsync(("Limits:ConfigBytes", "2000"));
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        await world.PutQueryAsync("q", $"select '{new string('x', 3_000)}'", "t");
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsError);
    }

    private static async Task PutPackAsync(World world, string name, string json)
    {
        var found = new ConfigFindings();
        var pack = Pack.Read(name, TagSet.Of(["t"]), (JsonObject)JsonNode.Parse(json)!, world.Get<OsquerySql>(), world.Limits, found);
        Assert.Empty(found.Faults);
        await world.Items.Packs.PutAsync(name, pack!, null, default);
    }
}

using System.Text;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

/// <summary>One query that is not liked does not refuse its file, if whoever imports it says so.</summary>
public sealed class AllowInvalidTests
{
    private const string File = """
        {"schedule": {"munki": {"query": "select * from munki_info", "interval": 3600}, "ok": {"query": "select * from uptime", "interval": 60}, "soon": {"query": "select 1", "interval": 0} },
         "packs": {"p": {"queries": {"opera": {"query": "select * from opera_extensions", "interval": 60}, "fine": {"query": "select 1", "interval": 60} } } },
         "views": {"v": "select 1 as a", "bad": "select nothing"},
         "decorators": {"load": ["select uuid from system_info", "select nothing"]},
         "events": []}
        """;

    [Fact]
    public async Task Without_it_every_fault_refuses_the_file()
    {
        await using var world = await World.OpenAsync();
        var refused = Assert.Throws<ConfigRefusedException>(() => Plan(world, AllowInvalid.No));
        Assert.Equal(
            ["schedule.munki.query", "schedule.soon.interval", "packs.p.queries.opera.query", "views.bad", "decorators.load[1]", "events"], refused.Faults.Select(fault => fault.Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task With_it_the_rest_is_taken_and_all_else_is_told(bool isForced)
    {
        var allow = isForced ? AllowInvalid.Forced : AllowInvalid.Disabled;
        await using var world = await World.OpenAsync();
        var plan = Plan(world, allow);
        Assert.Equal(["schedule.munki.query", "packs.p.queries.opera.query"], plan.Found.Notes.Select(note => note.Path));
        Assert.Equal(["schedule.soon.interval", "views.bad", "decorators.load[1]", "events"], plan.Found.LeftOut.Select(part => part.Path));
        await world.Get<ConfigImport>().ApplyAsync(plan, default);

        var munki = world.Items.Queries.Find("munki")!.Item.Schedule;
        Assert.Equal((!isForced, isForced), (munki.Disabled, munki.Forced));
        Assert.StartsWith("no such table: munki_info", munki.Fault, StringComparison.Ordinal);

        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        var config = await world.ConfigAsync(key);
        string[] isSent = isForced ? ["munki", "ok"] : ["ok"];
        Assert.Equal(isSent, ((JsonObject)config["schedule"]!).Select(query => query.Key));
        Assert.Equal(isForced, config["packs"]!["p"]!["queries"]!["opera"] is not null);
        Assert.DoesNotContain("\"fault\"", config.ToJsonString(), StringComparison.Ordinal);
        Assert.DoesNotContain("\"forced\"", config.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("""{"v":"select 1 as a"}""", config["views"]!.ToJsonString());
        Assert.Single((JsonArray)config["decorators"]!["load"]!);
    }

    [Fact]
    public async Task A_query_may_say_itself_that_it_is_disabled_or_forced()
    {
        await using var world = await World.OpenAsync();
        var plan = Plan(world, AllowInvalid.No, """
            {"queries": {"off": {"query": "select 1", "interval": 60, "disabled": true}, "forced": {"query": "select * from nope", "interval": 60, "forced": true},
                         "both": {"query": "select * from nope", "interval": 60, "disabled": true, "forced": true}, "needless": {"query": "select 1", "interval": 60, "forced": true}}}
            """);
        var queries = plan.Packs[0].Queries.ToDictionary(query => query.Name, query => (query.Schedule.Disabled, query.Schedule.Forced, query.Schedule.Fault is not null));
        Assert.Equal((true, false, false), queries["off"]);
        Assert.Equal((false, true, true), queries["forced"]);
        Assert.Equal((true, false, true), queries["both"]);
        Assert.Equal((false, false, false), queries["needless"]);
    }

    [Fact]
    public async Task Text_that_no_agent_takes_is_not_forced_on_them()
    {
        await using var world = await World.OpenAsync();
        var long_ = $$$"""{"queries": {"a": {"query": "{{{new string('x', 1_000_001)}}}", "interval": 60}, "b": {"query": "", "interval": 60}, "c": {"query": "select 1", "interval": 60} } }""";
        var plan = Plan(world, AllowInvalid.Forced, long_);
        Assert.Equal(["c"], plan.Packs[0].Queries.Select(query => query.Name));
        Assert.Equal(["queries.a.query", "queries.b.query"], plan.Found.LeftOut.Select(part => part.Path));
    }

    [Fact]
    public async Task A_pack_whose_discovery_fails_stays_with_it()
    {
        await using var world = await World.OpenAsync();
        var plan = Plan(world, AllowInvalid.Disabled, """{"discovery": ["select * from nope"], "queries": {"a": {"query": "select 1", "interval": 60}}}""");
        Assert.Equal("""["select * from nope"]""", plan.Packs[0].Json["discovery"]!.ToJsonString());
        Assert.Equal("discovery[0]", Assert.Single(plan.Found.Notes).Path);
    }

    private static ImportPlan Plan(World world, AllowInvalid allow, string file = File) =>
        world.Get<ConfigImport>().Plan("x", TagSet.Of(["t"]), OsqueryFile.Read(Encoding.UTF8.GetBytes(file)), allow);
}

using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Results;

/// <summary>Rows leave a report when their query leaves the node: at once in what is shown, and later in the store.</summary>
public sealed class CurrentReportsTests
{
    private const string Lines = """[{"name":"rq","unixTime":1772452800,"epoch":0,"counter":0,"columns":{"uid":"0"},"action":"added"}]""";

    [Fact]
    public async Task Without_its_tag_its_query_or_its_SQL_a_node_holds_nothing_of_a_query()
    {
        await using var world = await HoldingAsync();
        Assert.True(await IsShownAsync(world));
        await world.Get<NodeStore>().ChangeAsync(NodeId.OfHost("A"), node => node with { Tags = TagSet.None }, default);
        Assert.False(await IsShownAsync(world));
        await world.TagAsync("A", "t");
        Assert.True(await IsShownAsync(world));

        // Rows that the agent sends before it has the new SQL are of the old.
        await world.PutQueryAsync("rq", "select uid, gid from users", "t");
        await world.LogAsync(await world.EnrollAsync("A"), Lines.Replace("\"counter\":0", "\"counter\":1", StringComparison.Ordinal));
        await world.MaterializeAsync();
        Assert.False(await IsShownAsync(world));
        await world.LogAsync(await world.EnrollAsync("A"), Lines.Replace("1772452800", "1772452900", StringComparison.Ordinal));
        await world.MaterializeAsync();
        Assert.True(await IsShownAsync(world));

        await world.Items.Queries.RemoveAsync("rq", null, default);
        Assert.False(await IsShownAsync(world));
    }

    [Fact]
    public async Task What_is_not_shown_for_a_week_leaves_the_store()
    {
        await using var world = await HoldingAsync();
        await world.Items.Queries.RemoveAsync("rq", null, default);
        world.Clock.Advance(TimeSpan.FromDays(60));
        await world.Get<ReportSweep>().RunAsync(default);
        Assert.NotNull(await ReportAsync(world));

        // The week begins when it is first found, and anew when the query was there in between.
        await world.PutQueryAsync("rq", "select uid from users", "t");
        await world.Get<ReportSweep>().RunAsync(default);
        await world.Items.Queries.RemoveAsync("rq", null, default);
        world.Clock.Advance(TimeSpan.FromDays(8));
        await world.Get<ReportSweep>().RunAsync(default);
        Assert.NotNull(await ReportAsync(world));
        world.Clock.Advance(TimeSpan.FromDays(8));
        await world.Get<ReportSweep>().RunAsync(default);
        Assert.Null(await ReportAsync(world));
    }

    [Fact]
    public async Task A_report_of_a_schedule_that_is_not_ours_is_shown_as_long_as_its_node_is_there()
    {
        await using var world = await World.OpenAsync();
        await world.LogAsync(await world.EnrollAsync("A"), Lines);
        await world.MaterializeAsync();
        Assert.True(await IsShownAsync(world));
        world.Clock.Advance(TimeSpan.FromDays(80));
        await world.Get<ReportSweep>().RunAsync(default);
        Assert.True(await IsShownAsync(world));
        await world.Get<NodeStore>().RemoveAsync(NodeId.OfHost("A"), default);
        Assert.False(await IsShownAsync(world));
    }

    [Fact]
    public async Task An_agent_that_was_installed_anew_leaves_no_rows_of_the_one_before()
    {
        await using var world = await World.OpenAsync();
        await world.PutQueryAsync("rq", "select uid from users", "t");
        var key = await EnrollAsync("first");
        await world.TagAsync("A", "t");
        await world.LogAsync(key, Lines);
        await world.MaterializeAsync();
        Assert.True(await IsShownAsync(world));

        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await EnrollAsync("first");
        Assert.True(await IsShownAsync(world));
        key = await EnrollAsync("second");
        Assert.False(await IsShownAsync(world));

        // Its first run finds something else; without one, only what it adds is there.
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.LogAsync(key, Lines.Replace("\"0\"", "\"7\"", StringComparison.Ordinal).Replace("1772452800", "1772452900", StringComparison.Ordinal));
        await world.MaterializeAsync();
        Assert.True(await IsShownAsync(world));
        Assert.Equal("7", Assert.Single((await ReportAsync(world))!.Rows)[0].Value.Text);

        async Task<string> EnrollAsync(string instance) =>
            (string)(await world.PostAsync("enroll", $$$"""{"enroll_secret":"{{{World.Secret}}}","host_identifier":"A","host_details":{"osquery_info":{"instance_id":"{{{instance}}}"} } }""")).Json["node_key"]!;
    }

    private static async Task<World> HoldingAsync()
    {
        var world = await World.OpenAsync();
        await world.PutQueryAsync("rq", "select uid from users", "t");
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        await world.LogAsync(key, Lines);
        await world.MaterializeAsync();
        return world;
    }

    private static async Task<bool> IsShownAsync(World world)
    {
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        await world.Get<Fleet.Storage.ChangeFeed>().LookAsync(default);
        return await ReportAsync(world) is { } report && await world.Get<CurrentReports>().IsAsync("rq", NodeId.OfHost("A"), report, default);
    }

    private static Task<Report?> ReportAsync(World world) => world.Get<ReportStore>().FindAsync("rq", NodeId.OfHost("A"), default).AsTask();
}

using Fleet.Kernel;
using Fleet.Results;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

/// <summary>Search goes by the index: what it costs follows from what is found, and no line is missed.</summary>
public sealed class SearchTests
{
    private static readonly ResultFilter s_all = new(null, null, null, null, [], []);

    [Fact]
    public async Task Lines_of_a_query_are_found_on_all_nodes_newest_first()
    {
        await using var world = await World.OpenAsync();
        foreach (var host in new[] { "A", "B" })
        {
            var key = await world.EnrollAsync(host);
            for (var hour = 0; hour < 30; hour += 10) await world.LogAsync(key, Lines(world, "q", -hour * 3_600, "pid", host + hour));
            await world.LogAsync(key, Lines(world, "other", 0, "pid", "x"));
        }

        await world.MaterializeAsync();
        var page = await SearchAsync(world, s_all with { Query = "q" }, 100);
        Assert.Equal(["A0", "A10", "A20", "B0", "B10", "B20"], page.Items.Select(Pid).Order());
        Assert.Equal(page.Items.Select(found => found.Item.Time).OrderDescending(), page.Items.Select(found => found.Item.Time));
        var from = world.Clock.Now.AddHours(-15);
        Assert.Equal(["A0", "A10", "B0", "B10"], (await SearchAsync(world, s_all with { Query = "q", From = from }, 100)).Items.Select(Pid).Order());
        Assert.Equal(["A20", "B20"], (await SearchAsync(world, s_all with { Query = "q", To = from }, 100)).Items.Select(Pid).Order());
        Assert.Equal(["B0", "B10", "B20"], (await SearchAsync(world, s_all with { Query = "q", Nodes = new HashSet<NodeId> { NodeId.OfHost("B") } }, 100)).Items.Select(Pid).Order());
        Assert.Contains("x", (await SearchAsync(world, s_all, 100)).Items.Select(Pid));
    }

    [Fact]
    public async Task A_batch_that_spans_hours_is_found_in_each_of_them_and_each_line_once()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        await world.LogAsync(key, "[" + string.Join(',', Enumerable.Range(0, 5).Select(i => $$$"""{"name":"q","action":"added","columns":{"pid":"{{{i}}}"},"unixTime":{{{now - i * 3_600}}}}""")) + "]");
        await world.MaterializeAsync();
        Assert.Equal(["0", "1", "2", "3", "4"], (await SearchAsync(world, s_all with { Query = "q" }, 100)).Items.Select(Pid));
        var between = s_all with { Query = "q", From = world.Clock.Now.AddHours(-3), To = world.Clock.Now.AddHours(-2) };
        Assert.Equal(["2", "3"], (await SearchAsync(world, between, 100)).Items.Select(Pid));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_large_snapshot_is_read_once_for_all_its_pages_and_each_row_is_shown_once(bool isSearch)
    {
        await using var world = await World.OpenAsync();
        var rows = string.Join(',', Enumerable.Range(0, 10_000).Select(i => $$"""{"pid":"{{i}}","path":"/usr/bin/program-{{i}}"}"""));
        await world.LogAsync(await world.EnrollAsync("A"), $$"""[{"name":"q","action":"snapshot","unixTime":{{world.Clock.Now.ToUnixTimeSeconds()}},"snapshot":[{{rows}}]}]""");
        await world.MaterializeAsync();
        var seen = new List<string?>();
        string? after = null;
        var reads = 0L;
        for (var number = 0; number == 0 || after is not null; number++)
        {
            world.Tables.Reset();
            if (isSearch)
            {
                var page = await SearchAsync(world, s_all with { Query = "q" }, 500, after);
                after = page.After;
                seen.AddRange(page.Items.Select(Pid));
            }
            else
            {
                var page = await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), new("q", null, null), 500, after, default);
                after = page.After;
                seen.AddRange(page.Items.Select(row => row.Column("pid")));
            }

            if (number == 0) reads = world.Tables.Reads;
            else Assert.InRange(world.Tables.Reads, 0, Math.Min(reads, 3));
        }

        Assert.Equal(Enumerable.Range(0, 10_000).Select(i => (string?)$"{i}"), seen);
    }

    [Fact]
    public async Task A_batch_that_cannot_be_read_says_so_among_the_others()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, Lines(world, "q", 0, "pid", "1"));
        await world.LogAsync(key, Lines(world, "q", -60, "pid", "2"));
        await world.MaterializeAsync();
        var pages = world.Get<ResultPages>();
        var node = NodeId.OfHost("A");
        var batch = await world.Get<BatchStore>().NewestFirstAsync(Schema.ResultsPrefix, node, null, (_, _, _) => true, null, default).FirstAsync();
        await world.Tables[batch.Key.Table].WriteAsync(Write.Replace(batch.Key.Key, new Columns { ["At"] = world.Clock.Now, ["Count"] = 1L, ["Parts"] = 2L }), default);

        foreach (var page in new[] { (await SearchAsync(world, s_all, 100)).Items.Select(found => found.Item).ToList(), [.. (await pages.ResultsAsync(node, new(null, null, null), 100, null, default)).Items] })
        {
            Assert.Contains(page, row => row.Column("pid") == "2");
            Assert.Contains(page, row => row.Fault is not null);
        }
    }

    [Theory]
    [InlineData("Equals", "/tmp/x", "1")]
    [InlineData("Begins", "/tmp", "1 2")]
    [InlineData("Contains", "bin", "2 3")]
    public async Task Columns_are_compared(string comparison, string value, string expected)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        await world.LogAsync(key, "[" + string.Join(',', new[] { "/tmp/x", "/tmp/bin", "/usr/bin" }.Select((path, i) => $$$"""{"name":"q","action":"added","columns":{"pid":"{{{i + 1}}}","path":"{{{path}}}"},"unixTime":{{{now}}}}""")) + "]");
        await world.MaterializeAsync();
        var found = await SearchAsync(world, s_all with { Query = "q", Columns = [new("path", Enum.Parse<ColumnOperator>(comparison), [value])] }, 100);
        Assert.Equal(expected, string.Join(' ', found.Items.Select(Pid).Order()));
        Assert.Empty((await SearchAsync(world, s_all with { Query = "q", Actions = ["removed"] }, 100)).Items);
    }

    [Fact]
    public async Task Pages_follow_each_other_without_a_gap_or_a_repeat_and_each_costs_little()
    {
        await using var world = await World.OpenAsync();
        for (var node = 0; node < 6; node++)
        {
            var key = await world.EnrollAsync("N" + node);
            for (var batch = 0; batch < 30; batch++) await world.LogAsync(key, Lines(world, "q", -batch * 1_800, "pid", $"{node}-{batch}"));
        }

        await world.MaterializeAsync();
        var seen = new List<string?>();
        string? after = null;
        do
        {
            world.Tables.Reset();
            var page = await world.Get<ResultSearch>().ResultsAsync(s_all with { Query = "q" }, 7, after, default);
            Assert.InRange(world.Tables.Operations, 1, 49);
            seen.AddRange(page.Items.Select(Pid));
            after = page.After;
        }
        while (after is not null);
        Assert.Equal(180, seen.Count);
        Assert.Equal(180, seen.Distinct().Count());
    }

    [Fact]
    public async Task What_matches_nothing_ends_early_and_goes_on_where_it_ended()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var batch = 0; batch < 120; batch++) await world.LogAsync(key, Lines(world, "q", -batch * 60, "pid", batch == 119 ? "needle" : "hay" + batch));
        await world.MaterializeAsync();
        var filter = s_all with { Query = "q", Columns = [new("pid", ColumnOperator.Equals, ["needle"])] };
        var pages = 0;
        string? after = null;
        var found = new List<string?>();
        do
        {
            world.Tables.Reset();
            var page = await world.Get<ResultSearch>().ResultsAsync(filter, 10, after, default);
            Assert.InRange(world.Tables.Operations, 1, 49);
            found.AddRange(page.Items.Select(Pid));
            after = page.After;
            pages++;
        }
        while (after is not null);
        Assert.Equal(["needle"], found);
        Assert.InRange(pages, 3, 6);
        Assert.Equal(120, await world.Get<ResultSearch>().AllResultsAsync(s_all with { Query = "q" }, default).CountAsync());
    }

    [Fact]
    public async Task A_line_that_came_in_two_batches_is_found_once()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        string Line(int i) => $$$"""{"name":"q","action":"added","columns":{"pid":"{{{i}}}"},"unixTime":{{{now}}}}""";
        await world.LogAsync(key, $"[{Line(1)}]");
        await world.LogAsync(key, $"[{Line(1)},{Line(2)}]");
        await world.MaterializeAsync();
        Assert.Equal(["1", "2"], (await SearchAsync(world, s_all with { Query = "q" }, 100)).Items.Select(Pid).Order());
    }

    [Fact]
    public async Task Status_logs_are_searched_by_node_severity_text_and_time()
    {
        await using var world = await World.OpenAsync();
        var now = world.Clock.Now.ToUnixTimeSeconds();
        foreach (var host in new[] { "A", "B" })
        {
            var key = await world.EnrollAsync(host);
            await world.LogAsync(key, $$"""[{"severity":0,"message":"fine","unixTime":{{now}}},{"severity":2,"message":"The disk is FULL on {{host}}","unixTime":{{now - 7_200}}}]""", "status");
        }

        await world.MaterializeAsync();
        var search = world.Get<ResultSearch>();
        Assert.Equal(4, (await search.StatusLogsAsync(new(null, null, null, 0, null), 100, null, default)).Items.Count);
        var full = await search.StatusLogsAsync(new(new HashSet<NodeId> { NodeId.OfHost("B") }, null, null, 2, "disk is full"), 100, null, default);
        Assert.Equal("The disk is FULL on B", Assert.Single(full.Items).Item.Message);
        Assert.Equal(2, (await search.StatusLogsAsync(new(null, world.Clock.Now.AddHours(-1), null, 0, null), 100, null, default)).Items.Count);
    }

    [Fact]
    public async Task A_line_with_a_wrong_clock_is_found_by_the_hour_of_its_arrival()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"name":"q","action":"added","columns":{"pid":"past"},"unixTime":86400},{"name":"q","action":"added","columns":{"pid":"future"},"unixTime":4102444800}]""");
        await world.MaterializeAsync();
        Assert.Equal(["future", "past"], (await SearchAsync(world, s_all with { Query = "q" }, 100)).Items.Select(Pid).Order());
    }

    [Fact]
    public async Task One_line_with_a_wrong_clock_does_not_hide_the_others_of_its_batch()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        foreach (var old in new[] { 86_400L, -5L })
        {
            await world.LogAsync(key, $"[{Line("q", "old", old)},{Line("q", "three hours ago" + old, now - 10_800)},{Line("q", "now" + old, now)}]");
        }

        await world.MaterializeAsync();
        Assert.Equal(["now-5", "now86400", "old", "old", "three hours ago-5", "three hours ago86400"], (await SearchAsync(world, s_all with { Query = "q" }, 100)).Items.Select(Pid).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_query_whose_name_begins_like_another_is_another()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var now = world.Clock.Now.ToUnixTimeSeconds();
        await world.LogAsync(key, $"[{Line("up", "a", now)},{Line("up-2", "b", now)},{Line("up-x", "c", now)}]");
        await world.MaterializeAsync();
        Assert.Equal(["a"], (await SearchAsync(world, s_all with { Query = "up" }, 100)).Items.Select(Pid));
        Assert.Equal(["fleet/node_enrolled", "up", "up-2", "up-x"], (await SearchAsync(world, s_all, 100)).Items.Select(found => found.Item.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_node_that_never_ran_the_query_costs_no_more_than_one_that_did()
    {
        await using var world = await World.OpenAsync();
        var (hour, other) = (world.Clock.Now, NodeId.OfHost("B"));
        var pointers = Enumerable.Range(0, 80_000).Select(i => (Time: TimeKey.NewestFirst(hour.AddTicks(i)), i)).Select(one => Write.Replace(
            new($"q!{TimeKey.HourNewestFirst(hour)}", $"{one.Time}-{other}-x{one.i}"), new Columns { ["Batch"] = $"Results200001/{other}/{one.Time}-x{one.i}" }));
        await world.Tables[Schema.ResultIndex(hour)].WriteManyAsync(pointers, default);
        string? after = null;
        var pages = 0;
        do
        {
            world.Tables.Reset();
            var page = await world.Get<ResultSearch>().ResultsAsync(s_all with { Query = "q", Nodes = new HashSet<NodeId> { NodeId.OfHost("A") } }, 10, after, default);
            Assert.InRange(world.Tables.Operations, 1, 49);
            Assert.Empty(page.Items);
            after = page.After;
            pages++;
        }
        while (after is not null);
        Assert.InRange(pages, 2, 4);
    }

    private static string Line(string query, string pid, long time) => $$$"""{"name":"{{{query}}}","action":"added","columns":{"pid":"{{{pid}}}"},"unixTime":{{{time}}}}""";

    private static async Task<Fleet.Storage.Page<Found<ResultRow>>> SearchAsync(World world, ResultFilter filter, int take, string? after = null) => await world.Get<ResultSearch>().ResultsAsync(filter, take, after, default);

    private static string? Pid(Found<ResultRow> found) => found.Item.Column("pid");

    private static string Lines(World world, string query, int seconds, string column, string value) =>
        $$$"""[{"name":"{{{query}}}","action":"added","columns":{"{{{column}}}":"{{{value}}}"},"unixTime":{{{world.Clock.Now.ToUnixTimeSeconds() + seconds}}}}]""";
}

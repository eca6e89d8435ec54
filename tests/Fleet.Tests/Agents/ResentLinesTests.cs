using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Sinks;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Identical lines are data. What is told apart from more of the same is a post that was not acknowledged, and comes again from its first line on.</summary>
public sealed class ResentLinesTests
{
    [Fact]
    public async Task Lines_that_are_alike_and_come_in_different_posts_are_all_kept()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")}]");
        await world.LogAsync(key, $"[{Line("b")},{Line("b")},{Line("c")}]");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")}]");
        await AssertAllAsync(world, ["a", "a", "b", "b", "b", "b", "c"]);
    }

    [Theory]
    [InlineData(3_000, 1_024)]
    [InlineData(700, 100)]
    public async Task Posts_of_many_lines_that_are_all_alike_are_all_kept(int count, int atOnce)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var sent = 0; sent < count; sent += atOnce) await world.LogAsync(key, $"[{string.Join(',', Enumerable.Repeat(Line("a"), Math.Min(atOnce, count - sent)))}]");
        await AssertAllAsync(world, [.. Enumerable.Repeat("a", count)]);
    }

    [Fact]
    public async Task A_post_that_comes_again_is_stored_once_and_with_new_lines_after_it_only_these_are_stored()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")}]");
        world.Tables.Reset();
        await world.LogAsync(key, $"[{Line("a")},{Line("b")}]");
        Assert.Equal(0, world.Tables.Operations);
        await world.LogAsync(key, $"[{Line("a")},{Line("b")},{Line("b")}]");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")},{Line("b")},{Line("c")}]");
        await AssertAllAsync(world, ["a", "b", "b", "c"]);
    }

    [Fact]
    public async Task After_a_restart_and_on_another_instance_a_post_that_comes_again_is_known()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")}]");
        await world.LogAsync(key, $"[{Line("a")},{Line("b")},{Line("c")}]");
        await using var second = await world.OpenSecondAsync();
        await second.LogAsync(key, $"[{Line("a")},{Line("b")},{Line("c")},{Line("d")}]");
        await second.LogAsync(key, $"[{Line("d")}]");
        await AssertAllAsync(second, ["a", "b", "c", "d", "d"]);
    }

    [Fact]
    public async Task A_post_that_could_not_be_stored_whole_is_done_again_even_if_all_its_lines_are_alike()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var post = $"[{string.Join(',', Enumerable.Repeat(Line("a"), 200))}]";
        world.Tables.FaultOf = (table, _) => table == Schema.Inbox ? new StorageUnavailableException("down") : null;
        Assert.True((await world.LogAsync(key, post)).IsError);
        world.Tables.FaultOf = null;
        Assert.False((await world.LogAsync(key, post)).IsError);
        await AssertAllAsync(world, [.. Enumerable.Repeat("a", 200)]);
    }

    [Fact]
    public async Task Many_lines_that_are_all_alike_are_more_of_the_same_after_a_restart_too()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var post = $"[{string.Join(',', Enumerable.Repeat(Line("a"), 200))}]";
        await world.LogAsync(key, post);
        await using var second = await world.OpenSecondAsync();
        await second.LogAsync(key, post);
        await AssertAllAsync(second, [.. Enumerable.Repeat("a", 400)]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_post_that_grows_and_is_never_acknowledged_stays_small_to_remember(bool fails)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var lines = new List<string>();
        for (var i = 0; i < 100; i++)
        {
            lines.Add("v" + i.ToString("D3", System.Globalization.CultureInfo.InvariantCulture));
            world.Tables.FaultOf = (table, _) => fails && table == Schema.Inbox ? new StorageUnavailableException("down") : null;
            Assert.Equal(fails, (await world.LogAsync(key, $"[{string.Join(',', lines.Select(Line))}]")).IsError);
        }

        Assert.InRange((await world.Get<NodeDirectory>().FindAsync(NodeId.OfHost("A"), default))!.LastPost(isStatus: false)!.Parts.Count, 1, 16);
        if (!fails) await AssertAllAsync(world, lines);
    }

    [Fact]
    public async Task Status_lines_are_told_apart_alike()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        foreach (var post in new[] { "[1,2]", "[2,2]", "[2,2,1]" }) await world.LogAsync(key, $"[{string.Join(',', post.Trim('[', ']').Split(',').Select(Status))}]", "status");
        Assert.Equal(5, (await world.Get<ResultPages>().StatusLogsAsync(NodeId.OfHost("A"), new(null, null, null), 100, null, default)).Items.Count);

        static string Status(string message) => $$"""{"severity":1,"unixTime":1772452800,"message":"{{message}}"}""";
    }

    /// <summary>Any lines, many alike, in posts of any size, any of them sent again with more, some while the store is down: what is kept is what a machine had.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_lines_however_they_are_posted_and_sent_again_are_stored_counted_judged_and_forwarded_once_each(int seed)
    {
        var random = new Random(seed);
        await using var world = await World.OpenAsync(("Limits:AlertsPerMinute", "10000"));
        await world.Get<SinkStore>().PutAsync(new("copy", "file", new Dictionary<string, string> { ["path"] = "copy.ndjson" }), null, null, default);
        await world.AddRuleAsync(
            "every", """{"condition":"AND","rules":[{"field":"column","operator":"column_matches_regex","value":["v","^v"]}]}""",
            rule => rule with { Grouping = new(["v"], TimeSpan.FromDays(1)) });
        var key = await world.EnrollAsync("A");
        var lines = new List<string>();
        var acknowledged = 0;
        for (var turn = 0; turn < 60; turn++)
        {
            // Runs of rows that are alike, as a multiset gives them; each post begins with a line of its own time.
            lines.Add("mark" + turn);
            for (var run = 0; run < 3; run++) lines.AddRange(Enumerable.Repeat("v" + random.Next(4), random.Next(4)));

            // What was not acknowledged comes again, with what is new after it.
            var broken = random.Next(8) switch { 0 => Schema.Inbox, 1 => Schema.Results(world.Clock.Now), _ => null };
            world.Tables.FaultOf = (table, _) => table == broken ? new StorageUnavailableException("down") : null;
            var reply = await world.LogAsync(key, $"[{string.Join(',', lines.Skip(acknowledged).Select(Line))}]");
            world.Tables.FaultOf = null;
            if (!reply.IsError && random.Next(3) > 0) acknowledged = lines.Count;
            if (random.Next(4) == 0) await world.PumpAsync();
        }

        // A real agent goes on until it is told that all is well.
        Assert.False((await world.LogAsync(key, $"[{string.Join(',', lines.Skip(acknowledged).Append("v0").Select(Line))}]")).IsError);
        lines.Add("v0");
        await AssertAllAsync(world, [.. lines.Order(StringComparer.Ordinal)]);
        await AssertForwardedAsync(world, lines);
        await AssertJudgedAsync(world, lines);
        Assert.Equal(lines.Count, (await world.Get<Activity>().HoursAsync(1, default))[0].Counts[(int)ActivityKind.ResultLines]);
    }

    private static async Task AssertForwardedAsync(World world, List<string> values)
    {
        await world.PumpAsync();
        await world.Get<SinkPump>().RunAsync(TimeSpan.FromSeconds(30), default);
        var forwarded = (await File.ReadAllLinesAsync(Path.Combine(world.Get<Fleet.Hosting.DataFolder>().Out, "copy.ndjson")))
            .Select(line => JsonNode.Parse(line)!).Where(line => (string?)line["name"] == "q").Select(line => (string)line["columns"]!["v"]!);
        Assert.Equal(values.Order(StringComparer.Ordinal), forwarded.Order(StringComparer.Ordinal));
    }

    private static async Task AssertJudgedAsync(World world, List<string> values)
    {
        var counts = (await world.AlertsAsync()).Select(alert => ((string)JsonNode.Parse(alert.Line)!["columns"]!["v"]!, alert.Count));
        var expected = values.Where(value => value[0] == 'v').GroupBy(value => value).Select(group => (group.Key, group.LongCount()));
        Assert.Equal(expected.Order(), counts.Order());
    }

    /// <summary>By pages, by search and in the report there are the same rows.</summary>
    private static async Task AssertAllAsync(World world, IReadOnlyList<string> values)
    {
        await world.MaterializeAsync();
        foreach (var take in new[] { 7, 1_000 })
        {
            var paged = new List<string?>();
            string? after = null;
            do
            {
                var page = await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), new("q", null, null), take, after, default);
                paged.AddRange(page.Items.Select(row => row.Column("v")));
                after = page.After;
            }
            while (after is not null);
            Assert.Equal(values, paged.Order(StringComparer.Ordinal));

            var found = new List<string?>();
            do
            {
                var page = await world.Get<ResultSearch>().ResultsAsync(new("q", null, null, null, [], []), take, after, default);
                found.AddRange(page.Items.Select(one => one.Item.Column("v")));
                after = page.After;
            }
            while (after is not null);
            Assert.Equal(values, found.Order(StringComparer.Ordinal));
        }

        var report = await world.Get<ReportStore>().FindAsync("q", NodeId.OfHost("A"), default);
        Assert.Equal(values, report!.Rows.Select(row => row[0].Value.Text).Order(StringComparer.Ordinal));
    }

    private static string Line(string value) => $$$"""{"name":"q","unixTime":1772452800,"epoch":0,"counter":1,"columns":{"v":"{{{value}}}"},"action":"added"}""";
}

using System.Text.Json.Nodes;
using Fleet.Results;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

public sealed class ReportTests
{
    [Fact]
    public void Added_and_removed_rows_are_applied_in_the_order_of_their_time()
    {
        var report = new Report();
        report.Apply([Row("added", 2, 1, "b"), Row("added", 1, 0, "a"), Row("removed", 3, 2, "a")], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["b"], Held(report));
    }

    [Fact]
    public void A_snapshot_replaces_all_and_an_empty_one_too()
    {
        var report = new Report();
        report.Apply([Row("snapshot", 1, 0, "a"), Row("snapshot", 1, 0, "b")], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["a", "b"], Held(report));
        report.Apply([Row("snapshot", 2, 0, "c")], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["c"], Held(report));
        report.Apply([new() { Name = "q", Action = "snapshot", Time = DateTimeOffset.FromUnixTimeSeconds(3), Columns = [], IsEmpty = true }], 100, DateTimeOffset.MaxValue);
        Assert.Empty(Held(report));
    }

    [Fact]
    public void The_first_run_of_an_epoch_says_all_that_there_is()
    {
        var report = new Report();
        report.Apply([Row("added", 1, 0, "a"), Row("added", 5, 3, "b")], 100, DateTimeOffset.MaxValue);
        report.Apply([Row("added", 9, 0, "b"), Row("added", 9, 0, "c")], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["b", "c"], Held(report));
    }

    [Fact]
    public void Rows_that_come_again_late_change_nothing()
    {
        var report = new Report();
        ResultRow[] first = [Row("added", 1, 0, "a"), Row("added", 1, 0, "b")];
        ResultRow[] second = [Row("removed", 2, 1, "a")];
        report.Apply(first, 100, DateTimeOffset.MaxValue);
        report.Apply(second, 100, DateTimeOffset.MaxValue);
        report = Report.Read(report.Write());
        report.Apply(first, 100, DateTimeOffset.MaxValue);
        report.Apply(second, 100, DateTimeOffset.MaxValue);
        report.Apply(first, 100, DateTimeOffset.MaxValue);
        Assert.Equal(["b"], Held(report));
    }

    [Fact]
    public void Over_the_limit_the_oldest_rows_go_and_it_is_said()
    {
        var report = new Report();
        report.Apply(Enumerable.Range(0, 50).Select(i => Row("added", i + 1, i + 1, "r" + i)), 10, DateTimeOffset.MaxValue);
        Assert.True(report.IsTruncated);
        Assert.Equal(Enumerable.Range(40, 10).Select(i => "r" + i), Held(report));
    }

    [Fact]
    public async Task What_agents_log_becomes_reports_and_node_info_in_bulk()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var i = 0; i < 20; i++)
        {
            await world.LogAsync(key, $$$"""[{"name":"q","unixTime":{{{1772452800 + i}}},"counter":{{{i}}},"columns":{"i":"{{{i}}}","computer_name":"n{{{i}}}"},"action":"added"}]""");
        }

        world.Tables.Reset();
        await world.MaterializeAsync();
        Assert.InRange(world.Tables.Writes, 1, 12);
        var page = await world.Get<ReportStore>().PageAsync("q", 10, null, default);
        Assert.Equal(20, Assert.Single(page.Items).Report.Rows.Count());
        Assert.Equal("n19", (await world.NodeOfAsync("A")).Info["computer_name"]);
        world.Tables.Reset();
        await world.MaterializeAsync();
        Assert.Equal(0, world.Tables.Writes);
    }

    [Fact]
    public async Task Two_instances_that_materialise_at_once_do_no_harm()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var keys = await Task.WhenAll(Enumerable.Range(0, 5).Select(i => world.EnrollAsync("H" + i)));
        foreach (var key in keys) await world.LogAsync(key, """[{"name":"q","unixTime":1772452800,"counter":0,"columns":{"a":"1"},"action":"added"},{"name":"q","unixTime":1772452800,"counter":0,"columns":{"a":"2"},"action":"added"}]""");
        await Task.WhenAll(world.MaterializeAsync(), second.MaterializeAsync());
        var page = await world.Get<ReportStore>().PageAsync("q", 10, null, default);
        Assert.Equal(5, page.Items.Count);
        Assert.All(page.Items, item => Assert.Equal(2, item.Report.Rows.Count()));
    }

    [Theory] // Doorman's N01 to N08
    [InlineData("{}", """[{"a":"added","c":{"computer_name":"x","uuid":"u"}}]""", """{"computer_name":"x"}""")]
    [InlineData("""{"computer_name":"old"}""", """[{"a":"removed","c":{"computer_name":"old"}},{"a":"added","c":{"computer_name":"new"}}]""", """{"computer_name":"new"}""")]
    [InlineData("""{"computer_name":"old"}""", """[{"a":"added","c":{"computer_name":"new"}},{"a":"removed","c":{"computer_name":"old"}}]""", """{"computer_name":"new"}""")]
    [InlineData("""{"computer_name":"cur"}""", """[{"a":"removed","c":{"computer_name":"other"}}]""", """{"computer_name":"cur"}""")]
    [InlineData("""{"computer_name":"cur"}""", """[{"a":"removed","c":{"computer_name":"cur"}}]""", "{}")]
    [InlineData("{}", """[{"a":"snapshot","c":{"computer_name":"x"}}]""", """{"computer_name":"x"}""")]
    public void Node_info_is_learned_from_any_row(string before, string rows, string after)
    {
        var known = ((JsonObject)JsonNode.Parse(before)!).ToDictionary(pair => pair.Key, pair => (string)pair.Value!);
        var learned = new NodeInfo(NodeInfo.Default).Learn(known, ((JsonArray)JsonNode.Parse(rows)!).Select(row => new ResultRow
        {
            Name = "any",
            Action = (string)row!["a"]!,
            Time = default,
            Columns = [.. ((JsonObject)row["c"]!).Select(column => new KeyValuePair<string, ColumnValue>(column.Key, new((string?)column.Value, false)))],
        }));
        Assert.Equal(after, System.Text.Json.JsonSerializer.Serialize(learned));
        if (before == after) Assert.Same(known, learned);
    }

    private static ResultRow Row(string action, long time, long counter, string value) => new()
    {
        Name = "q",
        Action = action,
        Time = DateTimeOffset.FromUnixTimeSeconds(time),
        Counter = counter,
        Columns = [new("v", new(value, false))],
    };

    private static IEnumerable<string?> Held(Report report) => report.Rows.Select(row => row[0].Value.Text);
}

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
        Apply(report, [Row("added", 2, 1, "b"), Row("added", 1, 0, "a"), Row("removed", 3, 2, "a")]);
        Assert.Equal(["b"], Held(report));
    }

    [Fact]
    public void A_snapshot_replaces_all_and_an_empty_one_too()
    {
        var report = new Report();
        Apply(report, [Row("snapshot", 1, 0, "a"), Row("snapshot", 1, 0, "b")]);
        Assert.Equal(["a", "b"], Held(report));
        Apply(report, [Row("snapshot", 2, 0, "c")]);
        Assert.Equal(["c"], Held(report));
        Apply(report, [new() { Name = "q", Action = "snapshot", Time = DateTimeOffset.FromUnixTimeSeconds(3), Columns = [], IsEmpty = true }]);
        Assert.Empty(Held(report));
    }

    [Fact]
    public void The_first_run_of_an_epoch_says_all_that_there_is()
    {
        var report = new Report();
        Apply(report, [Row("added", 1, 0, "a"), Row("added", 5, 3, "b")]);
        Apply(report, [Row("added", 9, 0, "b"), Row("added", 9, 0, "c")]);
        Assert.Equal(["b", "c"], Held(report));
    }

    [Fact]
    public void Batches_that_come_again_late_change_nothing()
    {
        var report = new Report();
        BatchRows first = new("1", At(1), [Row("added", 1, 0, "a"), Row("added", 1, 0, "b")]);
        BatchRows second = new("2", At(2), [Row("removed", 2, 1, "a")]);
        report.Apply([first, second], 100, DateTimeOffset.MaxValue);
        report = Report.Read(report.Write());
        foreach (var batch in new[] { first, second, first }) report.Apply([batch], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["b"], Held(report));
    }

    [Fact]
    public void Over_the_limit_the_oldest_rows_go_and_it_is_said()
    {
        var report = new Report();
        report.Apply([new("b", default, [.. Enumerable.Range(0, 50).Select(i => Row("added", i + 1, i + 1, "r" + i))])], 10, DateTimeOffset.MaxValue);
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

    [Fact]
    public void Equal_rows_are_counted()
    {
        var report = new Report();
        Apply(report, [Row("added", 1, 0, "bash"), Row("added", 1, 0, "bash"), Row("added", 1, 0, "bash"), Row("added", 1, 0, "sh")]);
        Assert.Equal(["bash", "bash", "bash", "sh"], Held(report));
        Apply(report, [Row("removed", 2, 1, "bash")]);
        report = Report.Read(report.Write());
        Assert.Equal(["bash", "bash", "sh"], Held(report));
        Apply(report, [Row("removed", 3, 2, "bash"), Row("removed", 3, 2, "bash"), Row("removed", 3, 2, "sh")]);
        Assert.Empty(Held(report));
    }

    [Fact]
    public void Equal_rows_of_snapshots_are_counted_in_both_forms()
    {
        var report = new Report();
        var line = new WholeLine("{}"u8.ToArray());
        Apply(report, [Whole(line, "bash"), Whole(line, "bash"), Whole(line, "sh")]);
        Assert.Equal(["bash", "bash", "sh"], Held(report));
        Apply(report, [Whole(new("{}"u8.ToArray()), "sh")]);
        Assert.Equal(["sh"], Held(report));
        Apply(report, [Row("snapshot", 5, 0, "a"), Row("snapshot", 5, 0, "a")]);
        Apply(report, [Row("snapshot", 5, 0, "a")]);
        Assert.Equal(["a", "a", "a"], Held(report));
    }

    [Fact]
    public void A_clock_that_was_ahead_or_jumps_back_loses_nothing()
    {
        var report = new Report();
        var latest = At(100);
        report.Apply([new("1", At(10), [Row("added", 10_810, 0, "a"), Row("added", 10_810, 0, "gone")])], 100, latest);
        report.Apply([new("2", At(15), [Row("added", 15, 1, "b"), Row("removed", 15, 1, "gone")])], 100, latest);
        Assert.Equal(["a", "b"], Held(report));
        Assert.True(report.UpdatedAt <= latest);

        var snapshots = new Report();
        snapshots.Apply([new("1", At(10), [Row("snapshot", 10_810, 0, "old")])], 100, latest);
        snapshots.Apply([new("2", At(15), [Row("snapshot", 15, 0, "new")])], 100, latest);
        Assert.Equal(["new"], Held(snapshots));
    }

    [Fact]
    public void Runs_that_come_in_another_order_are_counted_in_theirs()
    {
        var report = new Report();
        report.Apply([new("3", At(3), [Row("added", 3, 2, "x")])], 100, DateTimeOffset.MaxValue);
        report.Apply([new("2", At(4), [Row("removed", 2, 1, "x"), Row("removed", 2, 1, "y")])], 100, DateTimeOffset.MaxValue);
        report.Apply([new("1", At(5), [Row("added", 1, 0, "x"), Row("added", 1, 0, "y"), Row("added", 1, 0, "z")])], 100, DateTimeOffset.MaxValue);
        Assert.Equal(["x", "z"], Held(report).Order());
    }

    [Fact]
    public void A_removal_whose_row_was_never_told_takes_no_later_one_away()
    {
        var report = new Report();
        Apply(report, [Row("removed", 2, 5, "x")]);
        Apply(report, [Row("added", 3, 6, "x")]);
        Assert.Equal(["x"], Held(report));
    }

    [Fact]
    public void A_greater_epoch_begins_anew_and_what_is_left_of_a_smaller_one_changes_nothing()
    {
        var report = new Report();
        Apply(report, [Row("added", 1, 0, "a", epoch: 1), Row("added", 2, 1, "b", epoch: 1)]);
        Apply(report, [Row("added", 3, 0, "c", epoch: 2)]);
        Apply(report, [Row("added", 4, 2, "late", epoch: 1)]);
        Assert.Equal(["c"], Held(report));

        // Whoever sets the epoch back starts anew too.
        Apply(report, [Row("added", 9, 0, "d", epoch: 1)]);
        Assert.Equal(["d"], Held(report));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void New_SQL_begins_anew_also_where_a_first_run_found_nothing_and_said_nothing(bool saysFirst)
    {
        var report = new Report();
        report.Apply([new("1", At(1), [Row("added", 1, 3, "old")])], 100, DateTimeOffset.MaxValue, "select 1");
        report.Apply([new("2", At(2), [Row("added", 2, saysFirst ? 0 : 1, "new")])], 100, DateTimeOffset.MaxValue, "select 2");
        Assert.Equal(["new"], Held(report));
        Assert.Equal(Report.SqlOf("select 2"), report.Sql);
        Assert.Equal(At(2), Report.Read(report.Write()).BeganAt);
    }

    [Fact]
    public void A_row_that_comes_at_very_many_moments_is_counted_in_no_time()
    {
        var report = new Report();
        report.Apply([new("1", At(1), [.. Enumerable.Range(0, 100_000).Select(i => Row("added", i, i, "same"))])], 100_000, DateTimeOffset.MaxValue);
        Assert.Equal(100_000, report.Rows.Count());
    }

    [Fact]
    public void Reports_that_older_versions_wrote_are_read()
    {
        var report = Report.Read("""{"startedAt":5,"startedCounter":0,"updatedAt":9,"truncated":false,"rows":[{"t":5,"n":0,"h":true,"c":{"v":"a"}},{"t":9,"n":1,"h":false,"c":{"v":"b"}}]}"""u8.ToArray());
        Assert.Equal(["a"], Held(report));
        Apply(report, [Row("removed", 10, 2, "a"), Row("added", 10, 2, "b")]);
        Assert.Equal(["b"], Held(report));
    }

    /// <summary>Any runs, cut into batches anywhere, some of them twice and late, hold what a plain multiset holds.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Any_runs_however_they_are_cut_and_repeated_hold_what_a_multiset_holds(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var (held, lines) = (new List<string>(), new List<ResultRow>());
            for (var counter = 0; counter < 6; counter++)
            {
                foreach (var gone in held.Where(_ => counter > 0 && random.Next(3) == 0).ToList())
                {
                    held.Remove(gone);
                    lines.Add(Row("removed", 100 + counter, counter, gone));
                }

                foreach (var value in Enumerable.Range(0, random.Next(5)).Select(_ => "v" + random.Next(3)))
                {
                    held.Add(value);
                    lines.Add(Row("added", 100 + counter, counter, value));
                }
            }

            var batches = new List<BatchRows>();
            for (var at = 0; at < lines.Count;)
            {
                var count = Math.Min(random.Next(1, 6), lines.Count - at);
                batches.Add(new($"b{at}", At(200 + at), lines.GetRange(at, count)));
                at += count;
            }

            var report = new Report();
            foreach (var batch in batches.Concat(batches.Where(_ => random.Next(3) == 0)))
            {
                report.Apply([batch], 1_000, DateTimeOffset.MaxValue);
                if (random.Next(4) == 0) report = Report.Read(report.Write());
            }

            Assert.Equal(held.Order(), Held(report).Order());
        }
    }

    private static DateTimeOffset At(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds);

    private int _batches;

    /// <summary>As a batch of its own, received after all before.</summary>
    private void Apply(Report report, IReadOnlyList<ResultRow> rows) => report.Apply([new($"batch{++_batches}", At(_batches), rows)], 100, DateTimeOffset.MaxValue);

    private static ResultRow Whole(WholeLine line, string value) => new() { Name = "q", Action = "snapshot", Time = At(3), Counter = 0, IsWholeSnapshot = true, Whole = line, Columns = [new("v", new(value, false))] };

    private static ResultRow Row(string action, long time, long counter, string value, long? epoch = null) => new()
    {
        Epoch = epoch,
        Name = "q",
        Action = action,
        Time = DateTimeOffset.FromUnixTimeSeconds(time),
        Counter = counter,
        Columns = [new("v", new(value, false))],
    };

    private static IEnumerable<string?> Held(Report report) => report.Rows.Select(row => row[0].Value.Text);
}

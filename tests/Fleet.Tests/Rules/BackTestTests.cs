using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Tests.Support;

namespace Fleet.Tests.Rules;

public sealed class BackTestTests
{
    /// <summary>Rules of every kind over random lines of several machines: as the lines come, and judged once more.</summary>
    [Fact]
    public void The_same_lines_give_the_same_answer_live_and_once_more() => Prop.ForAll<int>(seed => CompareAsync(seed).GetAwaiter().GetResult()).Check(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(25));

    [Fact]
    public async Task A_range_is_judged_by_day_and_node_with_samples_and_says_how_far_it_is()
    {
        await using var world = await World.OpenAsync();
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2") };
        var start = world.Clock.Now;
        for (var hour = 0; hour < 30; hour++)
        {
            world.Clock.Advance(TimeSpan.FromHours(1));
            await world.LogAsync(keys[hour % 3 == 0 ? 1 : 0], $$$"""[{"name":"q","action":"added","unixTime":{{{world.Clock.Now.ToUnixTimeSeconds()}}},"columns":{"n":"{{{hour}}}"}},{"name":"other","action":"added","columns":{"n":"1"}}]""");
        }

        await world.MaterializeAsync();
        var rule = await RuleAsync(world, rule => rule with { Grouping = new([], TimeSpan.FromHours(6)) });
        var steps = await world.Get<BackTest>().RunAsync(rule.Rule, rule.Root, start, world.Clock.Now.AddHours(1), 5, default).ToListAsync();
        var result = steps[^1].Result!;
        Assert.Equal((30, 30, 2), (result.Total.Matches, result.Days.Values.Sum(), result.NodesMatched));
        Assert.Equal(60, result.Total.Lines);
        Assert.Equal((20, 10), (result.Nodes[NodeId.OfHost("H1")], result.Nodes[NodeId.OfHost("H2")]));
        Assert.Equal(5, result.Samples.Count);
        Assert.Contains("\"29\"", result.Samples[0].Line + result.Samples[1].Line, StringComparison.Ordinal);
        Assert.InRange(result.Total.Alerts, 8, 11);
        Assert.Equal(steps.Select(step => step.Progress.Through).Order(), steps.Select(step => step.Progress.Through));
        Assert.All(steps.SkipLast(1), step => Assert.Null(step.Result));
    }

    [Fact]
    public async Task A_value_is_seen_for_the_first_time_once_on_a_node_or_in_the_fleet_however_often_its_batch_is_judged()
    {
        await using var world = await World.OpenAsync();
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2") };
        await world.AddRuleAsync("node", New("node"));
        await world.AddRuleAsync("fleet", New("fleet"));
        await LogAsync(keys[0], "a", 1);
        await LogAsync(keys[0], "a", 2);
        await LogAsync(keys[1], "a", 3);
        await LogAsync(keys[1], "b", 4);
        world.Clock.Advance(TimeSpan.FromDays(40));
        await LogAsync(keys[0], "a", 5);
        Assert.Equal((3, 2), await CountAsync());

        // Not for three months: it is new again. And a machine's first run brings what was there before.
        world.Clock.Advance(TimeSpan.FromDays(100));
        await LogAsync(keys[0], "a", 6);
        Assert.Equal((4, 3), await CountAsync());
        await world.LogAsync(await world.EnrollAsync("H3"), """[{"name":"q","action":"added","counter":0,"columns":{"path":"c"}}]""");
        await world.PumpAsync();
        Assert.Equal((4, 4), await CountAsync());

        async Task LogAsync(string key, string path, int n)
        {
            await world.LogAsync(key, $$$"""[{"name":"q","action":"added","counter":{{{n}}},"columns":{"path":"{{{path}}}"}}]""");
            await world.PumpAsync();
            var batch = (await world.Get<Fleet.Results.BatchStore>().NewestFirstAsync("Results", (await world.NodeOfAsync(key == keys[0] ? "H1" : "H2")).Id, null, (_, _, _) => false, null, default).FirstAsync()).Key;
            await world.Subscriber(Addresses.Rules).HandleAsync(batch.ToString(), default);
        }

        async Task<(int, int)> CountAsync()
        {
            var alerts = await world.AlertsAsync();
            return (alerts.Count(alert => alert.RuleId == "node"), alerts.Count(alert => alert.RuleId == "fleet"));
        }

        static string New(string place) => $$$"""{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"},{"field":"column","operator":"column_first_seen","value":["path","{{{place}}}"]}]}""";
    }

    [Fact]
    public async Task Of_snapshots_too_what_a_node_has_not_sent_before_is_new_but_for_its_first()
    {
        await using var world = await World.OpenAsync();
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2") };
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"},{"field":"column","operator":"column_begins_with","value":["path","/tmp"]},{"field":"column","operator":"column_first_seen","value":["path","node"]}]}""");
        await SnapshotAsync(keys[0], "/tmp/there", "/bin/sh");
        await SnapshotAsync(keys[1], "/bin/sh");
        Assert.Empty(await world.AlertsAsync());
        await SnapshotAsync(keys[0], "/tmp/there", "/tmp/new");
        await SnapshotAsync(keys[0], "/tmp/there", "/tmp/new");
        await SnapshotAsync(keys[1], "/tmp/x", "/bin/sh");
        Assert.Equal(["/tmp/new", "/tmp/x"], (await world.AlertsAsync()).Select(alert => (string)System.Text.Json.Nodes.JsonNode.Parse(alert.Line)!["columns"]!["path"]!).Order(StringComparer.Ordinal));

        async Task SnapshotAsync(string key, params string[] paths)
        {
            world.Clock.Advance(TimeSpan.FromMinutes(1));
            var rows = string.Join(',', paths.Select(path => $$"""{"path":"{{path}}"}"""));
            await world.LogAsync(key, $$"""[{"name":"q","action":"snapshot","counter":0,"unixTime":{{world.Clock.Now.ToUnixTimeSeconds()}},"snapshot":[{{rows}}]}]""");
            await world.PumpAsync();
        }
    }

    [Theory]
    [InlineData("OR", """{"field":"column","operator":"column_first_seen","value":["a","node"]}""", "1 1;1 1;1 2;3 1;3 2", "1 1;1 2;3 1")]
    [InlineData("OR", """{"field":"column","operator":"column_equal","value":["a","7"]}""", "7 5;8 5;8 6", "7 5;8 6")]
    [InlineData("AND", """{"field":"column","operator":"column_first_seen","value":["a","node"]}""", "1 5;1 6;2 6;3 7", "1 5;3 7")]
    [InlineData("AND", """{"field":"column","operator":"column_not_equal","value":["a","7"]}""", "7 5;8 5;9 5", "8 5")]
    public async Task What_was_asked_of_a_row_is_remembered_whether_it_decided_or_not(string condition, string other, string sent, string expected)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", $$$"""{"condition":"{{{condition}}}","rules":[{{{other}}},{"field":"column","operator":"column_first_seen","value":["b","node"]}]}""");
        var rows = sent.Split(';').Select(row => row.Split(' ')).ToList();
        for (var n = 0; n < rows.Count; n++)
        {
            await world.LogAsync(key, $$$"""[{"name":"q","action":"added","counter":{{{n + 1}}},"columns":{"a":"{{{rows[n][0]}}}","b":"{{{rows[n][1]}}}"}}]""");
            await world.PumpAsync();
        }

        var alerts = (await world.AlertsAsync()).Select(alert => System.Text.Json.Nodes.JsonNode.Parse(alert.Line)!["columns"]!).Select(columns => $"{columns["a"]} {columns["b"]}");
        Assert.Equal(expected.Split(';'), alerts.Reverse());
    }

    [Fact]
    public async Task A_rule_that_learns_only_remembers_at_first()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"column","operator":"column_first_seen","value":["path","fleet"]}]}""", rule => rule with { Learning = TimeSpan.FromDays(1) });
        await world.LogAsync(key, """[{"name":"q","action":"added","columns":{"path":"old"}}]""");
        await world.PumpAsync();
        world.Clock.Advance(TimeSpan.FromDays(1));
        await world.LogAsync(key, """[{"name":"q","action":"added","counter":3,"columns":{"path":"old"}},{"name":"q","action":"added","counter":3,"columns":{"path":"new"}}]""");
        await world.PumpAsync();
        Assert.Contains("new", Assert.Single(await world.AlertsAsync()).Line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("node", 1)]
    [InlineData("tag", 2)]
    [InlineData("fleet", 1)]
    public async Task So_many_rows_within_a_time_are_one_alert(string per, int alerts)
    {
        await using var world = await World.OpenAsync();
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2") };
        await world.TagAsync("H1", "web", "prod");
        await world.TagAsync("H2", "web", "prod");
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]}""", rule => rule with { Threshold = new(3, TimeSpan.FromMinutes(10), per) });
        await SendAsync(keys[0], 0);
        await SendAsync(keys[0], 60);
        await SendAsync(keys[1], 700);
        Assert.Empty(await world.AlertsAsync());
        await SendAsync(keys[1], 710);
        await SendAsync(per == "node" ? keys[1] : keys[0], 720);
        await SendAsync(keys[0], 730);
        var raised = await world.AlertsAsync();
        Assert.Equal(alerts, raised.Count);
        Assert.All(raised, alert => Assert.Equal(per == "node", alert.About.Length == 0));

        Task SendAsync(string key, int second) => SendAtAsync(world, key, second);
    }

    [Fact]
    public async Task Rows_that_are_alike_are_counted_each_and_once_however_often_they_are_judged()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        const string Conditions = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]}""";
        await world.AddRuleAsync("few", Conditions, rule => rule with { Threshold = new(6, TimeSpan.FromMinutes(10), "node") });
        await world.AddRuleAsync("enough", Conditions, rule => rule with { Threshold = new(5, TimeSpan.FromMinutes(10), "node") });
        await world.AddRuleAsync("grouped", Conditions, rule => rule with { Grouping = new([], TimeSpan.FromMinutes(10)), ResolvesOnRemoved = true });
        await world.AddRuleAsync("single", Conditions);
        var line = Line("added");
        await world.LogAsync(key, $"[{line},{line},{line},{line},{line}]");
        await world.PumpAsync();
        var batch = (await world.Get<Fleet.Results.BatchStore>().NewestFirstAsync("Results", (await world.NodeOfAsync("H1")).Id, null, (_, _, _) => false, null, default).FirstAsync()).Key;
        await world.Subscriber(Addresses.Rules).HandleAsync(batch.ToString(), default);
        await world.PumpAsync();
        Assert.Equal([("enough", 5), ("grouped", 5), ("single", 1)], (await world.AlertsAsync()).Select(alert => (alert.RuleId, alert.Count)).Order());

        // While one of them is there still the alert is open, however often a removal is judged.
        foreach (var (gone, state) in new[] { (1, Fleet.Alerts.AlertState.Open), (3, Fleet.Alerts.AlertState.Open), (1, Fleet.Alerts.AlertState.Resolved) })
        {
            world.Clock.Advance(TimeSpan.FromMinutes(1));
            await world.LogAsync(key, $"[{string.Join(',', Enumerable.Repeat(Line("removed"), gone))}]");
            await world.PumpAsync();
            var removal = (await world.Get<Fleet.Results.BatchStore>().NewestFirstAsync("Results", (await world.NodeOfAsync("H1")).Id, null, (_, _, _) => false, null, default).FirstAsync()).Key;
            await world.Subscriber(Addresses.Rules).HandleAsync(removal.ToString(), default);
            await world.PumpAsync();
            Assert.Equal(state, (await world.AlertsAsync()).Single(alert => alert.RuleId == "grouped").State);
        }

        string Line(string action) => $$$"""{"name":"q","action":"{{{action}}}","counter":1,"unixTime":{{{world.Clock.Now.ToUnixTimeSeconds()}}},"columns":{"user":"ada"}}""";
    }

    private static async Task SendAtAsync(World world, string key, int second)
    {
        await world.LogAsync(key, $$$"""[{"name":"q","action":"added","unixTime":{{{world.Clock.Now.ToUnixTimeSeconds() - 1_000 + second}}},"columns":{"n":"{{{second}}}"}}]""");
        await world.PumpAsync();
    }

    private static async Task<(Rule Rule, RuleNode Root)> RuleAsync(World world, Func<Rule, Rule> with)
    {
        const string Conditions = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]}""";
        await Task.CompletedTask;
        using var json = JsonDocument.Parse(Conditions);
        return (with(Rule.OfConditions(Conditions)), RuleParser.Parse(json.RootElement, world.Limits, out _)!);
    }

    private static async Task<bool> CompareAsync(int seed)
    {
        var random = new Random(seed);
        await using var world = await World.OpenAsync();
        var start = new DateTimeOffset(world.Clock.Now.UtcTicks - (world.Clock.Now.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);
        var rule = await world.AddRuleAsync("r", Conditions(random), one => With(one, random) with { CreatedAt = start });
        var keys = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            keys.Add(await world.EnrollAsync("H" + i));
            await world.TagAsync("H" + i, i == 0 ? "prod" : "lab");
        }

        for (var batch = 0; batch < 12; batch++)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(60 + random.Next(3_000)));
            var time = world.Clock.Now.ToUnixTimeSeconds();
            var lines = new JsonArray([.. Enumerable.Range(0, 1 + random.Next(5)).Select(i => Line(random, time, batch, i))]);
            await world.LogAsync(keys[random.Next(3)], lines.ToJsonString());
            await world.PumpAsync();
        }

        await world.MaterializeAsync();
        using var json = JsonDocument.Parse(rule.Conditions);
        var root = RuleParser.Parse(json.RootElement, world.Limits, out _)!;
        var result = (await world.Get<BackTest>().RunAsync(rule, root, start, world.Clock.Now.AddHours(1), 10, default).LastAsync()).Result!;
        var alerts = await world.AlertsAsync();
        Assert.True(alerts.Count == result.Total.Alerts, $"{alerts.Count} alerts live, {result.Total.Alerts} once more, of {rule}: {string.Join("; ", alerts.Select(alert => alert.Host + alert.Line))} ### {string.Join("; ", result.Samples.Select(row => row.Line))}");
        return true;
    }

    private static string Conditions(Random random) => new JsonObject
    {
        ["condition"] = random.Next(3) == 0 ? "OR" : "AND",
        ["not"] = random.Next(6) == 0,
        ["rules"] = new JsonArray([.. Enumerable.Range(0, 1 + random.Next(3)).Select(_ => random.Next(6) switch
        {
            0 => Leaf("query_name", "equal", "q" + random.Next(2)),
            1 => Leaf("action", "equal", random.Next(2) == 0 ? "added" : "removed"),
            2 => Leaf("column", "column_first_seen", new JsonArray("a", random.Next(2) == 0 ? "node" : "fleet")),
            3 => Leaf("column", "column_greater", new JsonArray("a", random.Next(4))),
            4 => Leaf("tag", "equal", "prod"),
            _ => Leaf("column", "column_not_equal", new JsonArray("b", "x")),
        })]),
    }.ToJsonString();

    private static JsonObject Leaf(string field, string op, JsonNode value) => new JsonObject { ["field"] = field, ["operator"] = op, ["value"] = value };

    private static Rule With(Rule rule, Random random) => random.Next(5) switch
    {
        0 => rule with { Grouping = new(random.Next(2) == 0 ? [] : ["a"], TimeSpan.FromHours(1 + random.Next(4))) },
        1 => rule with { ResolvesOnRemoved = true },
        2 => rule with { Threshold = new(2 + random.Next(3), TimeSpan.FromMinutes(10 + random.Next(120)), random.Next(3) switch { 0 => "node", 1 => "tag", _ => "fleet" }) },
        3 => rule with { Scope = new(TagSet.Of(["prod"]), []), Grouping = new(["b"], TimeSpan.FromHours(2)), ResolvesOnRemoved = true },
        _ => rule,
    };

    private static JsonObject Line(Random random, long time, int batch, int place)
    {
        var columns = new JsonObject { ["a"] = random.Next(4).ToString(System.Globalization.CultureInfo.InvariantCulture), ["b"] = random.Next(2) == 0 ? "x" : "y" };
        var line = new JsonObject { ["name"] = "q" + random.Next(2), ["unixTime"] = time - place, ["counter"] = batch + 1 };
        switch (random.Next(4))
        {
            case 0: (line["snapshot"], line["action"]) = (new JsonArray(columns), "snapshot"); break;
            case 1: line["diffResults"] = new JsonObject { ["added"] = new JsonArray(columns), ["removed"] = "" }; break;
            default: (line["columns"], line["action"]) = (columns, random.Next(3) == 0 ? "removed" : "added"); break;
        }

        return line;
    }
}

using Fleet.Kernel;
using Fleet.Results;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

/// <summary>What one node sends, by malice or by accident, holds up nobody's reports.</summary>
public sealed class MaterializeTests
{
    private const string T = "\"unixTime\":1772452800";

    public static TheoryData<string> OddLines() =>
    [
        $$$"""{"name":"x\nx","columns":{"a":"1"},"action":"added",{{{T}}}}""",
        $$$"""{"name":"{{{new string('n', 40_000)}}}","columns":{"a":"1"},"action":"added",{{{T}}}}""",
        $$$"""{"name":"q2","columns":{"computer_name":"{{{new string('c', 70_000)}}}"},"action":"added",{{{T}}}}""",
        $$$"""{"name":"q2","columns":{{{{string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"c{i}\":\"{i}\""))}}}},"action":"added",{{{T}}}}""",
        string.Join(',', Enumerable.Range(0, 2_000).Select(i => $$$"""{"name":"many{{{i}}}","columns":{"a":"1"},"action":"added",{{{T}}}}""")),
        string.Join(',', Enumerable.Range(0, 3).Select(i => $$$"""{"name":"gone","columns":{"a":"{{{Noise(i, 450_000)}}}"},"action":"removed",{{{T}}}}""")),
    ];

    [Theory]
    [MemberData(nameof(OddLines))]
    public async Task Odd_lines_do_not_stop_the_reports_of_others(string lines)
    {
        await using var world = await World.OpenAsync();
        var odd = await world.EnrollAsync("odd");
        var good = await world.EnrollAsync("good");
        Assert.False((await world.LogAsync(odd, $"[{lines}]")).IsError);
        Assert.False((await world.LogAsync(good, $$$"""[{"name":"q","columns":{"a":"1"},"action":"added",{{{T}}}}]""")).IsError);
        await world.MaterializeAsync();
        Assert.Single((await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items);
        world.Tables.Reset();
        await world.MaterializeAsync();
        Assert.Equal(0, world.Tables.Writes);
        Assert.NotEmpty((await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("odd"), new(null, null, null), 10, null, default)).Items);
    }

    [Fact]
    public async Task A_batch_that_waits_twice_is_one()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var i = 0; i < 3; i++)
        {
            await world.LogAsync(key, $$$"""[{"name":"q","columns":{"a":"1"},"action":"added",{{{T}}}}]""");
            world.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        await world.MaterializeAsync();
        Assert.Single((await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items[0].Report.Rows);
        Assert.Empty((await world.Get<Inbox>().PageAsync(10, null, default)).Items);
    }

    [Fact]
    public async Task Keys_without_their_batch_do_not_stand_before_others()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var i = 0; i < 600; i++) await world.Get<Inbox>().AddAsync(new("Results202610", NodeId.OfHost("x"), $"{TimeKey.NewestFirst(world.Clock.Now)}-{i:x32}"), default);
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.LogAsync(key, $$$"""[{"name":"q","columns":{"a":"1"},"action":"added",{{{T}}}}]""");
        await world.MaterializeAsync();
        Assert.Single((await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items);
        world.Clock.Advance(TimeSpan.FromHours(2));
        await world.MaterializeAsync();
        Assert.Empty((await world.Get<Inbox>().PageAsync(10, null, default)).Items);
    }

    [Fact]
    public async Task A_clock_that_was_ahead_does_not_freeze_a_report()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await LogAsync("2145916800", "future");
        await LogAsync("1772456401", "now");
        var report = Assert.Single((await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items).Report;
        Assert.Equal("now", Assert.Single(report.Rows)[0].Value.Text);

        async Task LogAsync(string time, string value)
        {
            await world.LogAsync(key, $$$"""[{"name":"q","snapshot":[{"v":"{{{value}}}"}],"action":"snapshot","unixTime":{{{time}}}}]""");
            await world.MaterializeAsync();
            world.Clock.Advance(TimeSpan.FromHours(1));
        }
    }

    [Fact]
    public async Task A_first_run_that_finds_nothing_empties_the_report()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"name":"q","diffResults":{"added":[{"v":"1"}],"removed":[]},"counter":0,"epoch":1,"unixTime":1772452700}]""");
        await world.LogAsync(key, """[{"name":"q","diffResults":{"added":[],"removed":[]},"counter":0,"epoch":2,"unixTime":1772452800}]""");
        await world.MaterializeAsync();
        Assert.Empty(Assert.Single((await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items).Report.Rows);
    }

    private static string Noise(int seed, int bytes)
    {
        var noise = new byte[bytes];
        new Random(seed).NextBytes(noise);
        return Convert.ToBase64String(noise);
    }
}

using Fleet.Kernel;
using Fleet.Results;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Doorman's log cases L01 to L25, and ours.</summary>
public sealed class LogTests
{
    private const string T = "\"unixTime\":1772452800";

    [Fact]
    public async Task An_events_row_is_kept_with_name_time_action_and_columns() // L08
    {
        var row = Assert.Single(await RowsAsync("""{"name":"pack/base/users","calendarTime":"Tue Jan  2 03:04:05 2024 UTC","action":"added","columns":{"uid":"0","username":"root"}}"""));
        Assert.Equal(("pack/base/users", "added", new DateTimeOffset(2024, 1, 2, 3, 4, 5, TimeSpan.Zero)), (row.Name, row.Action, row.Time));
        Assert.Equal(("0", "root"), (row.Column("uid"), row.Column("username")));
    }

    [Theory]
    [InlineData("""{"name":"q","diffResults":{"added":[{"u":"1"}],"removed":""},"unixTime":1}""", 1)] // L10
    [InlineData("""{"name":"q","diffResults":{"added":[{"u":"1"}]},"unixTime":1}""", 1)] // L11
    [InlineData("""{"name":"q","diffResults":{"added":"","removed":""},"unixTime":"1"}""", 0)]
    [InlineData("""{"name":"q","diffResults":{"removed":[{"u":"1"}],"added":[{"u":"2"},{"u":"3"}]},"unixTime":1}""", 3)]
    [InlineData("""{"name":"q","snapshot":[{"a":"1"},{"a":"2"}],"action":"snapshot","unixTime":1}""", 2)]
    [InlineData("""{"name":"q","columns":{"a":"1"},"snapshot":[{"a":"2"},{"a":"3"}],"action":"added","unixTime":1}""", 1)] // L25
    public async Task Every_shape_gives_its_rows(string line, int rows) => Assert.Equal(rows, (await RowsAsync(line)).Count);

    [Theory]
    [InlineData("\"decorations\":{\"site\":\"Lyon\",\"uuid\":\"u\"}", "site=Lyon uuid=u")]
    [InlineData("\"site\":\"Lyon\",\"epoch\":\"7\",\"numerics\":\"false\"", "site=Lyon")]
    [InlineData("\"decorations\":\"\"", "decorations=")]
    public async Task Decorations_are_kept_wherever_they_stand(string members, string expected)
    {
        var row = Assert.Single(await RowsAsync($$$"""{"name":"q","columns":{"a":"1"},"action":"added",{{{members}}}}"""));
        Assert.Equal(expected, string.Join(' ', row.Decorations.Select(decoration => $"{decoration.Key}={decoration.Value.Text}")));
    }

    [Fact]
    public async Task An_empty_snapshot_is_recorded_as_empty() // L13
    {
        var row = Assert.Single(await RowsAsync("""{"name":"q","snapshot":[],"action":"snapshot","unixTime":1}"""));
        Assert.True(row.IsEmpty);
    }

    [Fact]
    public async Task Shapes_may_be_mixed_and_keep_their_order() // L14
    {
        var rows = await RowsAsync($$"""
            {"name":"a","columns":{},"action":"added",{{T}}},
            {"name":"b","diffResults":{"added":[{}],"removed":[{}]},{{T}}},
            {"name":"c","snapshot":[{},{},{},{}],"action":"snapshot",{{T}}}
            """);
        Assert.Equal("a:added b:added b:removed c:snapshot c:snapshot c:snapshot c:snapshot", string.Join(' ', rows.Select(row => $"{row.Name}:{row.Action}")));
    }

    [Theory]
    [InlineData("\"calendarTime\":\"2024-01-02T03:04:05Z\",\"unixTime\":1704164645", 1704164645)] // L19
    [InlineData("\"calendarTime\":\"Tue Jan  2 03:04:05 2024 CET\"", 1772452800)] // L20: no time that can be told is the time of arrival
    [InlineData("\"calendarTime\":\"Tue Jan  2 03:04:05 2024 UTC\",\"unixTime\":\"17\"", 17)]
    [InlineData("\"unixTime\":1", 1)]
    [InlineData("\"unixTime\":-5", 1772452800)]
    [InlineData("\"unixTime\":99999999999999999999", 1772452800)]
    public async Task Time_comes_from_unixTime_then_calendarTime_then_the_servers_clock(string members, long seconds)
    {
        var row = Assert.Single(await RowsAsync($$$"""{"name":"q","columns":{},"action":"added",{{{members}}}}"""));
        Assert.Equal(seconds, row.Time.ToUnixTimeSeconds());
    }

    [Fact]
    public async Task One_bad_line_does_not_lose_the_batch_and_is_kept_raw_and_marked()
    {
        var rows = await RowsAsync("""{},17,"text",{"name":"ext_log","message":"hello"},{"name":"q","columns":{"a":"1"},"action":"added","unixTime":1}""");
        Assert.Equal(5, rows.Count);
        Assert.Equal(4, rows.Count(row => row.Fault is not null));
        Assert.Contains(rows, row => System.Text.Encoding.UTF8.GetString(row.Whole.Text.Span) == "\"text\"");
    }

    [Theory]
    [InlineData("{\"data\":[],\"log_type\":\"result\",\"node_key\":\"KEY\"}", 200)] // L16
    [InlineData("{\"log_type\":\"result\",\"node_key\":\"KEY\"}", 200)] // L17
    [InlineData("{\"log_type\":\"status\",\"node_key\":\"KEY\"}", 200)] // L04
    [InlineData("{\"data\":\"\",\"log_type\":\"result\",\"node_key\":\"KEY\"}", 200)]
    [InlineData("{\"data\":[],\"node_key\":\"KEY\"}", 400)] // L22
    [InlineData("{\"data\":[{}],\"log_type\":\"carve\",\"node_key\":\"KEY\"}", 400)]
    public async Task Odd_bodies_are_taken_or_refused_in_words(string body, int status)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync("log", body.Replace("KEY", await world.EnrollAsync("A"), StringComparison.Ordinal));
        Assert.Equal(status, reply.Status);
        Assert.Equal(status != 200, reply.IsError);
    }

    [Fact]
    public async Task A_batch_that_comes_twice_is_stored_once_and_a_line_of_a_grown_batch_is_shown_once() // L23
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var one = $$$"""{"name":"q","columns":{"a":"1"},"action":"added",{{{T}}}}""";
        var two = $$$"""{"name":"q","columns":{"a":"2"},"action":"added",{{{T}}}}""";
        await world.LogAsync(key, $"[{one}]");
        await world.LogAsync(key, $"[{one}]");
        world.Clock.Advance(TimeSpan.FromSeconds(8));
        await world.LogAsync(key, $"[{one},{two}]");
        Assert.Equal(2, (await PageAsync(world, new("q", null, null))).Items.Count);
    }

    [Fact]
    public async Task Rows_that_are_alike_within_a_batch_are_all_kept()
    {
        var line = $$$"""{"name":"q","columns":{"a":"1"},"action":"added",{{{T}}}}""";
        Assert.Equal(2, (await RowsAsync($"{line},{line}")).Count);
    }

    [Fact]
    public async Task Results_are_paged_newest_first_and_filtered_by_query_and_time()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var i = 0; i < 10; i++)
        {
            await world.LogAsync(key, $$$"""
                [{"name":"q","columns":{"i":"{{{i}}}"},"action":"added","unixTime":{{{1772452800 + (i * 60)}}}},{"name":"other","columns":{},"action":"added","unixTime":{{{1772452800 + (i * 60)}}}}]
                """);
        }

        var read = new List<string?>();
        string? after = null;
        do
        {
            var page = await PageAsync(world, new("q", null, null), 3, after);
            read.AddRange(page.Items.Select(row => row.Column("i")));
            after = page.After;
        }
        while (after is not null);

        Assert.Equal(["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"], read);
        var start = DateTimeOffset.FromUnixTimeSeconds(1772452800);
        Assert.Equal(["4", "3"], (await PageAsync(world, new("q", start.AddMinutes(3), start.AddMinutes(4)))).Items.Select(row => row.Column("i")));
    }

    [Theory]
    [InlineData(0, 3)] // L01
    [InlineData(2, 1)] // L05
    public async Task Status_lines_below_the_least_severity_are_not_kept(int least, int kept)
    {
        await using var world = await World.OpenAsync(("Logs:MinimumStatusSeverity", least.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, $$$"""
            [{"line":12,"message":"fine","severity":0,"filename":"io.cpp",{{{T}}}},{"line":13,"message":"slow","severity":1,"filename":"io.cpp",{{{T}}}},
             {"line":"40","message":"bad\nvery","severity":"2","filename":"z.cpp","version":"5.12.1","decorations":{"site":"x"},{{{T}}}}]
            """, "status");
        var lines = (await world.Get<ResultPages>().StatusLogsAsync((await world.NodeOfAsync("A")).Id, new(null, null, null), 10, null, default)).Items;
        Assert.Equal(kept, lines.Count);
        var bad = lines.Single(line => line.Severity == 2); // L02, L07
        Assert.Equal((40, "bad\nvery", "5.12.1", "x"), (bad.Line, bad.Message, bad.Version, bad.Decorations.Single().Value.Text));
    }

    [Fact]
    public async Task A_batch_too_large_for_one_row_is_whole_when_it_is_read()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var random = new Random(1);
        var noise = Enumerable.Range(0, 6).Select(_ => Convert.ToHexString(Bytes(900_000))).ToList();
        await world.LogAsync(key, "[" + string.Join(',', noise.Select(hex => $$$"""{"name":"big","columns":{"hex":"{{{hex}}}"},"action":"added",{{{T}}}}""")) + "]");
        var rows = (await PageAsync(world, new("big", null, null))).Items;
        Assert.Equal(noise, rows.Select(row => row.Column("hex")));

        byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }
    }

    private static async Task<IReadOnlyList<ResultRow>> RowsAsync(string lines)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.LogAsync(await world.EnrollAsync("A"), $"[{lines}]");
        Assert.Equal("""{"node_invalid":false}""", reply.Text);
        var page = await PageAsync(world, new(null, null, null));
        return [.. page.Items.Where(row => row.Name != BuiltInResults.NodeEnrolled)];
    }

    private static async Task<Fleet.Storage.Page<ResultRow>> PageAsync(World world, LineFilter filter, int take = 100, string? after = null) =>
        await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), filter, take, after, default);
}

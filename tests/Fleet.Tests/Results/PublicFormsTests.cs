using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

/// <summary>Lines in the forms that other projects' tests and agents of all times have: kept whole, found, and right in reports.</summary>
public sealed class PublicFormsTests
{
    [Theory]
    [InlineData("""{"name":"pack_it_mounts","unixTime":"1514472018","epoch":"0","counter":"1","decorations":{"user":"ada"},"columns":{"inodes":"9223372036854775807","type":"apfs"},"action":"added"}""", "inodes=9223372036854775807 type=apfs | user=ada", 1)] // all texts
    [InlineData("""{"name":"Bad action query","unixTime":1557329282,"columns":{"mtime":"1557323732","bad_action":"1"},"action":"added"}""", "mtime=1557323732 bad_action=1 |", 1)] // a name with blanks
    [InlineData("""{"name":"p","unixTime":1772452800,"numerics":false,"columns":{"cmdline":"","pid":"49221","size":""},"action":"added"}""", "cmdline= pid=49221 size= |", 1)] // empty numbers
    [InlineData("""{"name":"t","unixTime":1772452800,"numerics":true,"columns":{"load":0.25,"big":18446744073709551615,"neg":-1,"win":132188608455002220,"exp":1.5e+300,"empty":""},"action":"added"}""", "load=0.25 big=18446744073709551615 neg=-1 win=132188608455002220 exp=1.5e+300 empty= |", 1)]
    [InlineData("""{"name":"apps","hostIdentifier":"🚲","unixTime":1772452800,"columns":{"'🚲'":"\\xF0\\x9F","ru":"Девушка","rtl":"evil \u202Ecod.exe","nul":"a\u0000b"},"action":"added"}""", "'🚲'=\\xF0\\x9F ru=Девушка rtl=evil \u202Ecod.exe nul=a\0b |", 1)]
    [InlineData("""{"name":"hardening","unixTime":1582814061,"snapshot":[],"decorations":{"uuid":"X"},"action":"snapshot"}""", "", 0)] // an empty snapshot
    [InlineData("""{"name":"attacks","unixTime":"1772452800","snapshot":""}""", "", 0)] // the same of 2.x
    [InlineData("""{"name":"attacks","unixTime":"1772452800","snapshot":[{"name":"com.example"}]}""", "name=com.example |", 1)]
    public async Task A_line_is_kept_whole_found_and_reported(string line, string expected, int held)
    {
        await using var world = await World.OpenAsync();
        await world.LogAsync(await world.EnrollAsync("A"), $"[{line}]");
        await world.MaterializeAsync();
        var name = (string)JsonNode.Parse(line)!["name"]!;
        var row = Assert.Single((await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), new(name, null, null), 10, null, default)).Items);
        Assert.Null(row.Fault);
        Assert.Equal(expected, row.IsEmpty ? "" : $"{Text(row.Columns)} | {Text(row.Decorations)}".TrimEnd());
        Assert.Equal(held, await HeldAsync(world, name));
    }

    [Fact]
    public async Task A_batch_that_replaces_a_row_leaves_one_and_one_that_removes_it_none()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"diffResults":{"added":[{"pid":"97830"}],"removed":[{"pid":"97650"}]},"name":"processes","unixTime":"1772452800"}]""");
        await world.MaterializeAsync();
        Assert.Equal(1, await HeldAsync(world, "processes"));
        await world.LogAsync(key, """[{"diffResults":{"added":"","removed":[{"pid":"97830"}]},"name":"processes","unixTime":"1772453400"}]""");
        await world.MaterializeAsync();
        Assert.Equal(0, await HeldAsync(world, "processes"));
    }

    [Fact]
    public async Task Rows_that_one_run_removes_and_adds_are_told_apart()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"name":"ports","unixTime":1772452800,"epoch":0,"counter":5628,"columns":{"port":"41560"},"action":"added"}]""");
        await world.LogAsync(key, """[{"name":"ports","unixTime":1772452860,"epoch":0,"counter":5629,"columns":{"port":"41560"},"action":"removed"},{"name":"ports","unixTime":1772452860,"epoch":0,"counter":5629,"columns":{"port":"41562"},"action":"added"}]""");
        await world.MaterializeAsync();
        Assert.Equal(1, await HeldAsync(world, "ports"));
    }

    [Theory]
    [InlineData("\"calendarTime\":\"Tue Nov 5 06:08:26 2018 UTC\"", "2018-11-05T06:08:26Z")] // it was a Monday
    [InlineData("\"calendarTime\":\"Sat Apr 25 19:23:11 2026 UTC\",\"unixTime\":1772452800", "2026-03-02T12:00:00Z")] // they disagree: the number counts
    public async Task The_time_is_read_and_log_type_is_no_decoration(string time, string expected)
    {
        await using var world = await World.OpenAsync();
        await world.LogAsync(await world.EnrollAsync("A"), $$$"""[{"name":"m","log_type":"result","logNumericsAsNumbers":"false","columns":{"a":"1"},"action":"added",{{{time}}}}]""");
        var row = Assert.Single((await world.Get<ResultPages>().ResultsAsync(NodeId.OfHost("A"), new("m", null, null), 10, null, default)).Items);
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), row.Time);
        Assert.Empty(row.Decorations);
    }

    private static string Text(IEnumerable<KeyValuePair<string, ColumnValue>> columns) => string.Join(' ', columns.Select(column => $"{column.Key}={column.Value.Text}"));

    private static async Task<int> HeldAsync(World world, string query) => (await world.Get<ReportStore>().PageAsync(query, 10, null, default)).Items.Sum(one => one.Report.Rows.Count());
}

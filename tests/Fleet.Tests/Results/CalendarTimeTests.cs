using System.Text;
using Fleet.Results;

namespace Fleet.Tests.Results;

public sealed class CalendarTimeTests
{
    private static readonly DateTimeOffset s_received = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("Tue Nov 5 06:08:26 2019 UTC")]
    [InlineData("Tue Nov  5 06:08:26 2019 UTC")]
    [InlineData("Sat Nov 5 06:08:26 2019 UTC")]
    [InlineData("Tue Nov 05 06:08:26 2019 UTC")]
    [InlineData("Tue Nov 5 06:08:26 2019")]
    [InlineData("Nov 5 06:08:26 2019 UTC")]
    [InlineData("Tue Nov 5 07:08:26 2019 +01:00")]
    [InlineData("2019-11-05T06:08:26Z")]
    [InlineData("2019-11-05 06:08:26")]
    [InlineData("Tue, 05 Nov 2019 06:08:26 GMT")]
    public void Times_are_read_in_the_forms_that_agents_and_others_write(string text) => Assert.Equal(new DateTimeOffset(2019, 11, 5, 6, 8, 26, TimeSpan.Zero), CalendarTime.Read(text));

    [Theory]
    [InlineData("")]
    [InlineData("Tue")]
    [InlineData("yesterday")]
    [InlineData("Tue Nov 35 06:08:26 2019 UTC")]
    public void What_is_no_time_is_none(string text) => Assert.Null(CalendarTime.Read(text));

    [Fact]
    public void A_line_that_has_only_a_calendar_time_lies_at_that_time_and_its_log_type_is_no_decoration()
    {
        var row = Assert.Single(LineReader.Read("""[{"name":"q","calendarTime":"Sat Nov 5 06:08:26 2019 UTC","columns":{"a":"1"},"action":"added","log_type":"result","site":"ny3"}]"""u8.ToArray(), s_received));
        Assert.Equal(new DateTimeOffset(2019, 11, 5, 6, 8, 26, TimeSpan.Zero), row.Time);
        Assert.Equal("site", Assert.Single(row.Decorations!).Key);
    }

    [Fact]
    public void Decorations_at_the_top_level_of_status_lines_are_kept()
    {
        var line = Assert.Single(StatusLine.Read(Encoding.UTF8.GetBytes(
            """[{"hostIdentifier":"h","calendarTime":"Tue Nov 5 06:08:26 2019 UTC","severity":2,"filename":"scheduler.cpp","line":120,"message":"m","version":"5.23.0","log_type":"status","host_uuid":"X","datacenter":"ny3","nested":{"a":1},"decorations":{"own":"1"}}]"""), s_received));
        Assert.Equal(["own=1", "host_uuid=X", "datacenter=ny3"], line.Decorations.Select(one => $"{one.Key}={one.Value.Text}"));
        Assert.Equal(2019, line.Time.Year);
    }
}

using System.Text;
using Fleet.Results;

namespace Fleet.Tests.Results;

/// <summary>Rows take a multiple of their bytes in memory: what is more than there is memory for stays as it came, and is marked.</summary>
public sealed class HeavyLineTests
{
    private static readonly DateTimeOffset s_received = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_line_that_is_too_heavy_is_marked_and_the_others_are_read()
    {
        var heavy = string.Join(',', Enumerable.Repeat("{}", 100));
        var rows = Read($$$"""[{"name":"a","columns":{"x":"1"}},{"name":"heavy","snapshot":[{{{heavy}}}]},{"name":"b","columns":{"x":"2"}}]""", most: 200);
        Assert.Equal(["a", "heavy", "b"], rows.Select(row => row.Name));
        Assert.Equal([true, false, true], rows.Select(row => row.Fault is null));
    }

    [Fact]
    public void Commas_in_a_text_weigh_nothing()
    {
        var row = Assert.Single(Read($$$"""[{"name":"a","columns":{"x":"{{{new string(',', 1_000)}}}"}}]""", most: 200));
        Assert.Null(row.Fault);
    }

    [Fact]
    public void Of_a_post_with_too_many_lines_the_rest_is_marked_once()
    {
        var lines = "[" + string.Join(',', Enumerable.Range(0, 100).Select(i => $$$"""{"name":"q{{{i}}}","columns":{}}""")) + "]";
        var rows = Read(lines, most: 300);
        Assert.InRange(rows.Count, 2, 60);
        Assert.All(rows.SkipLast(1), row => Assert.Null(row.Fault));
        Assert.NotNull(rows[^1].Fault);
        Assert.EndsWith("\"q99\",\"columns\":{}}]", Encoding.UTF8.GetString(rows[^1].Whole.Text.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_row_in_a_list_is_marked_once()
    {
        var rows = Read("""[{"name":"q","snapshot":[1,2,{"a":"b"},3]}]""", most: 1_000);
        Assert.Equal([false, true], rows.Select(row => row.Fault is null));
    }

    private static List<ResultRow> Read(string lines, long most) => LineReader.Read(Encoding.UTF8.GetBytes(lines), s_received, null, most);
}

using Fleet.Manager;
using FsCheck;
using FsCheck.Fluent;
using nietras.SeparatedValues;

namespace Fleet.Tests.Manager;

/// <summary>What is written as CSV is read again as it was, by a reader that is not ours.</summary>
public sealed class CsvRowsTests
{
    /// <summary>Pieces of which odd fields are made.</summary>
    private static readonly string[] s_pieces = ["\n", "\r", "\r\n", "\"", "\"\"", ",", ";", "'", "=", "+", "-", "@", "\t", " ", "1", "-1", "2.5e3", "a", "ä", "日本", "\\", "|"];

    [Fact]
    public void Any_rows_are_read_again_as_they_were()
    {
        var field = Gen.Elements(s_pieces).ListOf().Select(pieces => string.Concat(pieces));
        var rows = field.ListOf(4).ListOf().Select(list => list.Select(row => row.ToList()).ToList());
        Prop.ForAll(Arb.From(rows), written => Assert.Equal(written, Read(Write(written), 4))).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("one\ntwo", "one\ntwo")]
    [InlineData("a\rb", "a\rb")]
    [InlineData("-1", "-1")]
    [InlineData("-0.5", "-0.5")]
    [InlineData("+3", "+3")]
    [InlineData("1e9", "1e9")]
    [InlineData("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0")]
    [InlineData("+1+1", "'+1+1")]
    [InlineData("-1-1", "'-1-1")]
    [InlineData("@SUM(1)", "'@SUM(1)")]
    [InlineData("'=1", "''=1")]
    [InlineData("\t=1", "'\t=1")]
    [InlineData("'quoted'", "'quoted'")]
    public void Numbers_stay_numbers_and_formulas_are_made_harmless(string field, string cell) => Assert.Equal(cell, Cells(Write([[field, "b"]]), 2)[0][0]);

    private static string Write(IEnumerable<IReadOnlyList<string>> rows)
    {
        using var text = new StringWriter();
        WriteAsync().GetAwaiter().GetResult();
        return text.ToString();

        async Task WriteAsync()
        {
            await using var csv = new CsvRows(text);
            foreach (var row in rows) await csv.WriteAsync(row);
        }
    }

    private static List<List<string>> Read(string csv, int width) => [.. Cells(csv, width).Select(row => row.ConvertAll(Plain))];

    private static List<List<string>> Cells(string csv, int width)
    {
        if (csv.Length == 0) return [];
        using var reader = Sep.New(',').Reader(options => options with { HasHeader = false, Unescape = true }).FromText(csv);
        var rows = new List<List<string>>();
        foreach (var row in reader)
        {
            var cells = new List<string>(width);
            for (var i = 0; i < width; i++) cells.Add(row[i].ToString());
            rows.Add(cells);
        }

        return rows;
    }

    /// <summary>As a person takes the apostrophe away that the writer put before a formula.</summary>
    private static string Plain(string cell) => cell.StartsWith('\'') && cell.TrimStart('\'') is [('=' or '+' or '-' or '@' or '\t' or '\r'), ..] ? cell[1..] : cell;
}

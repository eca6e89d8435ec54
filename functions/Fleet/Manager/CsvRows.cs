using System.Globalization;
using System.Text.RegularExpressions;
using CsvHelper;
using CsvHelper.Configuration;

namespace Fleet.Manager;

/// <summary>Writes CSV by RFC 4180, for every export and for the command line. What a spreadsheet might take for a formula gets an apostrophe before it; numbers stay as they are.</summary>
internal sealed partial class CsvRows(TextWriter text) : IAsyncDisposable
{
    private static readonly CsvConfiguration s_configuration = new(CultureInfo.InvariantCulture)
    {
        NewLine = "\r\n",
        ShouldQuote = field => field.Field?.AsSpan().IndexOfAny("\",\r\n ") >= 0,
    };

    private readonly CsvWriter _csv = new(text, s_configuration, leaveOpen: true);

    public async ValueTask WriteAsync(IEnumerable<string> fields)
    {
        foreach (var field in fields) _csv.WriteField(Harmless(field));
        await _csv.NextRecordAsync();
    }

    /// <summary>Ends what was written; the text stays open.</summary>
    public async ValueTask DisposeAsync() => await _csv.DisposeAsync();

    /// <summary>An apostrophe more before formulas, and before formulas with apostrophes before them: taken away again, the text is what it was.</summary>
    private static string Harmless(string field) => Formula().IsMatch(field) && !Number().IsMatch(field) ? "'" + field : field;

    [GeneratedRegex(@"\A'*[=+\-@\t\r＝＋－＠]")]
    private static partial Regex Formula();

    [GeneratedRegex(@"\A[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\z")]
    private static partial Regex Number();
}

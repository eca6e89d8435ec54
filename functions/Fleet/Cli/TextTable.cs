using System.Text;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary>Rows in columns. The first rows decide how wide they are, so that it can be printed while more come.</summary>
internal sealed class TextTable(TextWriter output, IReadOnlyList<string> columns)
{
    private const int Widest = 50;
    private int[]? _widths;

    public void Write(IReadOnlyList<JsonObject> rows)
    {
        if (_widths is null)
        {
            _widths = [.. columns.Select(column => Math.Clamp(rows.Select(row => Text(row[column]).Length).Append(column.Length).Max(), 4, Widest))];
            WriteLine([.. columns.Select(column => column.ToUpperInvariant())]);
        }

        foreach (var row in rows) WriteLine([.. columns.Select(column => Text(row[column]))]);
    }

    public static string Text(JsonNode? value) => value switch
    {
        null => "",
        JsonArray list => string.Join(", ", list.Select(Text)),
        JsonValue scalar => Clean(scalar.ToString()),
        _ => Clean(value.ToJsonString()),
    };

    /// <summary>What machines send must not move a terminal's cursor.</summary>
    private static string Clean(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private void WriteLine(string[] cells)
    {
        var line = new StringBuilder();
        for (var i = 0; i < cells.Length; i++) line.Append(i == cells.Length - 1 ? cells[i] : cells[i].PadRight(_widths![i])).Append("  ");
        output.WriteLine(line.ToString().TrimEnd());
    }
}

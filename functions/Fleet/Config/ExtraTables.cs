using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>A table that osquery itself does not have.</summary>
/// <param name="Columns">Their names; empty for a view, whose <paramref name="Select"/> says them, and for a table of an extension of which only the name is known.</param>
/// <param name="Platforms">Separated by blanks.</param>
/// <param name="Select">What a view selects; null for a table.</param>
/// <param name="IsExtension">Only agents with an extension have it.</param>
internal sealed record ExtraTable(string Name, IReadOnlyList<string> Columns, string Platforms, string? Select = null, bool IsExtension = false);

/// <summary>Tables that settings and configurations add to osquery's.</summary>
internal static partial class ExtraTables
{
    private const string Everywhere = "darwin linux windows";

    /// <summary>From <c>Fleet__Sql__ExtraTables</c>: <c>CREATE TABLE ext_t (a TEXT, b)</c>. Read here and never given to SQLite.</summary>
    /// <exception cref="FormatException">It is no such statement.</exception>
    public static ExtraTable OfDdl(string ddl) => Definition().Match(ddl) is { Success: true } match
        ? new(Unquote(match.Groups["name"].Value), [.. match.Groups["column"].Captures.Select(column => Unquote(column.Value))], Everywhere, IsExtension: true)
        : throw new FormatException($"'{ddl}' is no statement such as CREATE TABLE name (column TYPE, column TYPE).");

    public static ExtraTable OfExtension(ExtensionTable table) => new(table.Name, table.Columns, Everywhere, IsExtension: true);

    /// <summary>The tables and views that a configuration or pack defines for its agents.</summary>
    public static IEnumerable<ExtraTable> OfConfig(JsonObject config)
    {
        foreach (var (name, table) in config["auto_table_construction"] as JsonObject ?? [])
        {
            if (table is not JsonObject atc || atc["columns"] is not JsonArray columns) continue;
            var names = columns.Select(column => column?.ToString() ?? "").Append("path").Distinct(StringComparer.OrdinalIgnoreCase);
            var platform = atc["platform"]?.ToString();
            yield return new(name, [.. names], string.IsNullOrEmpty(platform) ? Everywhere : platform);
        }

        foreach (var (name, view) in config["views"] as JsonObject ?? [])
        {
            if (view is JsonValue) yield return new(name, [], Everywhere, view.ToString());
        }
    }

    private static string Unquote(string name) => name[0] is '"' or '`' or '[' ? name[1..^1] : name;

    [GeneratedRegex(
        """^\s*CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(?<name>\w+|"\w+"|`\w+`|\[\w+\])\s*\(\s*((?<column>\w+|"\w+"|`\w+`|\[\w+\])(\s+\w+){0,3}\s*(,\s*|(?=\))))+\)\s*;?\s*$""",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Definition();
}

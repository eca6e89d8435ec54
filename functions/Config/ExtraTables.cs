using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fleet.Config;

/// <summary>Tables that settings and configurations add to osquery's.</summary>
internal static partial class ExtraTables
{
    private const string Everywhere = "darwin linux windows";

    /// <summary>From <c>Fleet__Sql__ExtraTables</c>: <c>CREATE TABLE ext_t (a TEXT)</c>.</summary>
    /// <exception cref="FormatException">It is no such statement.</exception>
    public static ExtraTable OfDdl(string ddl) => TableName().Match(ddl) is { Success: true } match
        ? new(match.Groups["name"].Value, ddl, Everywhere)
        : throw new FormatException($"'{ddl}' is no CREATE TABLE statement.");

    /// <summary>The tables and views that a configuration or pack defines for its agents.</summary>
    public static IEnumerable<ExtraTable> OfConfig(JsonObject config)
    {
        foreach (var (name, table) in config["auto_table_construction"] as JsonObject ?? [])
        {
            if (table is not JsonObject atc || atc["columns"] is not JsonArray columns) continue;
            var names = columns.Select(column => column?.ToString() ?? "").Append("path").Distinct(StringComparer.OrdinalIgnoreCase);
            var platform = atc["platform"]?.ToString();
            yield return new(name, $"CREATE TABLE {Quote(name)} ({string.Join(", ", names.Select(Quote))})", string.IsNullOrEmpty(platform) ? Everywhere : platform);
        }

        foreach (var (name, view) in config["views"] as JsonObject ?? [])
        {
            if (view is JsonValue) yield return new(name, $"CREATE VIEW {Quote(name)} AS {view.ToString().TrimEnd(' ', ';', '\n')}", Everywhere);
        }
    }

    private static string Quote(string name) => '"' + name.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';

    [GeneratedRegex("""^\s*CREATE\s+TABLE\s+(IF\s+NOT\s+EXISTS\s+)?["`\[]?(?<name>\w+)["`\]]?\s*\(""", RegexOptions.IgnoreCase)]
    private static partial Regex TableName();
}

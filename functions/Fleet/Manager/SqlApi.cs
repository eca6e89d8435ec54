using Fleet.Config;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

internal sealed record SqlRequest(string Sql);

/// <param name="Platforms">Those that have all of the tables, and the columns that are named.</param>
/// <param name="Since">The first version of osquery that has all of them; null for 4.0.0 or before.</param>
/// <param name="Until">The last version that had all of them, if the newest has not.</param>
/// <param name="Notes">What else there is to know, in words.</param>
internal sealed record SqlBody(bool Valid, string? Message, IReadOnlyList<string> Tables, IReadOnlyList<string> Platforms, string? Since, string? Until, IReadOnlyList<string> Notes);

/// <param name="Type">osquery's: TEXT, INTEGER, BIGINT, ….</param>
/// <param name="Flags">Any of index, required, additional, optimized, hidden, alias.</param>
/// <param name="Platforms">Where only some of the table's have it.</param>
/// <param name="Since">The first version that has it, where it came after the table.</param>
/// <param name="Until">The last version that had it, where it went before the table.</param>
internal sealed record SchemaColumn(string Name, string Type, IReadOnlyList<string> Flags, IReadOnlyList<string> Platforms, string? Since, string? Until);

/// <param name="Evented">Rows are events: they are only ever added.</param>
/// <param name="Sensitive">A campaign that reads it needs a reason.</param>
/// <param name="Since">The first version that has it; null for 4.0.0 or before.</param>
/// <param name="Until">The last version that had it; null if the newest has it.</param>
internal sealed record SchemaTable(
    string Name, IReadOnlyList<string> Platforms, bool Evented, IReadOnlyList<string> Aliases, bool Sensitive, IReadOnlyList<SchemaColumn> Columns, string? Since = null, string? Until = null);

internal sealed record SchemaBody(string OsqueryVersion, IReadOnlyList<SchemaTable> Tables);

/// <summary>SQL, checked; and what editors complete it from.</summary>
internal static class SqlApi
{
    public static void MapSql(this IEndpointRouteBuilder api)
    {
        api.MapPost("/queries/check", CheckAsync).For(Role.Viewer).ReadsOnly().ChecksSql().Docs<SqlBody>("Check SQL against osquery's tables", id: "checkSql", body: """{"sql":"select * from uptime"}""");
        api.MapGet("/schema/tables", Tables).For(Role.Viewer).Docs<SchemaBody>("List osquery's tables and columns");
    }

    private static async Task<Ok<SqlBody>> CheckAsync(SqlRequest request, OsquerySql sql, SqlNotes notes, CancellationToken ct)
    {
        var verdict = sql.Current.Check(request.Sql);
        return TypedResults.Ok(new SqlBody(verdict.Valid, verdict.Message, verdict.Tables, verdict.Platforms, verdict.Since, verdict.Until, await notes.OfAsync(verdict, ct)));
    }

    /// <summary>osquery's own tables, and those that configurations and settings add.</summary>
    private static Ok<SchemaBody> Tables(OsquerySql sql, CampaignCaution caution)
    {
        var own = OsquerySchema.Bundled.Tables.Select(table => new SchemaTable(
            table.Key, table.Value.Platforms.Split(' '), table.Value.Evented, Words(table.Value.Aliases), caution.IsSensitive(table.Key),
            [.. table.Value.Columns.Select(column => Column(table.Value, column.Key))], table.Value.Since, table.Value.Until));
        var extra = sql.Extra.Select(table => new SchemaTable(table.Name, Words(table.Platforms), Evented: false, [], caution.IsSensitive(table.Name), [.. table.Columns.Select(column => new SchemaColumn(column, "TEXT", [], [], null, null))]));
        return TypedResults.Ok(new SchemaBody(OsquerySchema.Bundled.OsqueryVersion, [.. own.Concat(extra).DistinctBy(table => table.Name).OrderBy(table => table.Name, StringComparer.Ordinal)]));
    }

    private static SchemaColumn Column(OsqueryTable table, string name)
    {
        var words = table.Columns[name].Split(' ');
        var platforms = words.Skip(1).Where(OsquerySchema.Platforms.Contains).ToList();
        return new(name, words[0], [.. words.Skip(1).Except(platforms).Where(word => !word.Contains(':', StringComparison.Ordinal))], platforms, table.SinceOf(name), table.UntilOf(name));
    }

    private static string[] Words(string? text) => text?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
}

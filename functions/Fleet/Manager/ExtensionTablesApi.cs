using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="Columns">As far as they are known; without any, queries may name any.</param>
internal sealed record ExtensionTableRequest(IReadOnlyList<string>? Columns = null);

/// <param name="Columns">As far as they are known; without any, queries may name any.</param>
/// <param name="IsLearned">Machines told of it; false if a person named it.</param>
internal sealed record ExtensionTableBody(string Name, IReadOnlyList<string> Columns, bool IsLearned);

/// <summary>Tables that extensions of osquery add: named by people, or learned from machines.</summary>
internal static class ExtensionTablesApi
{
    private const string Kind = "extension-tables";

    public static void MapExtensionTables(this IEndpointRouteBuilder api)
    {
        api.MapGet("/extension-tables", List).For(Role.Viewer).Docs<ListOf<ExtensionTableBody>>("List the tables of extensions that queries may read");
        api.MapPut("/extension-tables/{name}", PutAsync).For(Role.Operator).Docs<ExtensionTableBody>("Name a table of an extension", body: """{"columns":["version","name"]}""", status: [200, 201]);
        api.MapDelete("/extension-tables/{name}", RemoveAsync).For(Role.Operator).Docs("Forget a table of an extension");
    }

    private static Ok<ListOf<ExtensionTableBody>> List(ExtensionTables tables, Limits limits, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(tables.Table.Current.Items, table => table.Name, take, after, page, limits, Body));

    private static async Task<IResult> PutAsync(string name, ExtensionTableRequest request, ExtensionTables tables, Edits edits, HttpContext http)
    {
        var columns = request.Columns ?? [];
        var errors = new List<FieldError>();
        if (ExtensionTables.NameFault(name) is { } fault) errors.Add(new("name", fault));
        else if (OsquerySchema.Bundled.ByName.ContainsKey(name)) errors.Add(new("name", "This is a table of osquery's own."));
        for (var i = 0; i < columns.Count; i++)
        {
            if (ExtensionTables.NameFault(columns[i]) is { } columnFault) errors.Add(new($"columns[{i}]", columnFault));
        }

        if (errors.Count > 0) return Problem.Invalid(errors);
        var table = new ExtensionTable(name.ToLowerInvariant(), [.. columns.Distinct(StringComparer.OrdinalIgnoreCase)], IsLearned: false);
        return await edits.PutAsync(http, tables.Table, Kind, table.Name, await tables.Table.ReadAsync(table.Name, http.RequestAborted), table, Json, isSeen: true);
    }

    private static async Task<IResult> RemoveAsync(string name, ExtensionTables tables, Edits edits, HttpContext http) =>
        await tables.Table.ReadAsync(name.ToLowerInvariant(), http.RequestAborted) is { } stored
            ? await edits.RemoveAsync(http, tables.Table, Kind, stored, Json)
            : Problem.NotFound($"table '{name}'");

    private static JsonObject Json(ExtensionTable table) => (JsonObject)JsonSerializer.SerializeToNode(Body(table), ManagerJson.Strict.ExtensionTableBody)!;

    private static ExtensionTableBody Body(ExtensionTable table) => new(table.Name, table.Columns, table.IsLearned);
}

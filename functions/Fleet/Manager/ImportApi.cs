using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <param name="Changes">What is different afterwards, item by item.</param>
/// <param name="Notes">What osquery ignores or misreads, and which agents run it, by its place in the file.</param>
/// <param name="LeftOut">What could not be taken, by its place in the file.</param>
/// <param name="PackFiles">Packs that the file only names by their path: import them too.</param>
internal sealed record ImportBody(bool DryRun, IReadOnlyList<ItemChange> Changes, IReadOnlyList<FieldError> Notes, IReadOnlyList<FieldError> LeftOut, IReadOnlyList<string> PackFiles);

/// <summary>Packs and whole osquery configurations, taken apart; with <c>dryRun=true</c> only looked at.</summary>
internal static class ImportApi
{
    public static void MapImport(this IEndpointRouteBuilder api) => api.MapPost("/import", ImportAsync).For(Role.Operator).ChecksSql().Accepts<JsonObject>("application/json").Docs<ImportBody>(
        "Import a pack or a whole osquery configuration", id: "importFile", body: """{"schedule":{"uptime":{"query":"select * from uptime","interval":600}}}""");

    private static async Task<IResult> ImportAsync(
        HttpContext http, ConfigImport import, QueryItems queries, PackItems packs, FilePathItems paths, OptionItems options, Edits edits, SqlNotes notes, Limits limits, string name,
        CancellationToken ct, string? tags = null, bool? dryRun = null, string? allow = null)
    {
        if (http.Request.Headers.IfMatch.Count + http.Request.Headers.IfNoneMatch.Count > 0)
        {
            return new Problem(400, "bad-request", "Bad request", "A file is many things: look with dryRun=true first, and send neither If-Match nor If-None-Match.").ToResult();
        }

        if (Names.Fault(name, limits) is { } nameFault) return Problem.Invalid("name", nameFault);
        if (TagSet.Fault(NodesApi.Words(tags), limits) is { } tagFault) return Problem.Invalid("tags", tagFault);
        if (!Allowing.TryRead(allow, out var allowed)) return Allowing.Wrong();
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, ct);
        var plan = import.Plan(name, TagSet.Of(NodesApi.Words(tags)), OsqueryFile.Read(body.ToArray()), allowed);
        var changes = new List<ItemChange>();
        var sized = new List<SizedItem>();
        await TakeAsync(queries, plan.Queries);
        await TakeAsync(packs, plan.Packs);
        await TakeAsync(paths, plan.FilePaths);
        await TakeAsync(options, plan.Options);
        (http.Audit().Target, http.Audit().Reason) = ("import/" + name, $"{changes.Count(change => change.Change != "same")} items");
        return TypedResults.Ok(new ImportBody(dryRun == true, changes, [.. await notes.OfAsync(plan.Found, ct), .. await Allowing.SizesAsync(http, sized)], [.. Allowing.LeftOut(plan.Found)], plan.PackFiles));

        async ValueTask TakeAsync<T>(ItemKind<T> kind, IEnumerable<T> items)
            where T : class
        {
            foreach (var item in items)
            {
                var stored = await kind.Table.ReadAsync(kind.NameOf(item), ct);

                // Tags that are not named stay as they are.
                var wanted = tags is null && stored is not null ? kind.With(item, kind.NameOf(item), kind.TagsOf(stored.Item)) : item;
                sized.Add(kind.Sized(wanted));
                changes.Add(Differences.Between(kind.Path, kind.NameOf(item), stored is null ? null : kind.Body(stored.Item), kind.Body(wanted)));
                if (dryRun != true) await edits.PutAsync(http, kind.Table, kind.Path, kind.NameOf(item), stored, wanted, kind.Body, isSeen: true);
            }
        }
    }
}

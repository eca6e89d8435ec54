using System.Text.Json.Nodes;
using System.Text.Json;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <summary>What something shall be called.</summary>
internal sealed record NewName(string Name);

/// <summary>Where a thing is used.</summary>
/// <param name="Nodes">How many nodes get it: those that share a tag with it.</param>
/// <param name="Rules">Rules that name a query of it.</param>
internal sealed record UsedByBody(IReadOnlyList<string> Tags, int Nodes, IReadOnlyList<RuleName> Rules);

internal sealed record RuleName(string Id, string Name);

/// <param name="Action"><c>created</c>, <c>changed</c>, <c>deleted</c>, <c>restored</c>, or <c>found</c>: it was there before, or came by a command.</param>
/// <param name="Item">As PUT takes it; null when it was deleted.</param>
internal sealed record VersionBody(string Id, DateTimeOffset At, string By, string Action, JsonObject? Item);

/// <summary>Queries, packs, file paths and options: the same calls for all.</summary>
internal static class ItemsApi
{
    public static void MapItems(this IEndpointRouteBuilder api)
    {
        var services = api.ServiceProvider;
        Map<Query, QueryRequest, QueryBody>(api, services.GetRequiredService<QueryItems>(), """{"sql":"select * from uptime","interval":600,"tags":["prod"]}""");
        Map<Pack, JsonObject, JsonObject>(api, services.GetRequiredService<PackItems>(), """{"queries":{"uptime":{"query":"select * from uptime","interval":600}},"tags":["prod"]}""");
        Map<FilePaths, FilePathsRequest, FilePathsBody>(api, services.GetRequiredService<FilePathItems>(), """{"paths":["/etc/%%"],"tags":["prod"]}""");
        Map<OptionSet, OptionsRequest, OptionsBody>(api, services.GetRequiredService<OptionItems>(), """{"config":{"options":{"logger_tls_period":10}},"tags":["prod"]}""");
        const string Entry = """{"query":"select * from uptime","interval":600}""";
        api.MapGet("/packs/{name}/queries/{query}", PackQueriesApi.Find).For(Role.Viewer).Docs<JsonObject>("Read one query of a pack", id: "getPackQuery", example: Entry);
        api.MapPut("/packs/{name}/queries/{query}", PackQueriesApi.PutAsync).For(Role.Operator).ChecksSql().Docs<JsonObject>("Make or replace one query of a pack", id: "putPackQuery", body: Entry).WithNotes();
        api.MapDelete("/packs/{name}/queries/{query}", PackQueriesApi.RemoveAsync).For(Role.Operator).ChecksSql().Docs<JsonObject>("Take one query out of a pack", id: "removePackQuery");
    }

    private static void Map<T, TRequest, TBody>(IEndpointRouteBuilder api, ItemKind<T> kind, string example)
        where T : class
        where TRequest : class
        where TBody : class
    {
        // Names may hold slashes: written as %2F everywhere, and as they are where nothing follows the name.
        var path = "/" + kind.Path;
        var one = $"a {kind.Noun}";
        api.MapGet(path, (HttpContext http, int? take, string? after, int? page, string? q, string? tag) => List(http, kind, take, after, page, q, tag)).For(Role.Viewer)
            .Docs<ListOf<TBody>>($"List all of {kind.Path}");
        api.MapGet(path + "/{**name}", (HttpContext http, string name) => Find(http, kind, Paging.Name(name))).For(Role.Viewer).Docs<TBody>($"Read {one}");
        var put = kind.TakesTagsBeside
            ? api.MapPut(path + "/{**name}", (HttpContext http, string name, bool? dryRun, string? allow, string? tags) => PutAsync(http, kind, Paging.Name(name), dryRun == true, allow))
            : api.MapPut(path + "/{**name}", (HttpContext http, string name, bool? dryRun, string? allow) => PutAsync(http, kind, Paging.Name(name), dryRun == true, allow));
        put.For(Role.Operator).ChecksSql()
            .Accepts<TRequest>("application/json").Docs<TBody>($"Make or replace {one}; with dryRun=true only say what would change", body: example, status: [200, 201]).WithNotes();
        api.MapDelete(path + "/{**name}", (HttpContext http, string name) => RemoveAsync(http, kind, Paging.Name(name))).For(Role.Operator).Docs($"Remove {one}");
        api.MapPost(path + "/{name}/copy", (HttpContext http, string name, NewName request) => CopyAsync(http, kind, Paging.Name(name), request.Name)).For(Role.Operator).ChecksSql()
            .Docs<TBody>($"Copy {one} under another name", body: """{"name":"copy"}""", status: [201]);
        api.MapGet(path + "/{name}/used-by", (HttpContext http, string name) => UsedByAsync(http, kind, Paging.Name(name))).For(Role.Viewer).Docs<UsedByBody>($"Say which nodes and rules use {one}");
        api.MapGet(path + "/{name}/file", (string name) => File(kind, Paging.Name(name))).For(Role.Viewer).DocsFile($"Read {one} as a file for osquery", "application/json");
        api.MapGet(path + "/{name}/history", (HttpContext http, string name, int? take, string? after) => HistoryAsync(http, kind, Paging.Name(name), take, after)).For(Role.Viewer)
            .Docs<ListOf<VersionBody>>($"List what people made of {one}");
        api.MapPost(path + "/{name}/history/{version}/restore", (HttpContext http, string name, string version) => RestoreAsync(http, kind, Paging.Name(name), version)).For(Role.Operator).ChecksSql()
            .Docs<TBody>($"Restore an old version of {one}");
    }

    private static Ok<ListOf<JsonObject>> List<T>(HttpContext http, ItemKind<T> kind, int? take, string? after, int? page, string? q, string? tag)
        where T : class
    {
        var items = kind.Table.Current.Items.Where(item =>
            (tag is null || kind.TagsOf(item).Has(tag)) && (q is null || kind.Body(item).ToJsonString().Contains(q, StringComparison.OrdinalIgnoreCase)));
        return TypedResults.Ok(Paging.PageOf(items, kind.NameOf, take, after, page, http.RequestServices.GetRequiredService<Limits>(), kind.Body));
    }

    private static IResult Find<T>(HttpContext http, ItemKind<T> kind, string name)
        where T : class
    {
        if (kind.Table.Find(name) is not { } stored) return Missing(kind, name);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok(kind.Body(stored.Item));
    }

    private static async Task<IResult> PutAsync<T>(HttpContext http, ItemKind<T> kind, string name, bool isRehearsal, string? allow)
        where T : class
    {
        if (!Allowing.TryRead(allow, out var allowed)) return Allowing.Wrong();
        var body = await kind.BodyOfAsync(http.Request, http.RequestAborted);
        var stored = await kind.Table.ReadAsync(name, http.RequestAborted);
        var found = new ConfigFindings(allowed);
        var item = kind.ReadNamed(name, body, stored?.Item, found);
        var notes = await Allowing.NotesAsync(http, found, [kind.Sized(item)]);
        if (isRehearsal) return TypedResults.Ok(Differences.Between(kind.Path, name, stored is null ? null : kind.Body(stored.Item), kind.Body(item)) with { Notes = notes });
        return await Edits(http).PutAsync(http, kind.Table, kind.Path, name, stored, item, kind.Body, notes: notes);
    }

    private static async Task<IResult> RemoveAsync<T>(HttpContext http, ItemKind<T> kind, string name)
        where T : class => await kind.Table.ReadAsync(name, http.RequestAborted) is { } stored
        ? await Edits(http).RemoveAsync(http, kind.Table, kind.Path, stored, kind.Body)
        : Missing(kind, name);

    private static async Task<IResult> CopyAsync<T>(HttpContext http, ItemKind<T> kind, string name, string to)
        where T : class
    {
        if (kind.Table.Find(name) is not { } source) return Missing(kind, name);
        if (await kind.Table.ReadAsync(to, http.RequestAborted) is not null) return Problem.Conflict($"There is a {kind.Noun} '{to}' already.");
        var body = kind.Body(source.Item);
        body.Remove(kind.Key);
        return await Edits(http).PutAsync(http, kind.Table, kind.Path, to, stored: null, kind.ReadNamed(to, body, before: null, new()), kind.Body, isSeen: true);
    }

    private static async Task<IResult> UsedByAsync<T>(HttpContext http, ItemKind<T> kind, string name)
        where T : class
    {
        if (kind.Table.Find(name) is not { } stored) return Missing(kind, name);
        var services = http.RequestServices;
        var tags = kind.TagsOf(stored.Item);
        var nodes = (await services.GetRequiredService<NodeCatalog>().AllAsync(http.RequestAborted)).Count(one => one.Node.Tags.Meets(tags));
        var names = kind.ResultNames(stored.Item).Select(result => JsonSerializer.Serialize(result, ManagerJson.Strict.String)).ToList();
        var rules = services.GetRequiredService<RuleStore>().Current.Items.Where(rule => names.Exists(result => rule.Conditions.Contains(result, StringComparison.Ordinal)) || kind.ResultNames(stored.Item).Contains(rule.Absence?.Query));
        return TypedResults.Ok(new UsedByBody(tags.Tags, nodes, [.. rules.Select(rule => new RuleName(rule.Id, rule.Name)).OrderBy(rule => rule.Name, StringComparer.Ordinal)]));
    }

    private static IResult File<T>(ItemKind<T> kind, string name)
        where T : class => kind.Table.Find(name) is { } stored
        ? TypedResults.File(JsonSerializer.SerializeToUtf8Bytes(kind.File(stored.Item), ManagerJson.Indented.JsonObject), "application/json", $"{FileName(name)}.conf")
        : Missing(kind, name);

    private static async Task<IResult> HistoryAsync<T>(HttpContext http, ItemKind<T> kind, string name, int? take, string? after)
        where T : class
    {
        var limits = http.RequestServices.GetRequiredService<Limits>();
        var page = await http.RequestServices.GetRequiredService<HistoryStore>().PageAsync(kind.Path, name, Paging.Take(take, limits), after, http.RequestAborted);
        if (page.Items.Count == 0 && after is null && kind.Table.Find(name) is null) return Missing(kind, name);
        return TypedResults.Ok(page.Select(version => new VersionBody(version.Id, version.At, version.By, version.Action, version.Item)));
    }

    /// <summary>An old version is checked like a new one: what it used may be gone.</summary>
    private static async Task<IResult> RestoreAsync<T>(HttpContext http, ItemKind<T> kind, string name, string version)
        where T : class
    {
        if (await http.RequestServices.GetRequiredService<HistoryStore>().FindAsync(kind.Path, name, version, http.RequestAborted) is not { Item: { } old })
        {
            return Problem.NotFound($"version '{version}' of {kind.Noun} '{name}' that could be restored");
        }

        var stored = await kind.Table.ReadAsync(name, http.RequestAborted);
        return await Edits(http).PutAsync(http, kind.Table, kind.Path, name, stored, kind.ReadNamed(name, (JsonObject)old.DeepClone(), stored?.Item, new()), kind.Body, "restored", isSeen: true);
    }

    private static Edits Edits(HttpContext http) => http.RequestServices.GetRequiredService<Edits>();

    private static string FileName(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-'));

    private static IResult Missing<T>(ItemKind<T> kind, string name)
        where T : class => Problem.NotFound($"{kind.Noun} '{name}'");
}

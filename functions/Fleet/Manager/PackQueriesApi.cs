using System.Text.Json.Nodes;
using Fleet.Config;

namespace Fleet.Manager;

/// <summary>A pack, query by query. The pack is the item: its ETag and its history are those of the whole.</summary>
internal static class PackQueriesApi
{
    public static IResult Find(string name, string query, PackItems packs, HttpContext http)
    {
        (name, query) = (Paging.Name(name), Paging.Name(query));
        if (packs.Table.Find(name) is not { } stored) return Problem.NotFound($"pack '{name}'");
        if (Queries(stored.Item.Json)[query] is not JsonObject entry) return Missing(name, query);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok((JsonObject)entry.DeepClone());
    }

    /// <summary>Takes an entry as a pack file has it: <c>{"query": …, "interval": …}</c>.</summary>
    public static async Task<IResult> PutAsync(string name, string query, JsonObject entry, PackItems packs, Edits edits, HttpContext http, string? allow = null)
    {
        if (!Allowing.TryRead(allow, out var allowed)) return Allowing.Wrong();
        return await ChangeAsync(Paging.Name(name), packs, edits, http, allowed, queries =>
        {
            var isNew = !queries.ContainsKey(Paging.Name(query));
            queries[Paging.Name(query)] = entry.DeepClone();
            return isNew;
        });
    }

    public static async Task<IResult> RemoveAsync(string name, string query, PackItems packs, Edits edits, HttpContext http)
    {
        (name, query) = (Paging.Name(name), Paging.Name(query));
        if (packs.Table.Find(name) is { } stored && !Queries(stored.Item.Json).ContainsKey(query)) return Missing(name, query);
        return await ChangeAsync(name, packs, edits, http, AllowInvalid.No, queries =>
        {
            queries.Remove(query);
            return true;
        });
    }

    /// <param name="name">The pack's.</param>
    /// <param name="packs">Reads it.</param>
    /// <param name="edits">Writes it.</param>
    /// <param name="http">The request.</param>
    /// <param name="allow">What is done with a query that is not valid.</param>
    /// <param name="change">Changes the queries; true when nothing that was there is overwritten.</param>
    private static async Task<IResult> ChangeAsync(string name, PackItems packs, Edits edits, HttpContext http, AllowInvalid allow, Func<JsonObject, bool> change)
    {
        if (await packs.Table.ReadAsync(name, http.RequestAborted) is not { } stored) return Problem.NotFound($"pack '{name}'");
        var body = packs.Body(stored.Item);
        var isSeen = change(Queries(body));
        var found = new ConfigFindings(allow);
        var item = packs.ReadNamed(name, body, stored.Item, found);
        return await edits.PutAsync(http, packs.Table, packs.Path, name, stored, item, packs.Body, isSeen: isSeen, notes: await Allowing.NotesAsync(http, found, [packs.Sized(item)]));
    }

    private static JsonObject Queries(JsonObject pack) => pack["queries"] as JsonObject ?? [];

    private static IResult Missing(string name, string query) => Problem.NotFound($"query '{query}' in pack '{name}'");
}

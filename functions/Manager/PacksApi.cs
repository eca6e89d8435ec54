using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Packs: PUT takes an osquery pack file as it is, comments and all, and refuses it whole if anything in it is wrong.</summary>
internal static class PacksApi
{
    public static void MapPacks(this IEndpointRouteBuilder api)
    {
        api.MapGet("/packs", (ConfigItems items, Limits limits, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(items.Packs.Current.Items, pack => pack.Name, take, after, limits, Body))).For(Role.Viewer);
        api.MapGet("/packs/{**name}", (string name, ConfigItems items) =>
            items.Packs.Find(Paging.Name(name)) is { } stored ? TypedResults.Ok(Body(stored.Item)) : Problem.NotFound($"pack '{name}'")).For(Role.Viewer);
        api.MapPut("/packs/{**name}", PutAsync).For(Role.Operator);
        api.MapDelete("/packs/{**name}", RemoveAsync).For(Role.Operator);
    }

    private static async Task<IResult> PutAsync(string name, HttpRequest request, ConfigItems items, OsquerySql sql, Limits limits, CancellationToken ct, string? tags = null)
    {
        name = Paging.Name(name);
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, ct);
        var file = OsqueryFile.Read(body.ToArray());
        if (!file.ContainsKey("queries")) throw new ConfigRefusedException([new("queries", "A pack has 'queries'.")]);

        // Tags that are not named stay as they are.
        var before = items.Packs.Find(name)?.Item;
        var tagSet = tags is null ? before?.Tags ?? TagSet.None : TagSet.Of(tags.Split(','));
        var faults = new List<ConfigFault>();
        if (Pack.Read(name, tagSet, file, sql, limits, faults) is not { } pack) throw new ConfigRefusedException(faults);
        await items.Packs.PutAsync(name, pack, etag: null, ct);
        return before is null ? TypedResults.Created($"/api/packs/{Uri.EscapeDataString(name)}", Body(pack)) : TypedResults.Ok(Body(pack));
    }

    private static async Task<IResult> RemoveAsync(string name, ConfigItems items, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (items.Packs.Find(name) is null) return Problem.NotFound($"pack '{name}'");
        await items.Packs.RemoveAsync(name, etag: null, ct);
        return TypedResults.NoContent();
    }

    private static JsonObject Body(Pack pack)
    {
        var body = new JsonObject { ["name"] = pack.Name, ["tags"] = ConfigItems.ToJson(pack.Tags.Tags) };
        foreach (var (member, value) in pack.Json) body[member] = value?.DeepClone();
        return body;
    }
}

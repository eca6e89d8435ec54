using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Packs. PUT takes an osquery pack file as it is, comments and all, and refuses it whole if anything in it is wrong, unless the rest is asked for.</summary>
/// <remarks>Tags are a member <c>tags</c> beside osquery's own; tags that are not named stay as they are.</remarks>
internal sealed class PackItems(ConfigItems items, OsquerySql sql, Limits limits) : ItemKind<Pack>(items.Packs, "packs", "pack")
{
    public override bool TakesTagsBeside => true;

    public override string NameOf(Pack item) => item.Name;

    public override TagSet TagsOf(Pack item) => item.Tags;

    public override Pack With(Pack item, string name, TagSet tags) => item with { Name = name, Tags = tags };

    public override JsonObject Body(Pack item)
    {
        var body = new JsonObject { ["name"] = item.Name, ["tags"] = ConfigItems.ToJson(item.Tags.Tags) };
        foreach (var (member, value) in item.Json) body[member] = value?.DeepClone();
        return body;
    }

    public override SizedItem Sized(Pack item) => ConfigSizes.Of(item);

    public override JsonObject File(Pack item) => (JsonObject)item.Json.DeepClone();

    public override IEnumerable<string> ResultNames(Pack item) => item.QueryNames.Select(item.ResultName);

    public override async ValueTask<JsonObject> BodyOfAsync(HttpRequest request, CancellationToken ct)
    {
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, ct);
        var file = OsqueryFile.Read(body.ToArray());

        // Pack files have names of their own now and then, which mean nothing to osquery.
        file.Remove("name");
        if (request.Query.TryGetValue("tags", out var tags)) file["tags"] = ConfigItems.ToJson(tags.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        return file;
    }

    protected override Pack? Read(string name, JsonObject body, Pack? before, ConfigFindings found)
    {
        if (!body.ContainsKey("queries")) found.Refuse("queries", "A pack has 'queries'.");
        if (body["tags"] is not (null or JsonArray)) found.Refuse("tags", "Tags are a list of texts.");
        found.ThrowIfRefused();
        var tags = body["tags"] is JsonArray named ? TagSet.Of(named.Select(tag => tag?.ToString() ?? "")) : before?.Tags ?? TagSet.None;
        body.Remove("tags");
        return Pack.Read(name, tags, body, sql, limits, found);
    }
}

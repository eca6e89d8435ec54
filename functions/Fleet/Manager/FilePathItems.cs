using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Files to watch. Paths are osquery's: <c>%</c> for one level, <c>%%</c> for all below.</summary>
internal sealed record FilePathsRequest(IReadOnlyList<string> Paths, IReadOnlyList<string>? ExcludePaths = null, bool Accesses = false, IReadOnlyList<string>? Tags = null);

/// <param name="Accesses">Reading them is told too.</param>
internal sealed record FilePathsBody(string Category, IReadOnlyList<string> Paths, IReadOnlyList<string> ExcludePaths, bool Accesses, IReadOnlyList<string> Tags);

/// <summary>Categories of files to watch.</summary>
internal sealed class FilePathItems(ConfigItems items, Limits limits) : ItemKind<FilePaths>(items.FilePaths, "file-paths", "category", "category")
{
    public override string NameOf(FilePaths item) => item.Category;

    public override TagSet TagsOf(FilePaths item) => item.Tags;

    public override FilePaths With(FilePaths item, string name, TagSet tags) => item with { Category = name, Tags = tags };

    public override JsonObject Body(FilePaths item) => (JsonObject)JsonSerializer.SerializeToNode(
        new FilePathsBody(item.Category, item.Paths, item.ExcludePaths, item.Accesses, item.Tags.Tags), ManagerJson.Strict.FilePathsBody)!;

    public override SizedItem Sized(FilePaths item) => ConfigSizes.Of(item);

    public override JsonObject File(FilePaths item)
    {
        var file = new JsonObject { ["file_paths"] = new JsonObject { [item.Category] = ConfigItems.ToJson(item.Paths) } };
        if (item.ExcludePaths.Count > 0) file["exclude_paths"] = new JsonObject { [item.Category] = ConfigItems.ToJson(item.ExcludePaths) };
        if (item.Accesses) file["file_accesses"] = new JsonArray(item.Category);
        return file;
    }

    protected override FilePaths? Read(string name, JsonObject body, FilePaths? before, ConfigFindings found)
    {
        var request = Typed(body, ManagerJson.Strict.FilePathsRequest);
        if (Names.Fault(name, limits) is { } nameFault) found.Refuse("category", nameFault);
        CheckTags(request.Tags, limits, found);
        if (request.Paths.Count == 0) found.Tell("paths", "The category has no paths, so nothing of it is watched.");
        for (var i = 0; i < request.Paths.Count; i++) Check($"paths[{i}]", request.Paths[i]);
        for (var i = 0; i < request.ExcludePaths?.Count; i++) Check($"excludePaths[{i}]", request.ExcludePaths[i]);
        return new(name, TagSet.Of(request.Tags ?? []), request.Paths, request.ExcludePaths ?? [], request.Accesses);

        void Check(string at, string path)
        {
            if (string.IsNullOrWhiteSpace(path) || path.Any(char.IsControl)) found.Refuse(at, "A path must not be blank or hold control characters.");
        }
    }
}

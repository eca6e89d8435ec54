using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Files to watch. Paths are osquery's: <c>%</c> for one level, <c>%%</c> for all below.</summary>
internal sealed record FilePathsRequest(IReadOnlyList<string> Paths, IReadOnlyList<string>? ExcludePaths = null, bool Accesses = false, IReadOnlyList<string>? Tags = null);

internal sealed record FilePathsBody(string Category, IReadOnlyList<string> Paths, IReadOnlyList<string> ExcludePaths, bool Accesses, IReadOnlyList<string> Tags);

internal static class FilePathsApi
{
    public static void MapFilePaths(this IEndpointRouteBuilder api)
    {
        api.MapGet("/file-paths", (ConfigItems items, Limits limits, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(items.FilePaths.Current.Items, paths => paths.Category, take, after, limits, Body))).For(Role.Viewer);
        api.MapGet("/file-paths/{**category}", (string category, ConfigItems items) =>
            items.FilePaths.Find(Paging.Name(category)) is { } stored ? TypedResults.Ok(Body(stored.Item)) : Missing(category)).For(Role.Viewer);
        api.MapPut("/file-paths/{**category}", PutAsync).For(Role.Operator);
        api.MapDelete("/file-paths/{**category}", RemoveAsync).For(Role.Operator);
    }

    private static async Task<IResult> PutAsync(string category, FilePathsRequest request, ConfigItems items, Limits limits, CancellationToken ct)
    {
        category = Paging.Name(category);
        var errors = new List<FieldError>();
        if (Names.Fault(category, limits) is { } nameFault) errors.Add(new("category", nameFault));
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } tagFault) errors.Add(new("tags", tagFault));
        if (request.Paths.Count == 0) errors.Add(new("paths", "There must be at least one path."));
        for (var i = 0; i < request.Paths.Count; i++) Check($"paths[{i}]", request.Paths[i]);
        for (var i = 0; i < request.ExcludePaths?.Count; i++) Check($"excludePaths[{i}]", request.ExcludePaths[i]);
        if (errors.Count > 0) return Problem.Invalid(errors);

        var isNew = items.FilePaths.Find(category) is null;
        var paths = new FilePaths(category, TagSet.Of(request.Tags ?? []), request.Paths, request.ExcludePaths ?? [], request.Accesses);
        await items.FilePaths.PutAsync(category, paths, etag: null, ct);
        return isNew ? TypedResults.Created($"/api/file-paths/{Uri.EscapeDataString(category)}", Body(paths)) : TypedResults.Ok(Body(paths));

        void Check(string at, string path)
        {
            if (string.IsNullOrWhiteSpace(path) || path.Any(char.IsControl)) errors.Add(new(at, "A path must not be blank or hold control characters."));
        }
    }

    private static async Task<IResult> RemoveAsync(string category, ConfigItems items, CancellationToken ct)
    {
        category = Paging.Name(category);
        if (items.FilePaths.Find(category) is null) return Missing(category);
        await items.FilePaths.RemoveAsync(category, etag: null, ct);
        return TypedResults.NoContent();
    }

    private static IResult Missing(string category) => Problem.NotFound($"category '{category}'");

    private static FilePathsBody Body(FilePaths paths) => new(paths.Category, paths.Paths, paths.ExcludePaths, paths.Accesses, paths.Tags.Tags);
}

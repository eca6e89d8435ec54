using System.Text.Json.Nodes;

namespace Fleet.Config;

/// <summary>What osquery ignores of the files to watch.</summary>
internal static class FilePathNotes
{
    /// <param name="file">A configuration or pack with sections such as <c>file_paths</c>.</param>
    /// <param name="path">Where it stands, with a point at its end.</param>
    /// <param name="found">Told there.</param>
    public static void Tell(JsonObject file, string path, ConfigFindings found)
    {
        var paths = file["file_paths"] as JsonObject;
        var queries = file["file_paths_query"] as JsonObject;
        foreach (var (category, list) in paths ?? [])
        {
            if (list is JsonArray texts && !texts.Any(text => text?.ToString().Length > 0) && queries?.ContainsKey(category) != true)
            {
                found.Tell($"{path}file_paths.{category}", "The category has no paths, so nothing of it is watched.");
            }
        }

        foreach (var (category, _) in file["exclude_paths"] as JsonObject ?? []) TellUnlessWatched($"exclude_paths.{category}", category);
        foreach (var category in file["file_accesses"] as JsonArray ?? []) TellUnlessWatched("file_accesses", category?.ToString() ?? "");

        void TellUnlessWatched(string member, string category)
        {
            if (paths?.ContainsKey(category) == true || queries?.ContainsKey(category) == true) return;
            found.Tell(path + member, $"'file_paths' has no category '{category}', so osquery ignores it.");
        }
    }
}

using Fleet.Shared;

namespace Fleet.Tests.Support;

/// <summary>Data that may stand beside the repository; the suite's own fixtures stand in it. Where it is missing, nothing is added.</summary>
internal static class SharedData
{
    public static string? Folder { get; } = Above(AppContext.BaseDirectory, "shared/data");

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = RepositoryRoot.Path;

    /// <summary>The suite's own file, and the shared one if it is there.</summary>
    public static IEnumerable<string> Files(string own, string shared)
    {
        yield return Path.Combine(Root, "tests", "Fleet.Tests", "Fixtures", own);
        if (Folder is not null && File.Exists(Path.Combine(Folder, shared))) yield return Path.Combine(Folder, shared);
    }

    private static string? Above(string folder, string name)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            var path = Path.Combine(at.FullName, name);
            if (Path.Exists(path)) return path;
        }

        return null;
    }
}

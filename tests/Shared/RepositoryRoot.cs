namespace Fleet.Shared;

/// <summary>The folder that the tests were built from.</summary>
internal static class RepositoryRoot
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(root.FullName, "Fleet.sln"))) root = root.Parent!;
        return root.FullName;
    }
}

using Fleet.Shared;

namespace Fleet.EndToEnd;

/// <summary>What <c>dotnet publish functions/Fleet.Functions</c> made, which is what would be deployed.</summary>
internal static class PublishedFolder
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        var folder = System.IO.Path.Combine(RepositoryRoot.Path, "artifacts", "publish");
        var program = new FileInfo(System.IO.Path.Combine(folder, "Fleet.Functions.dll"));
        var newest = new DirectoryInfo(System.IO.Path.Combine(RepositoryRoot.Path, "functions")).EnumerateFiles("*.*", SearchOption.AllDirectories)
            .Where(file => file.Extension is ".cs" or ".json" && !file.FullName.Contains("/obj/", StringComparison.Ordinal) && !file.FullName.Contains("/bin/", StringComparison.Ordinal))
            .Max(file => file.LastWriteTimeUtc);
        return program.Exists && program.LastWriteTimeUtc >= newest
            ? folder
            : throw new InvalidOperationException($"{folder} is missing or older than the source: run ./test, or 'dotnet publish functions/Fleet.Functions -p:ServiceBusExtension=false --output artifacts/publish'.");
    }
}

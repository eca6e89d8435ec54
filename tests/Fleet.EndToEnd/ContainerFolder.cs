using Fleet.Shared;

namespace Fleet.EndToEnd;

/// <summary>The program's folder in the image: the files that <c>infra/Dockerfile</c> takes of what <c>dotnet publish functions/Fleet</c> made, and no others.</summary>
internal static class ContainerFolder
{
    private const string Published = "/published/";

    public static string Program { get; } = Path.Combine(Make(), "fleet");

    private static string Make()
    {
        var source = Path.Combine(RepositoryRoot.Path, "artifacts", "native");
        if (!File.Exists(Path.Combine(source, "fleet"))) throw new InvalidOperationException($"{source} is missing: run ./test, or 'dotnet publish functions/Fleet --output artifacts/native'.");
        var folder = Path.Combine(RepositoryRoot.Path, "artifacts", "container");
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        foreach (var line in File.ReadLines(Path.Combine(RepositoryRoot.Path, "infra", "Dockerfile")))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (var word in words.Where(word => word.StartsWith(Published, StringComparison.Ordinal) && words[0] == "COPY"))
            {
                var path = Path.Combine(source, word[Published.Length..]);
                var target = Path.Combine(folder, words[^1].EndsWith('/') ? Path.Combine(words[^1], Path.GetFileName(path)) : words[^1]);
                if (Directory.Exists(path)) CopyAll(path, target);
                else Copy(path, target);
            }
        }

        return folder;
    }

    private static void CopyAll(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories)) Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
    }
}

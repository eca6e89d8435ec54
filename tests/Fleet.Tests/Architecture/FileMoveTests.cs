using Fleet.Shared;

namespace Fleet.Tests.Architecture;

public sealed class FileMoveTests
{
    /// <summary>A sink's full file may keep its old name after a power failure: its lines are there.</summary>
    private static readonly string[] s_others = ["FileSink.cs", "FolderSync.cs"];

    [Fact]
    public void Files_are_moved_into_their_place_together_with_a_sync_of_their_folder() => Assert.DoesNotContain(
        Directory
            .EnumerateFiles(Path.Combine(RepositoryRoot.Path, "functions", "Fleet"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal) && !s_others.Contains(Path.GetFileName(path))),
        path => File.ReadAllText(path).Contains("File.Move(", StringComparison.Ordinal));
}

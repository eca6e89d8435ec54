using System.Text.RegularExpressions;
using Fleet.Tests.Support;

namespace Fleet.Tests.Architecture;

public sealed partial class LayeringTests
{
    /// <summary>A room may use the rooms in the rows above it, never its own row or below. The command line starts the host, so it stands below it.</summary>
    private static readonly string[][] s_rows =
    [
        ["Kernel"], ["Storage"], ["Bus"], ["Nodes"], ["Config", "Queries", "Results", "Alerts", "Carves"],
        ["Rules", "Sinks"], ["Agents", "Manager", "Portal", "Upkeep", "Swarm"], ["Hosting"], ["Cli"],
    ];

    private static readonly (string Path, string Room, string Text)[] s_files = [.. Directory
        .EnumerateFiles(Path.Combine(SharedData.Root, "functions", "Fleet"), "*.cs", SearchOption.AllDirectories)
        .Select(path => (Path: Path.GetRelativePath(Path.Combine(SharedData.Root, "functions", "Fleet"), path).Replace('\\', '/'), Full: path))
        .Where(file => file.Path.Contains('/', StringComparison.Ordinal) && !file.Path.StartsWith("bin/", StringComparison.Ordinal) && !file.Path.StartsWith("obj/", StringComparison.Ordinal))
        .Select(file => (file.Path, file.Path[..file.Path.IndexOf('/', StringComparison.Ordinal)], File.ReadAllText(file.Full)))];

    [Fact]
    public void Every_room_has_its_place() => Assert.Empty(s_files.Select(file => file.Room).Distinct().Except(s_rows.SelectMany(row => row)));

    [Fact]
    public void A_room_uses_only_rooms_above_it()
    {
        var broken = s_files.SelectMany(file => RoomsUsed(file.Text)
            .Where(used => used != file.Room && RowOf(used) >= RowOf(file.Room))
            .Select(used => $"{file.Path} is in {file.Room} and uses {used}: move the type up, or pass what it needs as an argument."));
        Assert.Empty(broken);
    }

    [Fact]
    public void The_swarm_knows_the_kernel_alone() =>
        Assert.Empty(s_files.Where(file => file.Room == "Swarm").SelectMany(file => RoomsUsed(file.Text).Where(used => used is not ("Swarm" or "Kernel")).Select(used => $"{file.Path} uses {used}.")));

    [Fact]
    public void SQLite_appears_only_in_the_embedded_adapters_and_where_SQL_is_checked() => Assert.Empty(s_files
        .Where(file => (file.Text.Contains("Microsoft.Data.Sqlite", StringComparison.Ordinal) || file.Text.Contains("SQLitePCL", StringComparison.Ordinal))
            && !file.Path.Contains("/Embedded/", StringComparison.Ordinal) && file.Path is not ("Config/SqlSandbox.cs" or "Config/SqlFunctions.cs"))
        .Select(file => $"{file.Path} uses SQLite: go through ITable, IBus or SqlCheck."));

    [Fact]
    public void Azures_packages_appear_only_in_their_adapters_and_where_backends_are_chosen() => Assert.Empty(s_files
        .Where(file => AzurePackage().IsMatch(file.Text) && !file.Path.Contains("/Azure/", StringComparison.Ordinal) && file.Room != "Hosting")
        .Select(file => $"{file.Path} uses a package of Azure's: go through ITable, IBlobs, ISecrets or IBus."));

    [Fact]
    public void ASPNET_appears_only_in_doors_and_Hosting() => Assert.Empty(s_files
        .Where(file => file.Room is not ("Agents" or "Manager" or "Portal" or "Hosting" or "Cli") && file.Text.Contains("using Microsoft.AspNetCore", StringComparison.Ordinal))
        .Select(file => $"{file.Path} uses ASP.NET: only doors and Hosting do."));

    [Fact]
    public void No_file_has_more_than_four_hundred_lines() => Assert.Empty(s_files
        .Select(file => (file.Path, Lines: file.Text.Split('\n').Length)).Where(file => file.Lines > 400).Select(file => $"{file.Path} has {file.Lines} lines: split it."));

    [Fact]
    public void Nothing_sleeps() => Assert.DoesNotContain(s_files, file => file.Text.Contains("Thread.Sleep", StringComparison.Ordinal));

    [Fact]
    public void Every_package_of_the_program_is_named_in_the_README()
    {
        var readme = File.ReadAllText(Path.Combine(SharedData.Root, "README.md"));
        string[] projects = ["Fleet", "Fleet.Functions"];
        Assert.All(projects.SelectMany(name => Package().Matches(File.ReadAllText(Path.Combine(SharedData.Root, "functions", name, name + ".csproj")))), match => Assert.Contains(match.Groups[1].Value, readme, StringComparison.Ordinal));
    }

    private static IEnumerable<string> RoomsUsed(string text) => Using().Matches(text).Select(match => match.Groups[1].Value).Distinct();

    private static int RowOf(string room) => Array.FindIndex(s_rows, row => row.Contains(room));

    [GeneratedRegex(@"^using (?:static )?Fleet\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"^using (?:global::)?Azure\b", RegexOptions.Multiline)]
    private static partial Regex AzurePackage();

    [GeneratedRegex("PackageReference Include=\"([^\"]+)\"")]
    private static partial Regex Package();
}

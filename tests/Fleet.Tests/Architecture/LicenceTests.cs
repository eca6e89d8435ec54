using System.Reflection;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Fleet.Tests.Support;

namespace Fleet.Tests.Architecture;

/// <summary>Everything that is shipped may be used, changed and sold by whoever has it: no licence asks for the program's source.</summary>
public sealed class LicenceTests
{
    private static readonly HashSet<string> s_permissive = ["MIT", "MIT-0", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "MS-PL", "Unlicense"];

    /// <summary>Packages that bring a text and not a name, which somebody has read.</summary>
    private static readonly Dictionary<string, string> s_read = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Apache.Arrow"] = "Apache-2.0",

        // In the public domain, by its authors' dedication.
        ["sqlite"] = "Unlicense",
        ["System.Security.Cryptography.ProtectedData"] = "MIT",
    };

    [Fact]
    public void Every_package_of_the_program_has_a_permissive_licence()
    {
        var root = typeof(LicenceTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Packages").Value!;
        string[] projects = ["Fleet", "Fleet.Functions"];
        var packages = projects
            .SelectMany(project => JsonNode.Parse(File.ReadAllText(Path.Combine(SharedData.Root, "functions", project, "packages.lock.json")))!["dependencies"]!.AsObject())
            .SelectMany(framework => framework.Value!.AsObject())
            .Where(package => (string?)package.Value!["type"] != "Project")
            .Select(package => (package.Key, Version: (string)package.Value!["resolved"]!)).Distinct().ToList();
        Assert.True(packages.Count > 20);
        Assert.All(packages, package => Assert.True(IsPermissive(LicenceOf(root, package.Key, package.Version)), $"{package.Key} {package.Version}: {LicenceOf(root, package.Key, package.Version)}"));
    }

    [Fact]
    public void Every_package_of_the_portal_has_a_permissive_licence()
    {
        var packages = JsonNode.Parse(File.ReadAllText(Path.Combine(SharedData.Root, "portal", "package-lock.json")))!["packages"]!.AsObject()
            .Where(package => package.Key.Length > 0 && package.Value!["dev"] is null).ToList();
        Assert.True(packages.Count > 50);
        Assert.All(packages, package => Assert.True(IsPermissive((string?)package.Value!["license"] ?? "none"), $"{package.Key}: {package.Value["license"]}"));
    }

    private static string LicenceOf(string root, string name, string version)
    {
        if (s_read.TryGetValue(name, out var read)) return read;
        var file = Path.Combine(root, name.ToLowerInvariant(), version.ToLowerInvariant(), name.ToLowerInvariant() + ".nuspec");
        var licence = XDocument.Load(file).Descendants().FirstOrDefault(element => element.Name.LocalName == "license");
        return licence?.Attribute("type")?.Value == "expression" ? licence.Value : $"not named ({licence?.Value}): read it, and name it here";
    }

    /// <summary>Of a choice one is enough.</summary>
    private static bool IsPermissive(string licence) => licence.Trim('(', ')').Split(" OR ").Any(s_permissive.Contains);
}

using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fleet.Hosting;
using Fleet.Tests.Support;
using Microsoft.Extensions.Configuration;

namespace Fleet.Tests.Architecture;

/// <summary>The templates by their syntax trees: no compiler of Microsoft's can be had here, a grammar can.</summary>
public sealed partial class BicepTests
{
    private static readonly string s_infra = Path.Combine(SharedData.Root, "infra");
    private static readonly Lazy<Dictionary<string, Node>> s_trees = new(Parse);

    /// <summary>Bicep's own functions that the templates call, and its namespaces.</summary>
    private static readonly HashSet<string> s_builtIn =
    [
        "uniqueString", "subscription", "tenant", "toLower", "replace", "base64ToString", "guid", "subscriptionResourceId", "empty", "union", "environment", "json", "take", "items",
        "description", "allowed", "minLength", "maxLength", "minValue", "maxValue",
    ];

    [Fact]
    public void Every_file_is_Bicep()
    {
        Assert.True(s_trees.Value.Count >= 11);
        Assert.Empty(s_trees.Value.SelectMany(file => file.Value.All().Where(node => node.Type == "ERROR" || node.Missing).Select(node => $"{file.Key}:{node.Line}: {node.Text}")));
    }

    [Fact]
    public void Every_module_is_given_its_parameters_and_no_others()
    {
        var wrong = new List<string>();
        foreach (var (path, file) in s_trees.Value)
        {
            foreach (var module in file.All().Where(node => node.Type == "module_declaration"))
            {
                var target = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, module.Children[1].Text.Trim('\'')));
                var declared = s_trees.Value[target].Children.Where(node => node.Type == "parameter_declaration").ToDictionary(node => node.Children[0].Text, node => node.HasDefault);
                var given = Properties(module.All().First(node => node.Type == "object_property" && Name(node) == "params").Children[1]).Select(Name).ToList();
                wrong.AddRange(declared.Where(parameter => !parameter.Value && !given.Contains(parameter.Key)).Select(parameter => $"{path}:{module.Line}: {parameter.Key} is not given"));
                wrong.AddRange(given.Where(name => !declared.ContainsKey(name)).Select(name => $"{path}:{module.Line}: the module has no parameter {name}"));
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_symbol_that_is_used_is_declared_and_every_one_that_is_declared_is_used()
    {
        var wrong = new List<string>();
        foreach (var (path, file) in s_trees.Value)
        {
            var declared = file.All().Where(node => node.Type is "parameter_declaration" or "variable_declaration" or "resource_declaration" or "module_declaration").ToDictionary(node => node.Children[0].Text, node => node);
            var loops = file.All().Where(node => node.Type == "for_statement").Select(node => node.Children.First(child => child.Type is "identifier" or "for_loop_parameters").Text).ToHashSet();
            var used = Uses(file).ToList();
            wrong.AddRange(used.Where(name => !declared.ContainsKey(name) && !loops.Contains(name) && !s_builtIn.Contains(name)).Select(name => $"{path}: {name} is not declared"));
            var standsAlone = declared.Where(symbol => symbol.Value.Type is "parameter_declaration" or "variable_declaration").Select(symbol => symbol.Key);
            wrong.AddRange(standsAlone.Except(used).Select(name => $"{path}: {name} is not used"));
            wrong.AddRange(declared.Keys.Where(s_builtIn.Contains).Select(name => $"{path}: {name} hides a function"));
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Every_output_of_a_module_that_is_used_is_there()
    {
        var main = s_trees.Value[Path.Combine(s_infra, "main.bicep")];
        var modules = main.All().Where(node => node.Type == "module_declaration").ToDictionary(node => node.Children[0].Text, node => Path.GetFullPath(Path.Combine(s_infra, node.Children[1].Text.Trim('\''))));
        var wanted = OutputUse().Matches(main.Text).Select(match => (Module: match.Groups[1].Value, Output: match.Groups[2].Value)).Distinct().ToList();
        Assert.True(wanted.Count > 15);
        Assert.All(wanted, use => Assert.Contains(s_trees.Value[modules[use.Module]].Children, node => node.Type == "output_declaration" && node.Children[0].Text == use.Output));
    }

    [Fact]
    public void Every_resource_names_a_type_and_an_API_version_and_carries_the_tags_that_it_can()
    {
        var resources = s_trees.Value.SelectMany(file => file.Value.All().Where(node => node.Type == "resource_declaration").Select(node => (file.Key, Node: node))).ToList();
        Assert.All(resources, resource => Assert.Matches(@"^'Microsoft\.[A-Za-z]+(/[A-Za-z]+)+@20\d\d-\d\d-\d\d'$", resource.Node.Children[1].Text));
        string[] without = ["roleAssignments", "/config@", "/blobServices", "/topics", "/queues", "hostNameBindings", "sites/certificates"];
        Assert.Empty(resources.Where(resource => !without.Any(resource.Node.Children[1].Text.Contains) && !resource.Node.Text.Contains(" existing ", StringComparison.Ordinal) && !resource.Node.Text.Contains("\n  tags: tags", StringComparison.Ordinal))
            .Select(resource => $"{resource.Key}:{resource.Node.Line}: no tags"));
    }

    [Fact]
    public void No_secret_is_in_a_parameter_or_an_output()
    {
        var named = s_trees.Value.SelectMany(file => file.Value.Children.Where(node => node.Type is "parameter_declaration" or "output_declaration").Select(node => $"{Path.GetFileName(file.Key)}: {node.Children[0].Text}"));
        Assert.DoesNotContain(named, name => SecretName().IsMatch(name));
        Assert.DoesNotContain(s_trees.Value.SelectMany(file => file.Value.Children.Where(node => node.Type == "output_declaration")), node => node.Text.Contains("listKeys", StringComparison.Ordinal) || node.Text.Contains("listSecrets", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_setting_and_connection_that_a_function_names_is_in_the_app_settings()
    {
        var settings = AppSettings();
        foreach (var path in Directory.EnumerateFiles(Path.Combine(SharedData.Root, "functions"), "*.function.json", SearchOption.AllDirectories).Where(path => !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal)))
        {
            var text = File.ReadAllText(path);
            Assert.All(Percent().Matches(text), match => Assert.Contains(match.Groups[1].Value, settings.Keys));
            Assert.All(Connection().Matches(text), match => Assert.Contains(match.Groups[1].Value + "__fullyQualifiedNamespace", settings.Keys));
        }
    }

    [Fact]
    public void The_program_takes_every_setting_that_is_made_for_it()
    {
        var configuration = AppSettings().Where(pair => pair.Key.StartsWith("Fleet__", StringComparison.Ordinal)).ToDictionary(pair => pair.Key.Replace("__", ":", StringComparison.Ordinal), pair => (string?)pair.Value);
        configuration["FUNCTIONS_CUSTOMHANDLER_PORT"] = "7071";
        var settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(configuration).Build());
        Assert.False(settings.Backends.IsEmbedded);
        Assert.NotNull(settings.Backends.ClientId);
    }

    [Fact]
    public void The_sample_of_local_settings_names_the_same()
    {
        using var sample = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Root, "local.settings.sample.json")), new() { CommentHandling = JsonCommentHandling.Skip });
        var names = sample.RootElement.GetProperty("Values").EnumerateObject().Select(value => value.Name).ToList();
        Assert.Superset(new HashSet<string> { "FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "ResultsTopic", "RulesSubscription", "SinksSubscription", "AlertsQueue", "UpkeepSchedule", "ServiceBus" }, names.ToHashSet());
        var configuration = sample.RootElement.GetProperty("Values").EnumerateObject().Where(value => value.Name.StartsWith("Fleet__", StringComparison.Ordinal)).ToDictionary(value => value.Name.Replace("__", ":", StringComparison.Ordinal), value => value.Value.GetString());
        Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(configuration).Build());
    }

    [Fact]
    public void Every_parameter_of_main_that_azd_gives_exists_and_the_required_ones_are_given()
    {
        using var given = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_infra, "main.parameters.json")));
        var names = given.RootElement.GetProperty("parameters").EnumerateObject().Select(parameter => parameter.Name).ToHashSet();
        var declared = s_trees.Value[Path.Combine(s_infra, "main.bicep")].Children.Where(node => node.Type == "parameter_declaration").Select(node => node.Children[0].Text).ToHashSet();
        Assert.Equal(declared, names);
    }

    /// <summary>All literal app settings of the function app, with a value of the right shape.</summary>
    private static Dictionary<string, string> AppSettings()
    {
        var objects = s_trees.Value.Where(file => Path.GetFileName(file.Key) is "main.bicep" or "functions.bicep").SelectMany(file => file.Value.Children)
            .Where(node => node.Type == "variable_declaration" && node.Children[0].Text is "fleetSettings" or "triggerSettings" or "hostSettings").SelectMany(node => Properties(node.Children[^1]));
        return objects.ToDictionary(Name, property => property.Children[1].Text switch
        {
            var text when text.Contains("ndpoint", StringComparison.Ordinal) => "https://stfleet.table.core.windows.net/",
            var text when text.Contains(".uri", StringComparison.Ordinal) => "https://kv.vault.azure.net/",
            var text when text.Contains(".host", StringComparison.Ordinal) => "sb.servicebus.windows.net",
            var text when text.Contains("clientAuthorities", StringComparison.Ordinal) => "",
            var text => text.Trim('\''),
        });
    }

    private static IEnumerable<Node> Properties(Node node) => node.Children.Where(child => child.Type == "object_property");

    private static string Name(Node property) => property.Children[0].Text.Trim('\'');

    /// <summary>Names where a value stands: not those of properties, members, types and declarations.</summary>
    private static IEnumerable<string> Uses(Node node)
    {
        var skipped = node.Type switch
        {
            "parameter_declaration" or "variable_declaration" or "resource_declaration" or "module_declaration" or "output_declaration" => 1,
            "object_property" when node.Children[0].Type == "identifier" => 1,
            _ => 0,
        };
        if (node.Type == "identifier") yield return node.Text;
        if (node.Type is "type" or "property_identifier") yield break;
        foreach (var child in node.Children.Skip(skipped))
        {
            foreach (var name in Uses(child)) yield return name;
        }
    }

    private static Dictionary<string, Node> Parse()
    {
        var files = Directory.EnumerateFiles(s_infra, "*.bicep", SearchOption.AllDirectories);
        using var node = Process.Start(new ProcessStartInfo("node", [Path.Combine(SharedData.Root, "tests", "bicep.js"), .. files]) { RedirectStandardOutput = true })!;
        var json = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        Assert.True(node.ExitCode == 0, "The grammar is not installed: run ./test, or 'npm ci --ignore-scripts' in tests.");
        return JsonSerializer.Deserialize<Dictionary<string, Node>>(json, JsonSerializerOptions.Web)!;
    }

    internal sealed record Node(string Type, string Text, int Line, bool Missing, IReadOnlyList<Node> Children)
    {
        public bool HasDefault => Text.Contains(" = ", StringComparison.Ordinal);

        public IEnumerable<Node> All() => Children.SelectMany(child => child.All()).Prepend(this);
    }

    [GeneratedRegex(@"(\w+)!?\.outputs\.(\w+)")]
    private static partial Regex OutputUse();

    [GeneratedRegex("password|secret|key$|connectionstring$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    [GeneratedRegex("%([^%]+)%")]
    private static partial Regex Percent();

    [GeneratedRegex("\"connection\": \"([^\"]+)\"")]
    private static partial Regex Connection();
}

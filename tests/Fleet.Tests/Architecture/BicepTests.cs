using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fleet.Hosting;
using Fleet.Tests.Support;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;

namespace Fleet.Tests.Architecture;

/// <summary>The templates by Microsoft's compiler: what they say, and what a deployment of them would make.</summary>
public sealed partial class BicepTests
{
    /// <summary>Azure's own roles, by what the program does with each.</summary>
    private static readonly string[] s_roles =
    [
        "Microsoft.Insights/components 3913510d-42f4-4e42-8a64-420c390055eb identity",
        "Microsoft.KeyVault/vaults 4633458b-17de-408a-b874-0445c86b69e6 person",
        "Microsoft.KeyVault/vaults b86a8fe4-44ce-4948-aee5-eccb2c155cd7 identity",
        "Microsoft.ServiceBus/namespaces 4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0 identity",
        "Microsoft.ServiceBus/namespaces 69a216fc-b8fb-44d8-bc22-1f3c2cd27a39 identity",
        "Microsoft.Storage/storageAccounts 0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3 identity",
        "Microsoft.Storage/storageAccounts b7e6dc6d-f1e8-4753-8033-0f276bb0955b identity",
    ];

    private static readonly string s_infra = Path.Combine(SharedData.Root, "infra");

    public static TheoryData<string> Deployments => [.. Directory.EnumerateFiles(Path.Combine(s_infra, "snapshots"), "*.bicepparam").Select(path => Path.GetFileNameWithoutExtension(path))];

    [Fact]
    public void The_templates_are_built_and_linted_without_a_warning() => Assert.Equal("", Bicep("lint", Path.Combine(s_infra, "main.bicep")).Said);

    /// <summary>After a change that is wanted: run the command in infra/README.md, and read what changed in the snapshots.</summary>
    [Theory]
    [MemberData(nameof(Deployments))]
    public void A_deployment_makes_what_its_snapshot_says(string deployment)
    {
        var (code, said) = Bicep(
            "snapshot", Path.Combine(s_infra, "snapshots", deployment + ".bicepparam"), "--mode", "validate", "--subscription-id", "00000000-0000-0000-0000-00000000000a",
            "--tenant-id", "00000000-0000-0000-0000-00000000000b", "--location", "westeurope", "--deployment-name", "fleet");
        Assert.True(code == 0, said);
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void The_program_has_the_roles_that_it_needs_and_no_others(string deployment)
    {
        var roles = Resources(deployment).Where(resource => TypeOf(resource) == "Microsoft.Authorization/roleAssignments").Select(role =>
        {
            var scope = Scope().Match((string)role["id"]!).Groups[1].Value;
            var who = ((string)role["properties"]!["principalId"]!).Contains("userAssignedIdentities", StringComparison.Ordinal) ? "identity" : "person";
            return $"{scope} {((string)role["properties"]!["roleDefinitionId"]!).Split('/')[^1]} {who}";
        });
        Assert.Equal(s_roles, roles.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Nobody_enters_with_a_key_or_in_the_clear(string deployment)
    {
        var storage = Properties(deployment, "Microsoft.Storage/storageAccounts").Single();
        Assert.Equal((false, false, "TLS1_2", true), ((bool)storage["allowSharedKeyAccess"]!, (bool)storage["allowBlobPublicAccess"]!, (string)storage["minimumTlsVersion"]!, (bool)storage["supportsHttpsTrafficOnly"]!));
        Assert.True((bool)Properties(deployment, "Microsoft.ServiceBus/namespaces").Single()["disableLocalAuth"]!);
        Assert.True((bool)Properties(deployment, "Microsoft.KeyVault/vaults").Single()["enableRbacAuthorization"]!);
        Assert.True((bool)Properties(deployment, "Microsoft.Insights/components").Single()["DisableLocalAuth"]!);
        Assert.All(Properties(deployment, "Microsoft.Web/sites"), site => Assert.True((bool)site["httpsOnly"]!));
        Assert.All(Properties(deployment, "Microsoft.App/containerApps"), app => Assert.False((bool)app["configuration"]!["ingress"]!["allowInsecure"]!));
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Everything_that_can_carry_tags_says_whose_it_is(string deployment)
    {
        string[] without = ["/roleAssignments", "/config", "/blobServices", "/containers", "/topics", "/subscriptions", "/rules", "/queues", "/hostNameBindings"];
        Assert.All(Resources(deployment).Where(resource => !without.Any(end => TypeOf(resource).EndsWith(end, StringComparison.Ordinal))), resource => Assert.Equal("production", (string?)resource["tags"]?["azd-env-name"]));
    }

    [Fact]
    public void No_secret_is_in_a_parameter_or_an_output()
    {
        var template = JsonNode.Parse(Bicep("build", Path.Combine(s_infra, "main.bicep"), "--stdout").Said)!;
        var named = Objects(template).Where(json => json.ContainsKey("$schema")).SelectMany(json => Names(json["parameters"]).Concat(Names(json["outputs"])));
        Assert.DoesNotContain(named, name => SecretName().IsMatch(name));
        Assert.DoesNotContain(Objects(template).Where(json => json.ContainsKey("$schema")), json => json["outputs"]?.ToJsonString().Contains("list", StringComparison.Ordinal) == true);

        static IEnumerable<string> Names(JsonNode? json) => (json as JsonObject ?? []).Select(member => member.Key);
    }

    [Theory]
    [InlineData("functions")]
    [InlineData("separate-manager")]
    public void Every_setting_and_connection_that_a_function_names_is_in_the_app_settings(string deployment)
    {
        foreach (var settings in AppSettings(deployment))
        {
            Assert.All(FunctionList.Settings, name => Assert.Contains(name, settings.Keys));
            Assert.True(long.Parse(settings["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"], System.Globalization.CultureInfo.InvariantCulture) > Fleet.Kernel.Limits.Default.AgentBodyBytes, "The host would refuse what the program takes, with nothing.");
            Assert.All(FunctionList.Connections, name => Assert.Contains(name + "__fullyQualifiedNamespace", settings.Keys));
        }
    }

    [Fact]
    public void An_app_for_people_has_all_triggers_of_messages_and_timers_off()
    {
        var people = AppSettings("separate-manager").Single(settings => settings.GetValueOrDefault("Fleet__Agents__Enabled") == "false");
        Assert.Equal(
            FunctionList.All.Where(function => function.Trigger is not HttpTriggerAttribute).Select(function => $"AzureWebJobs.{function.Name}.Disabled").Order(),
            people.Keys.Where(name => name.StartsWith("AzureWebJobs.", StringComparison.Ordinal)).Order());
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void The_program_takes_every_setting_that_is_made_for_it(string deployment)
    {
        var apps = AppSettings(deployment);
        Assert.Equal(deployment == "separate-manager" ? 2 : 1, apps.Count);
        foreach (var app in apps)
        {
            var configuration = app.Where(pair => pair.Key.StartsWith("Fleet__", StringComparison.Ordinal)).ToDictionary(pair => pair.Key.Replace("__", ":", StringComparison.Ordinal), pair => (string?)pair.Value);
            // No certificate: what the parameters hold only looks like one.
            configuration["Fleet:Certificates:Authorities"] = "";
            var settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(configuration).Build(), isFunctionsApp: deployment != "container");
            Assert.False(settings.Backends.IsEmbedded);
            Assert.NotNull(settings.Backends.ClientId);
        }
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
        var template = JsonNode.Parse(Bicep("build", Path.Combine(s_infra, "main.bicep"), "--stdout").Said)!;
        Assert.Equal(template["parameters"]!.AsObject().Select(parameter => parameter.Key).ToHashSet(), names);
    }

    /// <summary>The settings of each app, with a value of the right shape for those that are known when it is deployed.</summary>
    private static List<Dictionary<string, string>> AppSettings(string deployment)
    {
        var functions = Resources(deployment).Where(resource => TypeOf(resource) == "Microsoft.Web/sites/config" && ((string)resource["name"]!).EndsWith("/appsettings", StringComparison.Ordinal))
            .Select(resource => resource["properties"]!.AsObject().Select(member => (member.Key, Value: (string)member.Value!)));
        var containers = Properties(deployment, "Microsoft.App/containerApps")
            .Select(app => app["template"]!["containers"]![0]!["env"]!.AsArray().Select(one => (Key: (string)one!["name"]!, Value: (string)one["value"]!)));
        return [.. functions.Concat(containers).Select(app => app.ToDictionary(one => one.Key, one => Known(one.Value)))];
    }

    private static string Known(string value) => value switch
    {
        _ when !value.StartsWith('[') => value,
        _ when value.Contains("primaryEndpoints", StringComparison.Ordinal) => "https://stfleet.table.core.windows.net/",
        _ when value.Contains("vaultUri", StringComparison.Ordinal) => "https://kv.vault.azure.net/",
        _ => "11111111-1111-1111-1111-111111111111",
    };

    private static IEnumerable<JsonNode> Properties(string deployment, string type) => Resources(deployment).Where(resource => TypeOf(resource) == type).Select(resource => resource["properties"]!);

    private static List<JsonNode> Resources(string deployment) =>
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(s_infra, "snapshots", deployment + ".snapshot.json")))!["predictedResources"]!.AsArray().Select(resource => resource!)];

    private static string TypeOf(JsonNode resource) => (string)resource["type"]!;

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject json => json.SelectMany(member => Objects(member.Value)).Prepend(json),
        JsonArray array => array.SelectMany(Objects),
        _ => [],
    };

    private static (int Code, string Said) Bicep(params string[] arguments)
    {
        var tool = typeof(BicepTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(one => one.Key == "Bicep").Value!;
        using var bicep = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = bicep.StandardError.ReadToEndAsync();
        var said = bicep.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        bicep.WaitForExit();
        return (bicep.ExitCode, said);
    }

    [GeneratedRegex(@"/providers/(Microsoft\.(?!Authorization)\w+/\w+)")]
    private static partial Regex Scope();

    [GeneratedRegex("password|secret|key$|connectionstring$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();
}

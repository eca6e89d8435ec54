using System.Text.Json.Nodes;

namespace Fleet.EndToEnd;

/// <summary>A function as its function.json says.</summary>
/// <param name="Route">Of an HTTP function.</param>
/// <param name="Entity">Of a service bus function: a queue, or <c>TOPIC/subscriptions/NAME</c>.</param>
/// <param name="Binding">The name under which a trigger's data is handed over.</param>
internal sealed record HostedFunction(string Name, string Binding, string? Route, string[] Methods, string? Entity)
{
    public bool IsHttp => Route is not null;

    /// <summary>Every folder with a function.json, except what the settings switch off.</summary>
    public static IReadOnlyList<HostedFunction> ReadAll(string folder, IReadOnlyDictionary<string, string> settings) =>
    [
        .. Directory.EnumerateFiles(folder, "function.json", SearchOption.AllDirectories)
            .Select(path => Read(path, settings))
            .Where(function => !bool.TryParse(settings.GetValueOrDefault($"AzureWebJobs.{function.Name}.Disabled"), out var isDisabled) || !isDisabled)
            .OrderBy(function => function.Name, StringComparer.Ordinal),
    ];

    private static HostedFunction Read(string path, IReadOnlyDictionary<string, string> settings)
    {
        var name = Path.GetFileName(Path.GetDirectoryName(path))!;
        var bindings = JsonNode.Parse(File.ReadAllText(path))!["bindings"]!.AsArray().Select(binding => binding!.AsObject()).ToList();
        var trigger = bindings.Single(binding => ((string)binding["type"]!).EndsWith("Trigger", StringComparison.Ordinal));
        var binding = (string)trigger["name"]!;
        switch ((string)trigger["type"]!)
        {
            case "httpTrigger":
                // Proxied only with exactly one HTTP trigger and one HTTP output.
                Assert.Equal(["http", "httpTrigger"], bindings.Select(one => (string)one["type"]!).Order());
                Assert.Equal("anonymous", (string?)trigger["authLevel"]);
                return new(name, binding, (string)trigger["route"]!, [.. trigger["methods"]!.AsArray().Select(method => ((string)method!).ToUpperInvariant())], null);
            case "serviceBusTrigger":
                var connection = (string)trigger["connection"]!;
                Assert.True(settings.ContainsKey(connection) || settings.ContainsKey(connection + "__fullyQualifiedNamespace"), $"{name}: there is no setting for the connection {connection}.");
                var entity = trigger["queueName"] is { } queue ? Resolve(queue) : $"{Resolve(trigger["topicName"]!)}/subscriptions/{Resolve(trigger["subscriptionName"]!)}";
                return new(name, binding, null, [], entity);
            case "timerTrigger":
                Assert.Equal(6, Resolve(trigger["schedule"]!).Split(' ').Length);
                return new(name, binding, null, [], null);
            default:
                throw new InvalidOperationException($"{path}: the host knows no {trigger["type"]}.");
        }

        string Resolve(JsonNode value)
        {
            var text = (string)value!;
            if (text is not ['%', .. var setting, '%']) return text;
            return settings.TryGetValue(setting, out var found) ? found : throw new InvalidOperationException($"{name}: there is no setting {setting}.");
        }
    }
}

using System.Text.Json.Nodes;

namespace Fleet.EndToEnd;

/// <summary>A function as the host reads it from functions.metadata.</summary>
/// <param name="Parameter">The name under which a trigger's data is handed over.</param>
/// <param name="Route">Of an HTTP function.</param>
/// <param name="Entity">Of a service bus function: a queue, or <c>TOPIC/subscriptions/NAME</c>.</param>
internal sealed record HostedFunction(string Name, string Parameter, string? Route, string[] Methods, string? Entity)
{
    public bool IsHttp => Route is not null;

    /// <summary>Every function of a published folder, except what the settings switch off.</summary>
    public static IReadOnlyList<HostedFunction> ReadAll(string folder, IReadOnlyDictionary<string, string> settings) =>
    [
        .. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "functions.metadata")))!.AsArray()
            .Where(function => !bool.TryParse(settings.GetValueOrDefault($"AzureWebJobs.{function!["name"]}.Disabled"), out var isDisabled) || !isDisabled)
            .Select(function => Read((string)function!["name"]!, function["bindings"]!.AsArray(), settings))
            .OrderBy(function => function.Name, StringComparer.Ordinal),
    ];

    private static HostedFunction Read(string name, JsonArray bindings, IReadOnlyDictionary<string, string> settings)
    {
        // A result beside the trigger would be written by the host.
        var trigger = Assert.Single(bindings)!;
        var parameter = (string)trigger["name"]!;
        switch ((string)trigger["type"]!)
        {
            case "httpTrigger":
                Assert.Equal("Anonymous", (string?)trigger["authLevel"]);
                return new(name, parameter, (string)trigger["route"]!, [.. trigger["methods"]!.AsArray().Select(method => ((string)method!).ToUpperInvariant())], null);
            case "serviceBusTrigger":
                var connection = (string)trigger["connection"]!;
                Assert.True(settings.ContainsKey(connection) || settings.ContainsKey(connection + "__fullyQualifiedNamespace"), $"{name}: there is no setting for the connection {connection}.");
                Assert.Equal("True", (string?)trigger["properties"]!["supportsDeferredBinding"]);
                var entity = trigger["queueName"] is { } queue ? Resolve(queue) : $"{Resolve(trigger["topicName"]!)}/subscriptions/{Resolve(trigger["subscriptionName"]!)}";
                return new(name, parameter, null, [], entity);
            case "timerTrigger":
                Assert.Equal(6, Resolve(trigger["schedule"]!).Split(' ').Length);
                return new(name, parameter, null, [], null);
            default:
                throw new InvalidOperationException($"{name}: the host knows no {trigger["type"]}.");
        }

        string Resolve(JsonNode value)
        {
            var text = (string)value!;
            if (text is not ['%', .. var setting, '%']) return text;
            return settings.TryGetValue(setting, out var found) ? found : throw new InvalidOperationException($"{name}: there is no setting {setting}.");
        }
    }
}

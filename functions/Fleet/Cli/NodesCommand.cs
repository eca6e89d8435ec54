using System.CommandLine;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary><c>fleet nodes list|show|tag</c>.</summary>
internal static class NodesCommand
{
    private static readonly string[] s_columns = ["displayName", "id", "status", "platform", "osqueryVersion", "tags", "lastSeenAt"];

    public static Command Build() => new("nodes", "Machines.") { List(), Show(), Tag() };

    private static Command List()
    {
        var q = new Option<string?>("--q") { Description = "Within name, identifier, address or captured info." };
        var tags = Shared.Tags("With any of these tags.");
        var platform = new Option<string?>("--platform") { Description = "linux, darwin, windows or freebsd; several with commas." };
        var status = new Option<string?>("--status") { Description = "online, offline, silent, never_reported, pending or inactive; several with commas." };
        var output = Remote.Output("table", "json");
        return new Command("list", "List machines.") { q, tags, platform, status, output }.WithServer("fleet nodes list --status online --tags prod", async (parsed, client, ct) =>
        {
            var query = string.Join('&', new[] { ("q", parsed.GetValue(q)), ("tag", string.Join(',', parsed.GetValue(tags)!)), ("platform", parsed.GetValue(platform)), ("status", parsed.GetValue(status)) }
                .Where(pair => !string.IsNullOrEmpty(pair.Item2)).Select(pair => $"{pair.Item1}={Uri.EscapeDataString(pair.Item2!)}"));
            var nodes = new List<JsonObject>();
            await foreach (var node in client.ListAsync($"/api/nodes?sort=name{(query.Length > 0 ? "&" + query : "")}", ct)) nodes.Add(node);
            if (parsed.GetValue(output) == "json") Remote.Print(new JsonArray([.. nodes.Select(node => node.DeepClone())]));
            else new TextTable(Console.Out, s_columns).Write(nodes);
            return 0;
        });
    }

    private static Command Show()
    {
        var node = new Argument<string>("node") { Description = "Its id, name, host identifier, address or serial." };
        return new Command("show", "Show one machine.") { node }.WithServer("fleet nodes show web-1", async (parsed, client, ct) =>
        {
            Remote.Print(await client.GetAsync($"/api/nodes/{await IdOfAsync(client, parsed.GetValue(node)!, ct)}", ct));
            return 0;
        });
    }

    private static Command Tag()
    {
        var node = new Argument<string>("node") { Description = "Its id, name, host identifier, address or serial." };
        var add = Shared.TagsAs("--add", "Tags to add.");
        var remove = Shared.TagsAs("--remove", "Tags to take off.");
        return new Command("tag", "Change a machine's tags.") { node, add, remove }.WithServer("fleet nodes tag web-1 --add prod,eu --remove lab", async (parsed, client, ct) =>
        {
            if (parsed.GetValue(add)!.Length + parsed.GetValue(remove)!.Length == 0) throw new RemoteException("Nothing to do: give --add or --remove.");
            var patch = new JsonObject { ["addTags"] = Array(parsed.GetValue(add)!), ["removeTags"] = Array(parsed.GetValue(remove)!) };
            var changed = (await client.SendAsync(HttpMethod.Patch, $"/api/nodes/{await IdOfAsync(client, parsed.GetValue(node)!, ct)}", patch, null, ct)).Json;
            Console.WriteLine($"{changed["displayName"]}: {TextTable.Text(changed["tags"])}");
            return 0;
        });
    }

    /// <summary>The one node that is meant.</summary>
    private static async Task<string> IdOfAsync(FleetClient client, string name, CancellationToken ct)
    {
        var found = (await client.SendAsync(HttpMethod.Post, "/api/nodes/lookup", new JsonObject { ["identifier"] = name }, null, ct)).Json["items"]!.AsArray();
        return found.Count switch
        {
            0 => throw new RemoteException($"There is no node '{name}'."),
            1 => (string)found[0]!["id"]!,
            _ => throw new RemoteException($"'{name}' is {found.Count} nodes; name one by its id:{string.Concat(found.Select(node => $"\n  {node!["id"]}  {node["displayName"]}"))}"),
        };
    }

    internal static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)JsonValue.Create(text))];
}

using System.CommandLine;
using System.Text.Json.Nodes;
using Fleet.Config;

namespace Fleet.Cli;

/// <summary><c>fleet pack apply FILE...</c>: packs and configurations, by HTTP.</summary>
internal static class PackCommand
{
    public static Command Build()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "Packs or whole osquery configurations, comments and all.", Arity = ArgumentArity.OneOrMore };
        var tags = Shared.Tags("Tags of what is new. Left out, what is there keeps its own.");
        var dryRun = new Option<bool>("--dry-run") { Description = "Only show what would change." };
        var output = Remote.Output("table", "json");
        var allow = Shared.Allow();
        var apply = new Command("apply", "Import packs. A file with a mistake in it is refused whole, unless --allow takes the rest.") { files, tags, allow, dryRun, output }.WithServer(
            "fleet pack apply incident-response.conf --tags prod --dry-run",
            async (parsed, client, ct) =>
            {
                var isJson = parsed.GetValue(output) == "json";
                foreach (var file in parsed.GetValue(files)!)
                {
                    var body = OsqueryFile.Read(await File.ReadAllBytesAsync(file.FullName, ct));
                    var query = $"name={Uri.EscapeDataString(Path.GetFileNameWithoutExtension(file.Name))}&dryRun={(parsed.GetValue(dryRun) ? "true" : "false")}";
                    if (parsed.GetValue(tags) is { Length: > 0 } named) query += "&tags=" + Uri.EscapeDataString(string.Join(',', named));
                    if (parsed.GetValue(allow) is { } allowed) query += "&allow=" + allowed;
                    var done = (await client.SendAsync(HttpMethod.Post, "/api/import?" + query, body, null, ct)).Json;
                    if (isJson) Remote.Print(done);
                    else
                    {
                        foreach (var change in done["changes"]!.AsArray()) Changes.Print((JsonObject)change!);
                        Changes.PrintNotes(done["notes"]);
                        foreach (var part in done["leftOut"]!.AsArray()) Console.WriteLine($"! {part!["path"]} is left out: {part["message"]}");
                    }
                }

                return 0;
            });
        return new("pack", "Packs.") { apply };
    }
}

/// <summary>Differences as people read them.</summary>
internal static class Changes
{
    public static void Print(JsonObject change)
    {
        var kind = (string?)change["change"];
        if (kind == "same") return;
        Console.WriteLine($"{Sign(kind)} {change["kind"]}/{change["name"]}{(change["title"] is { } title ? $" ({title})" : "")}");
        foreach (var member in kind == "changed" ? change["members"]!.AsArray() : [])
        {
            Console.WriteLine($"    {Sign((string?)member!["change"])} {member["path"]}: {Values(member["before"], member["after"])}");
        }

        PrintNotes(change["notes"]);
    }

    /// <summary>What there is to say of what was read.</summary>
    public static void PrintNotes(JsonNode? notes)
    {
        foreach (var note in notes as JsonArray ?? []) Console.WriteLine($"! {note!["path"]}: {note["message"]}");
    }

    private static string Sign(string? change) => change switch { "added" => "+", "removed" => "-", _ => "~" };

    private static string Values(JsonNode? before, JsonNode? after) =>
        before is null ? after?.ToJsonString() ?? "null" : after is null ? before.ToJsonString() : $"{before.ToJsonString()} → {after.ToJsonString()}";
}

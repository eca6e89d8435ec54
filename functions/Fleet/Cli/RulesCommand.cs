using System.CommandLine;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary><c>fleet rules test FILE...</c>: rules with the lines that they must and must not match.</summary>
internal static class RulesCommand
{
    public static Command Build()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "YAML or JSON: a rule ('conditions', or 'spec' as fleet export writes it) with 'tests': a list of {name, line, matches}.", Arity = ArgumentArity.OneOrMore };
        var output = Remote.Output("table", "json");
        var test = new Command("test", "Try rules on lines. Nothing is saved.") { files, output }.WithServer("fleet rules test rules/*.yaml", async (parsed, client, ct) =>
        {
            var results = new JsonArray();
            foreach (var file in parsed.GetValue(files)!)
            {
                foreach (var document in YamlJson.Read(await File.ReadAllTextAsync(file.FullName, ct), file.Name)) await TestAsync(client, file.Name, document, results, ct);
            }

            var failed = results.Count(result => !(bool)result!["passed"]!);
            if (parsed.GetValue(output) == "json") Remote.Print(results);
            else Console.WriteLine($"{results.Count - failed} passed, {failed} failed");
            if (results.Count == 0) throw new RemoteException("There are no tests in these files: a test is {line: {…}, matches: true} under 'tests'.");
            return failed == 0 ? 0 : Remote.NotSo;

            async Task TestAsync(FleetClient client, string file, JsonObject rule, JsonArray results, CancellationToken ct)
            {
                if ((rule["spec"]?["conditions"] ?? rule["conditions"]) is not { } conditions) throw new RemoteException($"{file}: there are no 'conditions'.");
                foreach (var (one, i) in (rule["tests"] as JsonArray ?? []).Select((one, i) => (one, i)))
                {
                    var name = $"{file}: {(one is JsonObject { } named ? (string?)named["name"] : null) ?? $"test {i + 1}"}";
                    if (one is not JsonObject test || test["line"] is not JsonObject line || test["matches"] is not JsonValue matches || !matches.TryGetValue<bool>(out var expected) || test.Any(member => member.Key is not ("name" or "line" or "matches")))
                    {
                        throw new RemoteException($"{name}: a test has 'line' (a mapping), 'matches' (true or false) and, if wanted, 'name'.");
                    }

                    var verdict = (await client.SendAsync(HttpMethod.Post, "/api/rules/test", new JsonObject { ["conditions"] = conditions.DeepClone(), ["line"] = line.DeepClone() }, null, ct)).Json;
                    var passed = (bool)verdict["matches"]! == expected;
                    results.Add((JsonNode)new JsonObject { ["name"] = name, ["passed"] = passed, ["expected"] = expected });
                    if (!passed && parsed.GetValue(output) != "json") Console.WriteLine($"FAILED {name}: it {(expected ? "does not match, and should" : "matches, and should not")}");
                }
            }
        });
        return new("rules", "Rules.") { test };
    }
}

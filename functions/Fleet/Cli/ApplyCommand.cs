using System.CommandLine;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary><c>fleet plan</c>, <c>fleet apply</c> and <c>fleet export</c>: a server's configuration as a folder of YAML.</summary>
internal static class ApplyCommand
{
    private static readonly Option<bool> s_prune = new("--prune") { Description = "Remove what the folder does not have: queries, packs, file paths, options, rules and alerters. Never enroll secrets." };

    public static Command BuildPlan()
    {
        var folder = Folder();
        var allow = Shared.Allow();
        var output = Remote.Output("table", "json");
        return new Command("plan", "Show what apply would change, exactly. Exit code 2: something would.") { folder, s_prune, allow, output }.WithServer("fleet plan -f fleet/", async (parsed, client, ct) =>
        {
            var plan = await Plan.MakeAsync(client, parsed.GetValue(folder)!, parsed.GetValue(s_prune), parsed.GetValue(allow), ct);
            Print(plan, parsed.GetValue(output)!, "would be");
            return plan.Steps.Count == 0 ? 0 : Remote.NotSo;
        });
    }

    public static Command BuildApply()
    {
        var folder = Folder();
        var allow = Shared.Allow();
        var output = Remote.Output("table", "json");
        return new Command("apply", "Make a server be as a folder of YAML says. Only what differs is written; nothing is if a file has a mistake.") { folder, s_prune, allow, output }.WithServer(
            "fleet apply -f fleet/ --prune",
            async (parsed, client, ct) =>
            {
                var plan = await Plan.MakeAsync(client, parsed.GetValue(folder)!, parsed.GetValue(s_prune), parsed.GetValue(allow), ct);
                for (var done = 0; done < plan.Steps.Count; done++)
                {
                    var step = plan.Steps[done];
                    try
                    {
                        if (await step.ApplyAsync(client, ct) is { } secret) await Console.Error.WriteLineAsync($"{step.Kind.Path}/{step.Name}: the secret is {secret} (shown this once)");
                    }
                    catch (RemoteException fault)
                    {
                        throw new RemoteException($"{step.Kind.Path}/{step.Name}: {fault.Message}\n{done} of {plan.Steps.Count} changes were made. Run it again to go on.", fault.Status);
                    }
                }

                Print(plan, parsed.GetValue(output)!, "are");
                return 0;
            });
    }

    public static Command BuildExport()
    {
        var folder = new Argument<DirectoryInfo>("dir") { Description = "Where to: empty, or not there yet." };
        var force = new Option<bool>("--force") { Description = "Take away the *.yaml files that are there first." };
        return new Command("export", "Write a server's configuration as what apply takes. Secrets are left out.") { folder, force }.WithServer("fleet export fleet/", async (parsed, client, ct) =>
        {
            var target = parsed.GetValue(folder)!;
            target.Create();
            var old = target.EnumerateFiles("*.yaml", SearchOption.AllDirectories).ToList();
            if (old.Count > 0 && !parsed.GetValue(force)) throw new RemoteException($"{target.FullName} has {old.Count} *.yaml files: choose another folder, or give --force.");
            foreach (var file in old) file.Delete();
            var count = 0;
            var exported = new HashSet<(RemoteKind, string)>();
            foreach (var kind in ItemKinds.All)
            {
                var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
                await foreach (var item in client.ListAsync("/api/" + kind.Path, ct))
                {
                    if (!kind.IsExported(item)) continue;
                    if (!exported.Add((kind, kind.NameOf(item))))
                    {
                        await Console.Error.WriteLineAsync($"{kind.Path}: of several called '{kind.NameOf(item)}' the first one is written.");
                        continue;
                    }

                    var document = new JsonObject { ["kind"] = kind.Name, ["name"] = kind.NameOf(item), ["spec"] = kind.SpecOf(item) };
                    var path = Path.Combine(target.FullName, kind.Path, FileName(kind.FileNameOf(item), names) + ".yaml");
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    await File.WriteAllTextAsync(path, YamlJson.Write(document), ct);
                    count++;
                }
            }

            Console.WriteLine($"{count} files written to {target.FullName}");
            return 0;
        });
    }

    private static Option<DirectoryInfo> Folder() => new("--folder", "-f") { Description = "A folder of YAML files, as fleet export writes them.", HelpName = "DIR", Required = true };

    private static void Print(Plan plan, string output, string verb)
    {
        if (output == "json")
        {
            Remote.Print(new JsonArray([.. plan.Steps.Select(step => step.Change.DeepClone())]));
            return;
        }

        foreach (var step in plan.Steps) Changes.Print(step.Change);
        int Count(string change) => plan.Steps.Count(step => (string?)step.Change["change"] == change);
        Console.WriteLine($"{Count("added")} {verb} added, {Count("changed")} changed, {Count("removed")} removed; {plan.Same} are the same.");
    }

    /// <summary>A name that every file system takes, and that no other item has. The item's own name is in the file.</summary>
    private static string FileName(string name, HashSet<string> taken)
    {
        var plain = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-')).Trim('.');
        if (plain.Length is 0 or > 100) plain = plain.Length == 0 ? "item" : plain[..100];
        for (var (i, one) = (2, plain); ; i++)
        {
            if (taken.Add(one)) return one;
            one = $"{plain}-{i}";
        }
    }
}

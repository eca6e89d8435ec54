using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Manager;

namespace Fleet.Cli;

/// <summary>One thing to do.</summary>
/// <param name="Spec">As it shall be; null to remove it.</param>
/// <param name="Etag">The state that was seen; null if there was none.</param>
/// <param name="Id">Of an enroll secret that is there.</param>
/// <param name="Change">What is different, as the server told it.</param>
/// <param name="Allow">What is done with queries that are not valid: see <see cref="Shared.Allow"/>.</param>
internal sealed record PlanStep(RemoteKind Kind, string Name, JsonObject? Spec, string? Etag, string? Id, JsonObject Change, string? Allow = null)
{
    /// <summary>Does it; returns the text of a secret that was made.</summary>
    public async Task<string?> ApplyAsync(FleetClient client, CancellationToken ct)
    {
        var path = $"/api/{Kind.Path}/{Uri.EscapeDataString(Id ?? Name)}";
        if (Spec is null)
        {
            await client.SendAsync(HttpMethod.Delete, path, null, Etag, ct);
            return null;
        }

        if (!Kind.IsSecret)
        {
            await client.SendAsync(HttpMethod.Put, Allow is null ? path : $"{path}?allow={Allow}", Spec, Etag, ct);
            return null;
        }

        if (Id is not null)
        {
            await client.SendAsync(HttpMethod.Patch, path, new JsonObject { ["tags"] = Spec["tags"]?.DeepClone() ?? new JsonArray(), ["enabled"] = Spec["enabled"]?.DeepClone() ?? true }, null, ct);
            return null;
        }

        return (string?)(await client.SendAsync(HttpMethod.Post, "/api/enroll-secrets", NewSecret(Name, Spec), null, ct)).Json["secret"];
    }

    /// <summary>What makes a secret; one that is off is made all the same, with another text than the one that was switched off.</summary>
    public static JsonObject NewSecret(string label, JsonObject spec)
    {
        var request = (JsonObject)spec.DeepClone();
        request.Remove("enabled");
        request["label"] = label;
        return request;
    }
}

/// <summary>What a folder of YAML would change on a server. Making it changes nothing, and finds every mistake.</summary>
/// <param name="Same">How many items are as the folder says.</param>
internal sealed record Plan(IReadOnlyList<PlanStep> Steps, int Same)
{
    public static async Task<Plan> MakeAsync(FleetClient client, DirectoryInfo folder, bool prune, string? allow, CancellationToken ct)
    {
        var wanted = await ReadAsync(folder, ct);
        var steps = new List<PlanStep>();
        var faults = new List<string>();
        var same = 0;
        foreach (var kind in ItemKinds.All)
        {
            var secrets = kind.IsSecret ? await SecretsAsync(client, ct) : [];
            foreach (var (file, name, spec) in wanted[kind])
            {
                try
                {
                    var step = kind.IsSecret ? await SecretStepAsync(client, kind, name, spec, secrets.GetValueOrDefault(name), ct) : await StepAsync(client, kind, name, spec, kind.ChecksSql ? allow : null, ct);
                    if ((string?)step.Change["change"] == "same") same++;
                    else steps.Add(step);
                }
                catch (RemoteException fault) when (fault.Status is System.Net.HttpStatusCode.UnprocessableEntity or System.Net.HttpStatusCode.BadRequest && !IsDependent(kind, fault, wanted))
                {
                    faults.Add($"{file}: {fault.Message}");
                }
                catch (RemoteException fault) when (fault.Status == System.Net.HttpStatusCode.UnprocessableEntity)
                {
                    // It needs what this very plan makes: an alerter, or a table. It is checked when it is written.
                    var there = await client.FindAsync($"/api/{kind.Path}/{Uri.EscapeDataString(name)}", ct);
                    steps.Add(new(kind, name, spec, there?.Etag, Id: null, new() { ["kind"] = kind.Path, ["name"] = name, ["change"] = there is null ? "added" : "changed", ["members"] = new JsonArray() }));
                }
            }
        }

        if (faults.Count > 0) throw new RemoteException(string.Join('\n', faults));
        if (prune) steps.AddRange(await PruneAsync(client, wanted, ct));
        return new(steps, same);
    }

    /// <summary>Whether a fault may come from what is only made by the plan itself.</summary>
    private static bool IsDependent(RemoteKind kind, RemoteException fault, Dictionary<RemoteKind, List<(string File, string Name, JsonObject Spec)>> wanted) =>
        (kind.Path == "rules" && fault.Message.Contains("alerter", StringComparison.Ordinal) && wanted[ItemKinds.Find("alerter")!].Exists(one => fault.Message.Contains($"'{one.Name}'", StringComparison.Ordinal)))
        || (kind.Path is "queries" or "packs" && fault.Message.Contains("no such table", StringComparison.Ordinal)
            && wanted[ItemKinds.Find("options")!].Concat(wanted[ItemKinds.Find("pack")!]).Any(one => one.Spec.ToJsonString().Contains("auto_table_construction", StringComparison.Ordinal) || one.Spec.ToJsonString().Contains("\"views\"", StringComparison.Ordinal)));

    private static async Task<PlanStep> StepAsync(FleetClient client, RemoteKind kind, string name, JsonObject spec, string? allow, CancellationToken ct)
    {
        var path = $"/api/{kind.Path}/{Uri.EscapeDataString(name)}";
        var etag = (await client.FindAsync(path, ct))?.Etag;
        var change = (JsonObject)(await client.SendAsync(HttpMethod.Put, path + "?dryRun=true" + (allow is null ? "" : "&allow=" + allow), spec, null, ct)).Json;
        if (kind.Key == "id") change["title"] = spec["name"]?.DeepClone();
        return new(kind, name, spec, etag, Id: null, change, allow);
    }

    private static async Task<PlanStep> SecretStepAsync(FleetClient client, RemoteKind kind, string label, JsonObject spec, JsonObject? there, CancellationToken ct)
    {
        // One that has ended lets nobody in: there is nothing to make.
        if (there is null && RemoteKind.HasEnded(spec)) return new(kind, label, spec, Etag: null, Id: null, new() { ["change"] = "same" });
        if (there is null) await client.SendAsync(HttpMethod.Post, "/api/enroll-secrets?dryRun=true", PlanStep.NewSecret(label, spec), null, ct);

        // What a secret's use and end are is settled when it is made.
        var change = Differences.Between(kind.Path, label, there is null ? null : Changeable(there), Changeable(spec));
        var json = new JsonObject
        {
            ["kind"] = change.Kind,
            ["name"] = label,
            ["change"] = change.Change,
            ["members"] = new JsonArray([.. change.Members.Select(member => (JsonNode)new JsonObject { ["path"] = member.Path, ["change"] = member.Change, ["before"] = member.Before, ["after"] = member.After })]),
        };
        return new(kind, label, spec, Etag: null, (string?)there?["id"], json);

        static JsonObject Changeable(JsonObject secret) => new() { ["tags"] = Sorted(secret["tags"]), ["enabled"] = secret["enabled"]?.DeepClone() ?? true };
    }

    /// <summary>As the server keeps tags.</summary>
    private static JsonArray Sorted(JsonNode? tags) => [.. (tags?.AsArray() ?? []).Select(tag => (string)tag!).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(tag => (JsonNode)tag)];

    private static async Task<Dictionary<string, JsonObject>> SecretsAsync(FleetClient client, CancellationToken ct)
    {
        var secrets = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        await foreach (var secret in client.ListAsync("/api/enroll-secrets", ct)) secrets.TryAdd((string)secret["label"]!, secret);
        return secrets;
    }

    /// <summary>In the reverse order, so that nothing is taken away that something still needs.</summary>
    private static async Task<List<PlanStep>> PruneAsync(FleetClient client, Dictionary<RemoteKind, List<(string File, string Name, JsonObject Spec)>> wanted, CancellationToken ct)
    {
        var steps = new List<PlanStep>();
        foreach (var kind in ItemKinds.All.Reverse().Where(kind => !kind.IsSecret))
        {
            var named = wanted[kind].Select(one => one.Name).ToHashSet(StringComparer.Ordinal);
            await foreach (var item in client.ListAsync("/api/" + kind.Path, ct))
            {
                var name = kind.NameOf(item);
                if (named.Contains(name)) continue;
                var etag = (await client.FindAsync($"/api/{kind.Path}/{Uri.EscapeDataString(name)}", ct))?.Etag;
                steps.Add(new(kind, name, Spec: null, etag, Id: null, new() { ["kind"] = kind.Path, ["name"] = name, ["change"] = "removed", ["members"] = new JsonArray(), ["title"] = kind.Key == "id" ? item["name"]?.DeepClone() : null }));
            }
        }

        return steps;
    }

    private static async Task<Dictionary<RemoteKind, List<(string File, string Name, JsonObject Spec)>>> ReadAsync(DirectoryInfo folder, CancellationToken ct)
    {
        if (!folder.Exists) throw new RemoteException($"There is no folder {folder.FullName}.");
        var wanted = ItemKinds.All.ToDictionary(kind => kind, _ => new List<(string, string Name, JsonObject)>());
        var files = folder.EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Extension is ".yaml" or ".yml").OrderBy(file => file.FullName, StringComparer.Ordinal).ToList();
        if (files.Count == 0) throw new RemoteException($"There are no *.yaml files in {folder.FullName}.");
        foreach (var file in files)
        {
            var place = Path.GetRelativePath(folder.FullName, file.FullName);
            foreach (var document in YamlJson.Read(await File.ReadAllTextAsync(file.FullName, ct), place))
            {
                var names = ItemKinds.All.Select(one => one.Name).ToList();
                if (Text(document["kind"]) is not { } kindName || ItemKinds.Find(kindName) is not { } kind)
                {
                    var hint = Text(document["kind"]) is { } given && Nearest.To(given, names) is { } near ? $" Did you mean '{near}'?" : "";
                    throw new RemoteException($"{place}: 'kind' is one of {string.Join(", ", names)}.{hint}");
                }

                if (Text(document["name"]) is not { Length: > 0 } name) throw new RemoteException($"{place}: 'name' is a text; one that looks like a number is quoted.");
                if (document["spec"] is not JsonObject spec) throw new RemoteException($"{place}: 'spec' is a mapping.");
                if (document.FirstOrDefault(member => member.Key is not ("kind" or "name" or "spec" or "tests")) is { Key: { } unknown }) throw new RemoteException($"{place}: there is no '{unknown}' here; a document has kind, name and spec.");
                if (wanted[kind].Exists(one => one.Name == name)) throw new RemoteException($"{place}: there is another {kind.Name} '{name}'.");
                wanted[kind].Add((place, name, spec));
            }
        }

        return wanted.Values.All(documents => documents.Count == 0) ? throw new RemoteException($"There are no documents in the *.yaml files in {folder.FullName}.") : wanted;
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Config;

/// <summary>What a file holds, ready to be saved.</summary>
/// <param name="Found">What there is to say of it.</param>
/// <param name="PackFiles">Packs that the file only names by their path: they are files to import on their own.</param>
internal sealed record ImportPlan(
    IReadOnlyList<Query> Queries, IReadOnlyList<Pack> Packs, IReadOnlyList<FilePaths> FilePaths, IReadOnlyList<OptionSet> Options,
    IReadOnlyList<string> PackFiles, ConfigFindings Found)
{
    public int QueryCount => Queries.Count + Packs.Sum(pack => (pack.Json["queries"] as JsonObject)?.Count ?? 0);
}

/// <summary>Takes a pack or a whole osquery configuration apart. All of it is good, or none is saved, unless the rest is asked for.</summary>
internal sealed class ConfigImport(ConfigItems items, OsquerySql sql, Limits limits)
{
    private static readonly string[] s_parts = ["queries", "schedule", "packs", "file_paths", "exclude_paths", "file_accesses", "platform", "version", "shard", "description"];

    /// <param name="name">Of the pack, or of the set of options: the file's name without its ending.</param>
    /// <param name="tags">What all of it is tagged with.</param>
    /// <param name="file">The file.</param>
    /// <param name="allow">What is done with queries that are not valid.</param>
    /// <exception cref="ConfigRefusedException">Everything that is wrong with it.</exception>
    public ImportPlan Plan(string name, TagSet tags, JsonObject file, AllowInvalid allow = AllowInvalid.No)
    {
        var found = new ConfigFindings(allow);
        var plan = file.ContainsKey("queries")
            ? new([], Pack.Read(name, tags, file, sql, limits, found) is { } pack ? [pack] : [], [], [], [], found)
            : PlanConfig(name, tags, file, found);
        if (found.Faults.Count + found.LeftOut.Count == 0 && plan is { Queries: [], Packs: [], FilePaths: [], Options: [], PackFiles: [] })
        {
            var told = string.Concat(found.Notes.Select(note => " " + note.Message));
            found.Refuse("", "This holds nothing of a pack ('queries') or of a configuration ('schedule', 'packs', 'file_paths', 'options', …)." + told);
        }

        found.ThrowIfRefused();
        return plan;
    }

    /// <summary>Saves a plan; what has the same name is replaced. Safe to repeat.</summary>
    /// <returns>A line for each thing that was there with other content.</returns>
    public async ValueTask<IReadOnlyList<string>> ApplyAsync(ImportPlan plan, CancellationToken ct)
    {
        var replaced = new List<string>();
        foreach (var query in plan.Queries)
        {
            if (items.Queries.Find(query.Name)?.Item is { } before && !JsonNode.DeepEquals(before.Schedule.ToJson(), query.Schedule.ToJson())) replaced.Add($"query {query.Name}");
            await items.Queries.PutAsync(query.Name, query, etag: null, ct);
        }

        foreach (var pack in plan.Packs)
        {
            if (items.Packs.Find(pack.Name)?.Item is { } before && !JsonNode.DeepEquals(before.Json, pack.Json)) replaced.Add($"pack {pack.Name}");
            await items.Packs.PutAsync(pack.Name, pack, etag: null, ct);
        }

        foreach (var paths in plan.FilePaths)
        {
            if (items.FilePaths.Find(paths.Category) is not null) replaced.Add($"file paths {paths.Category}");
            await items.FilePaths.PutAsync(paths.Category, paths, etag: null, ct);
        }

        foreach (var options in plan.Options)
        {
            if (items.Options.Find(options.Name)?.Item is { } before && !JsonNode.DeepEquals(before.Config, options.Config)) replaced.Add($"options {options.Name}");
            await items.Options.PutAsync(options.Name, options, etag: null, ct);
        }

        return replaced;
    }

    private ImportPlan PlanConfig(string name, TagSet tags, JsonObject file, ConfigFindings found)
    {
        using var check = sql.With(file);
        var queries = new List<Query>();
        foreach (var (query, entry) in Object(file, "schedule", found))
        {
            if (Query.ReadPart(query, entry, $"schedule.{query}", check.Value, limits, found) is { } read) queries.Add(new(query, tags, read));
        }

        var packs = new List<Pack>();
        var packFiles = new List<string>();
        foreach (var (pack, entry) in Object(file, "packs", found).SelectMany(Spread))
        {
            if (entry is JsonValue path && path.GetValueKind() == JsonValueKind.String) packFiles.Add($"{pack}: {path}");
            else if (packs.Exists(one => one.Name == pack)) found.RefusePart($"packs.{pack}", "The file has two packs of this name.");
            else if (entry is not JsonObject json) found.RefusePart($"packs.{pack}", "A pack is a JSON object, or the path of one.");
            else if (found.Part(own => Pack.Read(pack, tags, json, sql, limits, own, $"packs.{pack}.", file)) is { } read) packs.Add(read);
        }

        var options = new JsonObject();
        foreach (var (member, value) in file)
        {
            if (s_parts.Contains(member)) continue;
            if (!Section.IsKnown(member)) Section.TellUnknownSection(member, member, s_parts, found);
            else if (found.Part(own => Section.Read(member, value, member, check.Value, own)) is { } section) options[member] = section.DeepClone();
        }

        return new(queries, packs, ReadPaths(file, tags, check.Value, found), options.Count > 0 ? [new(name, tags, options)] : [], packFiles, found);
    }

    /// <summary>The pack <c>*</c> holds packs.</summary>
    private static IEnumerable<KeyValuePair<string, JsonNode?>> Spread(KeyValuePair<string, JsonNode?> pack) =>
        pack is { Key: "*", Value: JsonObject packs } ? packs : Enumerable.Repeat(pack, 1);

    private static List<FilePaths> ReadPaths(JsonObject file, TagSet tags, SqlCheck check, ConfigFindings found)
    {
        var before = found.Faults.Count;
        foreach (var member in new[] { "file_paths", "exclude_paths", "file_accesses" })
        {
            if (file[member] is { } section) Section.Read(member, section, member, check, found);
        }

        if (found.Faults.Count > before) return [];
        FilePathNotes.Tell(file, "", found);
        var excluded = file["exclude_paths"] as JsonObject;
        var accesses = (file["file_accesses"] as JsonArray)?.Select(category => category?.ToString()).ToHashSet() ?? [];
        return [.. (file["file_paths"] as JsonObject ?? []).Select(category => new FilePaths(
            category.Key, tags, Texts(category.Value), Texts(excluded?[category.Key]), accesses.Contains(category.Key)))];
    }

    private static List<string> Texts(JsonNode? list) => list is JsonArray texts ? [.. texts.Select(text => text!.ToString())] : [];

    private static JsonObject Object(JsonObject file, string member, ConfigFindings found)
    {
        if (file[member] is null) return [];
        if (file[member] is JsonObject json) return json;
        found.Refuse(member, member == "packs" && file[member] is JsonArray
            ? "This is a list of names, which osquery does not read: 'packs' is an object, name to pack or to the path of a file. Import the packs as files of their own."
            : "This is a JSON object.");
        return [];
    }
}

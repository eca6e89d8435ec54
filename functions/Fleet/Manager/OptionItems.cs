using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Parts of a configuration: any of options, decorators, yara, views, auto_table_construction, events, ….</summary>
internal sealed record OptionsRequest(JsonObject Config, IReadOnlyList<string>? Tags = null);

internal sealed record OptionsBody(string Name, JsonObject Config, IReadOnlyList<string> Tags);

/// <summary>Sets of options.</summary>
internal sealed class OptionItems(ConfigItems items, OsquerySql sql, Limits limits) : ItemKind<OptionSet>(items.Options, "options", "set of options")
{
    public override string NameOf(OptionSet item) => item.Name;

    public override TagSet TagsOf(OptionSet item) => item.Tags;

    public override OptionSet With(OptionSet item, string name, TagSet tags) => item with { Name = name, Tags = tags };

    public override JsonObject Body(OptionSet item) =>
        (JsonObject)JsonSerializer.SerializeToNode(new OptionsBody(item.Name, (JsonObject)item.Config.DeepClone(), item.Tags.Tags), ManagerJson.Strict.OptionsBody)!;

    public override SizedItem Sized(OptionSet item) => ConfigSizes.Of(item);

    public override JsonObject File(OptionSet item) => (JsonObject)item.Config.DeepClone();

    protected override OptionSet? Read(string name, JsonObject body, OptionSet? before, ConfigFindings found)
    {
        var request = Typed(body, ManagerJson.Strict.OptionsRequest);
        if (Names.Fault(name, limits) is { } nameFault) found.Refuse("name", nameFault);
        CheckTags(request.Tags, limits, found);
        using var check = sql.With(request.Config);
        var config = new JsonObject();
        foreach (var (member, value) in request.Config)
        {
            if (!Section.IsKnown(member)) Section.TellUnknownSection(member, $"config.{member}", [], found);
            else if (Section.Read(member, value, $"config.{member}", check.Value, found) is { } section) config[member] = section.DeepClone();
        }

        FilePathNotes.Tell(request.Config, "config.", found);
        return new(name, TagSet.Of(request.Tags ?? []), config);
    }
}

using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Parts of a configuration: any of options, decorators, yara, views, auto_table_construction, events, ….</summary>
internal sealed record OptionsRequest(JsonObject Config, IReadOnlyList<string>? Tags = null);

internal sealed record OptionsBody(string Name, JsonObject Config, IReadOnlyList<string> Tags);

internal static class OptionsApi
{
    public static void MapOptions(this IEndpointRouteBuilder api)
    {
        api.MapGet("/options", (ConfigItems items, Limits limits, int? take, string? after) =>
            TypedResults.Ok(Paging.PageOf(items.Options.Current.Items, set => set.Name, take, after, limits, Body))).For(Role.Viewer);
        api.MapGet("/options/{**name}", (string name, ConfigItems items) =>
            items.Options.Find(Paging.Name(name)) is { } stored ? TypedResults.Ok(Body(stored.Item)) : Missing(name)).For(Role.Viewer);
        api.MapPut("/options/{**name}", PutAsync).For(Role.Operator);
        api.MapDelete("/options/{**name}", RemoveAsync).For(Role.Operator);
    }

    private static async Task<IResult> PutAsync(string name, OptionsRequest request, ConfigItems items, OsquerySql sql, Limits limits, CancellationToken ct)
    {
        name = Paging.Name(name);
        var faults = new List<ConfigFault>();
        if (Names.Fault(name, limits) is { } nameFault) faults.Add(new("name", nameFault));
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } tagFault) faults.Add(new("tags", tagFault));
        using var check = sql.With(request.Config);
        foreach (var (member, value) in request.Config)
        {
            if (Section.IsKnown(member)) Section.Read(member, value, $"config.{member}", check.Value, faults);
            else faults.Add(new($"config.{member}", $"osquery knows no '{member}'{Section.Hint(member, [])}"));
        }

        if (faults.Count > 0) throw new ConfigRefusedException(faults);
        var isNew = items.Options.Find(name) is null;
        var set = new OptionSet(name, TagSet.Of(request.Tags ?? []), request.Config);
        await items.Options.PutAsync(name, set, etag: null, ct);
        return isNew ? TypedResults.Created($"/api/options/{Uri.EscapeDataString(name)}", Body(set)) : TypedResults.Ok(Body(set));
    }

    private static async Task<IResult> RemoveAsync(string name, ConfigItems items, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (items.Options.Find(name) is null) return Missing(name);
        await items.Options.RemoveAsync(name, etag: null, ct);
        return TypedResults.NoContent();
    }

    private static IResult Missing(string name) => Problem.NotFound($"set of options '{name}'");

    private static OptionsBody Body(OptionSet set) => new(set.Name, set.Config, set.Tags.Tags);
}

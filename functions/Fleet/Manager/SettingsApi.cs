using Fleet.Kernel;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <summary>A setting as it holds.</summary>
/// <param name="Key">As the environment spells it: <c>Fleet__Logs__Retention</c>.</param>
/// <param name="Value">Null when nothing is set; secrets are masked.</param>
/// <param name="Source"><c>default</c>, <c>environment</c>, <c>command line</c> or the file's name.</param>
internal sealed record SettingBody(string Key, string? Value, string Source);

/// <summary>All settings, read once at the start.</summary>
internal sealed record EffectiveSettings(IReadOnlyList<SettingBody> Entries);

internal static class SettingsApi
{
    public static void MapSettings(this IEndpointRouteBuilder api) =>
        api.MapGet("/settings", List).For(Role.Admin).Docs<ListOf<SettingBody>>("List the settings as they hold", example: """{"items":[{"key":"Fleet__Logs__Retention","value":"30d","source":"default"}],"next":null}""");

    private static Ok<ListOf<SettingBody>> List(EffectiveSettings settings, Limits limits, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(settings.Entries, entry => entry.Key, take ?? limits.PageMost, after, page, limits, entry => entry));
}

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>What all edits of alerters and sinks have in common: the dry run, the ETag, the secret, and the audit log.</summary>
/// <param name="kind">Such as <c>alerters</c>: in addresses and in the audit log.</param>
/// <param name="plugins">The store.</param>
/// <param name="body">The settings as people see them; false for those who may not see all of an address, as it may hold a credential.</param>
/// <param name="type">Of the body.</param>
internal sealed class PluginEdits<TSettings, TMade, TBody>(string kind, Plugins<TSettings, TMade> plugins, Func<TSettings, bool, TBody> body, JsonTypeInfo<TBody> type)
    where TSettings : Plugin
    where TMade : class
{
    /// <param name="http">The request.</param>
    /// <param name="stored">As it is; null if there is none.</param>
    /// <param name="wanted">As it shall be.</param>
    /// <param name="sent">The secret as it was sent; null if it was not.</param>
    /// <param name="dryRun">Only says what would change.</param>
    /// <param name="ct">Stops before the write.</param>
    public async Task<IResult> PutAsync(HttpContext http, Stored<TSettings>? stored, TSettings wanted, string? sent, bool? dryRun, CancellationToken ct)
    {
        if (dryRun == true) return TypedResults.Ok(Differences.Between(kind, wanted.Name, stored is null ? null : Json(stored.Item, isWhole: true), Json(wanted, isWhole: true)));

        // Another type's secret is no use to this one.
        var secret = sent ?? (stored is not null && stored.Item.Type != wanted.Type ? "" : null);

        // A secret that is sent counts as a change: whether it is the same is not looked at.
        var isChange = secret is not null || stored is null || !JsonNode.DeepEquals(Json(stored.Item, isWhole: true), Json(wanted, isWhole: true));
        if (Preconditions.Fault(http.Request, stored?.Etag, isRequired: isChange) is { } fault) return fault;
        if (isChange) await plugins.PutAsync(wanted, secret, stored?.Etag, ct);
        var after = (await plugins.ReadAsync(wanted.Name, ct))!;
        var note = http.Audit();
        (note.Target, note.Before, note.After) = ($"{kind}/{wanted.Name}", stored is null ? null : Json(stored.Item, isWhole: false), Json(after.Item, isWhole: false));
        if (sent is not null) note.Reason = "secret set";
        http.ShowEtag(after.Etag);
        var answer = body(after.Item, http.User.IsAdmin());
        return stored is null ? TypedResults.Created($"/api/{kind}/{Uri.EscapeDataString(wanted.Name)}", answer) : TypedResults.Ok(answer);
    }

    /// <returns>What is wrong; null when it is gone.</returns>
    public async Task<IResult?> RemoveAsync(HttpContext http, Stored<TSettings> stored, CancellationToken ct)
    {
        if (Preconditions.Fault(http.Request, stored.Etag, isRequired: false) is { } fault) return fault;
        (http.Audit().Target, http.Audit().Before) = ($"{kind}/{stored.Name}", Json(stored.Item, isWhole: false));
        await plugins.RemoveAsync(stored.Name, stored.Etag, ct);
        return null;
    }

    /// <summary>As PUT takes it.</summary>
    private JsonObject Json(TSettings settings, bool isWhole)
    {
        var json = (JsonObject)JsonSerializer.SerializeToNode(body(settings, isWhole), type)!;
        json.Remove("name");
        return json;
    }
}

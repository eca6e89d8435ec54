using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

/// <param name="Secret">A secret that agents already have, when moving here; left out, one is made.</param>
internal sealed record NewEnrollSecret(string? Label = null, IReadOnlyList<string>? Tags = null, DateTimeOffset? ExpiresAt = null, long? MaxUses = null, string? Secret = null);

/// <param name="Secret">Only in the answer to POST.</param>
internal sealed record EnrollSecretBody(
    string Id, string Label, IReadOnlyList<string> Tags, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, long? MaxUses, long Uses, DateTimeOffset? LastUsedAt, string? NodeId,
    bool Enabled, string? Secret);

/// <summary>What is left out stays. A secret that is off lets nobody in; nodes that enrolled with it stay.</summary>
/// <param name="Tags">Of those who enroll from now on.</param>
internal sealed record EnrollSecretPatch(bool? Enabled = null, IReadOnlyList<string>? Tags = null);

internal static class EnrollSecretsApi
{
    public static void MapEnrollSecrets(this IEndpointRouteBuilder api)
    {
        api.MapGet("/enroll-secrets", ListAsync).For(Role.Admin).Docs<ListOf<EnrollSecretBody>>("List enroll secrets, without their text");
        api.MapGet("/enroll-secrets/{id}", FindAsync).For(Role.Admin).Docs<EnrollSecretBody>("Read an enroll secret, without its text");
        api.MapPost("/enroll-secrets", CreateAsync).For(Role.Admin).Docs<EnrollSecretBody>("Make an enroll secret; its text is in this answer alone", body: """{"label":"laptops","tags":["laptop"],"expiresAt":"2099-01-01T00:00:00Z","maxUses":100}""", status: [201]);
        api.MapPatch("/enroll-secrets/{id}", SwitchAsync).For(Role.Admin).Docs<EnrollSecretBody>("Switch an enroll secret on or off, or give it other tags", body: """{"enabled":false}""");
        api.MapDelete("/enroll-secrets/{id}", RemoveAsync).For(Role.Admin).Docs("Remove an enroll secret");
    }

    private static async Task<IResult> ListAsync(EnrollSecrets secrets, Limits limits, CancellationToken ct, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(await secrets.ListAsync(ct), secret => secret.Id, take, after, page, limits, secret => Body(secret, null)));

    private static async Task<IResult> CreateAsync(
        NewEnrollSecret request, EnrollSecrets secrets, EnrollmentSettings settings, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct, bool? dryRun = null)
    {
        var errors = new List<FieldError>();
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } fault) errors.Add(new("tags", fault));
        if (request.MaxUses < 1) errors.Add(new("maxUses", "This is at least 1, or left out."));
        if (request.ExpiresAt <= clock.GetUtcNow()) errors.Add(new("expiresAt", "This is in the future, or left out."));
        if (request.Label?.Length > limits.NameCharacters) errors.Add(new("label", $"At most {limits.NameCharacters} characters fit."));
        if (request.Secret is { } text && Fault(text, settings) is { } secretFault) errors.Add(new("secret", secretFault));
        if (errors.Count > 0) return Problem.Invalid(errors);
        if (dryRun == true)
        {
            var wanted = new JsonObject { ["tags"] = ConfigItems.ToJson(TagSet.Of(request.Tags ?? []).Tags), ["expiresAt"] = request.ExpiresAt is { } end ? UtcTime.Text(end) : null, ["maxUses"] = request.MaxUses };
            return TypedResults.Ok(Differences.Between("enroll-secrets", request.Label ?? "", before: null, wanted));
        }

        try
        {
            var (secret, made) = await secrets.CreateAsync(request.Label ?? "", TagSet.Of(request.Tags ?? []), request.ExpiresAt, request.MaxUses, node: null, request.Secret, ct);
            (http.Audit().Target, http.Audit().After) = ("enroll-secrets/" + secret.Id, Json(secret));
            return TypedResults.Created($"/api/enroll-secrets/{secret.Id}", Body(secret, made));
        }
        catch (ConflictException)
        {
            return Problem.Conflict("There is an enroll secret with this text already.");
        }
    }

    private static async Task<IResult> FindAsync(string id, EnrollSecrets secrets, HttpContext http, CancellationToken ct)
    {
        if ((await secrets.ListAsync(ct)).FirstOrDefault(secret => secret.Id == id) is not { } secret) return Problem.NotFound($"enroll secret '{id}'");
        http.ShowEtag(EtagOf(secret));
        return TypedResults.Ok(Body(secret, null));
    }

    /// <summary>Changes with what people change, not with each use.</summary>
    private static string EtagOf(EnrollSecret secret) => Digest.Of(secret.Id, secret.Tags.Text, secret.Enabled ? "on" : "off");

    /// <summary>Why agents could not enroll with this text, or null.</summary>
    internal static string? Fault(string secret, EnrollmentSettings settings) =>
        secret.Trim() != secret || secret.Length is 0 or > 1_000 ? "A secret has 1 to 1,000 characters and no blanks around it."
        : settings.TagDelimiter.Length > 0 && secret.Contains(settings.TagDelimiter, StringComparison.Ordinal)
            ? $"A secret must not hold '{settings.TagDelimiter}': what follows it in an agent's secret is read as tags."
        : null;

    private static async Task<IResult> SwitchAsync(string id, EnrollSecretPatch patch, EnrollSecrets secrets, Limits limits, HttpContext http, CancellationToken ct)
    {
        if (TagSet.Fault([.. patch.Tags ?? []], limits) is { } fault) return Problem.Invalid("tags", fault);
        if (await secrets.ReadAsync(id, ct) is not { } stored) return Problem.NotFound($"enroll secret '{id}'");
        if (Preconditions.Fault(http.Request, EtagOf(stored.Item), isRequired: false) is { } stale) return stale;
        if (await secrets.ChangeAsync(id, patch.Enabled, patch.Tags is { } tags ? TagSet.Of(tags) : null, ct) is not { } secret) return Problem.NotFound($"enroll secret '{id}'");
        (http.Audit().Target, http.Audit().After) = ("enroll-secrets/" + id, Json(secret));
        return TypedResults.Ok(Body(secret, null));
    }

    private static async Task<IResult> RemoveAsync(string id, EnrollSecrets secrets, HttpContext http, CancellationToken ct)
    {
        if (await secrets.ReadAsync(id, ct) is not { } stored) return Problem.NotFound($"enroll secret '{id}'");
        if (Preconditions.Fault(http.Request, EtagOf(stored.Item), isRequired: false) is { } stale) return stale;
        (http.Audit().Target, http.Audit().Before) = ("enroll-secrets/" + id, Json(stored.Item));
        return await secrets.RemoveAsync(id, ct) ? TypedResults.NoContent() : Problem.NotFound($"enroll secret '{id}'");
    }

    private static JsonObject Json(EnrollSecret secret) => new() { ["label"] = secret.Label, ["tags"] = ConfigItems.ToJson(secret.Tags.Tags), ["enabled"] = secret.Enabled };

    private static EnrollSecretBody Body(EnrollSecret secret, string? text) => new(
        secret.Id, secret.Label, secret.Tags.Tags, secret.CreatedAt, secret.ExpiresAt, secret.MaxUses, secret.Uses, secret.LastUsedAt, secret.Node, secret.Enabled, text);
}

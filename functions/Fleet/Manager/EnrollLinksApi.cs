using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="ExpiresAt">The link's end and its secret's; a day from now if it is left out, 30 days at most.</param>
internal sealed record NewEnrollLink(string? Label = null, IReadOnlyList<string>? Tags = null, DateTimeOffset? ExpiresAt = null, long? MaxUses = null);

/// <param name="Path">On this server: to be sent to whoever installs machines. It shows the secret until it expires, or the secret is removed.</param>
internal sealed record EnrollLinkBody(string Path, DateTimeOffset ExpiresAt, string SecretId);

/// <summary>What a machine needs to enroll.</summary>
internal sealed record EnrollInstructions(string EnrollSecret, IReadOnlyList<string> Tags, DateTimeOffset ExpiresAt, AgentSetup Setup);

/// <summary>Links that carry an enroll secret of their own, encrypted, for a time. Nothing but the secret's hash is stored.</summary>
internal sealed class EnrollLinks(IDataProtectionProvider protection)
{
    private readonly ITimeLimitedDataProtector _protector = protection.CreateProtector("enroll-link").ToTimeLimitedDataProtector();

    public string Token(string secret, DateTimeOffset expiresAt) => _protector.Protect(secret, expiresAt);

    /// <summary>The secret, if the link is ours and not too old.</summary>
    public (string Secret, DateTimeOffset ExpiresAt)? Read(string token)
    {
        try
        {
            return (_protector.Unprotect(token, out var expiresAt), expiresAt);
        }
        catch (System.Security.Cryptography.CryptographicException)
        {
            return null;
        }
    }
}

internal static class EnrollLinksApi
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(30);

    public static void MapEnrollLinks(this IEndpointRouteBuilder app)
    {
        app.MapPost("/api/enroll-links", CreateAsync).For(Role.Admin).Docs<EnrollLinkBody>("Make a link that shows a new enroll secret, for a time", body: """{"label":"new laptops","tags":["laptop"],"maxUses":20}""", status: [201]);
        app.MapGet("/api/agent-setup", Setup).For(Role.Viewer).Docs<AgentSetup>("What osquery has to be told, to come here: flags, and the server's certificate", id: "getAgentSetup");
        app.MapGet("/enroll-link/{token}", ReadAsync).AllowAnonymous().Docs<EnrollInstructions>("What a machine needs to enroll", id: "getEnrollLink");
    }

    private static async Task<IResult> CreateAsync(NewEnrollLink request, EnrollSecrets secrets, EnrollLinks links, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var expiresAt = request.ExpiresAt ?? now.AddDays(1);
        var errors = new List<FieldError>();
        if (TagSet.Fault([.. request.Tags ?? []], limits) is { } fault) errors.Add(new("tags", fault));
        if (request.MaxUses < 1) errors.Add(new("maxUses", "This is at least 1, or left out."));
        if (expiresAt <= now || expiresAt > now + s_longest) errors.Add(new("expiresAt", $"This is in the future, within {s_longest.TotalDays} days."));
        if (request.Label?.Length > limits.NameCharacters) errors.Add(new("label", $"At most {limits.NameCharacters} characters fit."));
        if (errors.Count > 0) return Problem.Invalid(errors);
        var (secret, text) = await secrets.CreateAsync(request.Label ?? "enroll link", TagSet.Of(request.Tags ?? []), expiresAt, request.MaxUses, node: null, text: null, ct);
        (http.Audit().Target, http.Audit().After) = ("enroll-secrets/" + secret.Id, new JsonObject { ["label"] = secret.Label, ["tags"] = ConfigItems.ToJson(secret.Tags.Tags), ["link"] = true });
        return TypedResults.Created($"/api/enroll-secrets/{secret.Id}", new EnrollLinkBody("/enroll-link/" + links.Token(text, expiresAt), expiresAt, secret.Id));
    }

    private static async Task<IResult> ReadAsync(string token, EnrollSecrets secrets, EnrollLinks links, EnrollmentSettings settings, OwnCertificate certificate, AuthSettings auth, HttpContext http, CancellationToken ct)
    {
        http.Response.Headers.CacheControl = "private, no-store";
        http.Response.Headers["Referrer-Policy"] = "no-referrer";
        if (links.Read(token) is not var (text, expiresAt) || await secrets.FindAsync(text, ct) is not { } secret) return Problem.NotFound("such link, or it has expired");
        return TypedResults.Ok(new EnrollInstructions(text, secret.Tags.Tags, expiresAt, AgentSetup.Of(http.Request, auth.OAuth.PublicUrl, certificate, settings)));
    }

    private static Ok<AgentSetup> Setup(HttpRequest request, EnrollmentSettings settings, OwnCertificate certificate, AuthSettings auth) => TypedResults.Ok(AgentSetup.Of(request, auth.OAuth.PublicUrl, certificate, settings));
}

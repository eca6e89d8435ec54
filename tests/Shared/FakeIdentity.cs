using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.Shared;

/// <summary>The identity endpoint that App Service gives to a process: tokens for whoever knows the header. They are not signed; stand-ins look at their audience.</summary>
internal sealed class FakeIdentity : IAsyncDisposable
{
    public const string Header = "the-identity-header";

    private readonly FakeService _service;

    private FakeIdentity(FakeService service) => _service = service;

    /// <summary>What the process finds in its environment.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["IDENTITY_ENDPOINT"] = new Uri(_service.Url, "/msi/token").ToString(),
        ["IDENTITY_HEADER"] = Header,
    };

    public static async Task<FakeIdentity> StartAsync() => new(await FakeService.StartAsync(secure: false, app => app.MapGet("/msi/token", IResult (HttpRequest request, string resource, string? client_id) =>
    {
        if (request.Headers["X-IDENTITY-HEADER"] != Header) return TypedResults.Unauthorized();
        var expires = DateTimeOffset.UtcNow.AddHours(8).ToUnixTimeSeconds();
        return TypedResults.Json(new JsonObject
        {
            ["access_token"] = TokenFor(resource),
            ["expires_on"] = expires.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["resource"] = resource,
            ["token_type"] = "Bearer",
            ["client_id"] = client_id ?? "system",
        });
    })));

    /// <summary>A token of Entra's shape.</summary>
    public static string TokenFor(string audience)
    {
        var now = DateTimeOffset.UtcNow;
        var claims = new JsonObject
        {
            ["aud"] = audience,
            ["iss"] = "https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/",
            ["iat"] = now.ToUnixTimeSeconds() - 60,
            ["nbf"] = now.ToUnixTimeSeconds() - 60,
            ["exp"] = now.AddHours(8).ToUnixTimeSeconds(),
        };
        return $"{Part("""{"alg":"none","typ":"JWT"}""")}.{Part(claims.ToJsonString())}.{Part("signature")}";
    }

    /// <summary>The audience of a request's bearer token, or null.</summary>
    public static string? AudienceOf(HttpRequest request)
    {
        return request.Headers.Authorization.ToString().Split(' ') is ["Bearer", var token] ? AudienceOf(token) : null;
    }

    /// <summary>The audience of a token, or null.</summary>
    public static string? AudienceOf(string token)
    {
        if (token.Split('.') is not [_, var claims, _]) return null;
        return (string?)JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(claims))!["aud"];
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    private static string Part(string text) => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(text));
}

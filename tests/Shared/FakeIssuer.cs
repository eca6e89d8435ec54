using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.WebUtilities;

namespace Fleet.Shared;

/// <summary>A provider of OpenID Connect, as Google, Entra or Keycloak is one: it knows one program, and consents in the name of whoever the test put before it.</summary>
internal sealed class FakeIssuer : IAsyncDisposable
{
    public const string ClientId = "fleet-at-the-issuer";
    public const string ClientSecret = "s3cret+/of=the&program";

    /// <summary>Takes a while to make, so all share it.</summary>
    private static readonly RSA s_key = RSA.Create(2048);

    private readonly ConcurrentDictionary<string, Grant> _codes = new();
    private readonly ConcurrentDictionary<string, JsonObject> _tokens = new();
    private FakeService _service = null!;
    private int _questions;
    private RSA _published = s_key;
    private int _keyId = 1;

    private FakeIssuer()
    {
    }

    /// <summary>Its address, and what it calls itself.</summary>
    public string Issuer => _service.Url.ToString().TrimEnd('/');

    /// <summary>The claims of who signs in; they go into the id_token.</summary>
    public JsonObject Person { get; set; } = new() { ["sub"] = "1001", ["email"] = "alice@example.com", ["email_verified"] = true, ["name"] = "Alice" };

    /// <summary>What only the userinfo endpoint tells of the person.</summary>
    public JsonObject UserInfo { get; set; } = [];

    /// <summary>What it answers instead of consent, such as <c>access_denied</c>.</summary>
    public string? Refusal { get; set; }

    /// <summary>Changes an id_token before it is signed.</summary>
    public Action<JsonObject> Twist { get; set; } = _ => { };

    /// <summary>What id_tokens are signed with; the published key stays what it is.</summary>
    public RSA SignsWith { get; set; } = s_key;

    /// <summary>Paths that answer 503.</summary>
    public ISet<string> Down { get; } = new HashSet<string>();

    /// <summary>How many requests it has had.</summary>
    public int Questions => Volatile.Read(ref _questions);

    public static async Task<FakeIssuer> StartAsync(bool secure = true)
    {
        var issuer = new FakeIssuer();
        issuer._service = await FakeService.StartAsync(secure, app =>
        {
            app.Use(async (context, next) =>
            {
                Interlocked.Increment(ref issuer._questions);
                if (!issuer.Down.Contains(context.Request.Path.Value!))
                {
                    await next(context);
                    return;
                }

                context.Response.StatusCode = 503;
                await context.Response.WriteAsync("<h1>Back soon</h1>");
            });
            app.MapGet("/.well-known/openid-configuration", () => Json(issuer.Discovery()));
            app.MapGet("/keys", () => Json(issuer.Keys()));
            app.MapGet("/authorize", (HttpRequest request) => issuer.Authorize(request));
            app.MapPost("/token", async (HttpRequest request) => issuer.Exchange(await request.ReadFormAsync()));
            app.MapGet("/userinfo", (HttpRequest request) => issuer.Tell(request));
        });
        return issuer;
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    /// <summary>As providers do from time to time.</summary>
    public void ChangeKey()
    {
        _keyId++;
        _published = SignsWith = RSA.Create(2048);
    }

    private JsonObject Discovery() => new()
    {
        ["issuer"] = Issuer,
        ["authorization_endpoint"] = Issuer + "/authorize",
        ["token_endpoint"] = Issuer + "/token",
        ["userinfo_endpoint"] = Issuer + "/userinfo",
        ["jwks_uri"] = Issuer + "/keys",
        ["response_types_supported"] = new JsonArray("code"),
        ["code_challenge_methods_supported"] = new JsonArray("S256"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
    };

    /// <summary>The page on which a person would sign in and consent.</summary>
    private IResult Authorize(HttpRequest request)
    {
        var query = request.Query;
        string Of(string name) => query[name].ToString();
        if (Of("client_id") != ClientId || Of("redirect_uri").Length == 0) return TypedResults.Text("unknown client", statusCode: 400);
        if (Of("response_type") != "code" || Of("code_challenge_method") != "S256" || Of("code_challenge").Length != 43 || !Of("scope").Split(' ').Contains("openid")) return Back(("error", "invalid_request"));
        if (Refusal is { } refusal) return Back(("error", refusal));
        var code = Random();
        _codes[code] = new(Of("redirect_uri"), Of("code_challenge"), Of("nonce"), Person.DeepClone().AsObject());
        return Back(("code", code));

        IResult Back((string Name, string Value) answer) =>
            TypedResults.Redirect(QueryHelpers.AddQueryString(Of("redirect_uri"), new Dictionary<string, string?> { [answer.Name] = answer.Value, ["state"] = Of("state") }));
    }

    private ContentHttpResult Exchange(IFormCollection form)
    {
        if (form["client_id"] != ClientId || form["client_secret"] != ClientSecret) return Refuse("invalid_client");
        if (form["grant_type"] != "authorization_code") return Refuse("unsupported_grant_type");

        // A code is good once, whatever else is wrong.
        if (!_codes.TryRemove(form["code"].ToString(), out var grant) || form["redirect_uri"] != grant.RedirectUri) return Refuse("invalid_grant");
        var challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        if (challenge != grant.Challenge) return Refuse("invalid_grant");
        var access = Random();
        var info = _tokens[access] = UserInfo.DeepClone().AsObject();
        info.TryAdd("sub", (string?)grant.Person["sub"]);
        return Json(new() { ["access_token"] = access, ["token_type"] = "Bearer", ["expires_in"] = 3600, ["id_token"] = Sign(Claims(grant)) });
    }

    private JsonObject Claims(Grant grant)
    {
        var now = DateTimeOffset.UtcNow;
        var claims = grant.Person.DeepClone().AsObject();
        (claims["iss"], claims["aud"]) = (Issuer, ClientId);
        (claims["iat"], claims["exp"]) = (now.ToUnixTimeSeconds(), now.AddHours(1).ToUnixTimeSeconds());
        if (grant.Nonce.Length > 0) claims["nonce"] = grant.Nonce;
        Twist(claims);
        return claims;
    }

    private IResult Tell(HttpRequest request) =>
        request.Headers.Authorization.ToString().Split(' ') is ["Bearer", var token] && _tokens.TryGetValue(token, out var claims) ? Json(claims.DeepClone().AsObject()) : TypedResults.Unauthorized();

    private string Sign(JsonObject claims)
    {
        var signed = Part($$"""{"alg":"RS256","typ":"JWT","kid":"{{_keyId}}"}""") + "." + Part(claims.ToJsonString());
        return signed + "." + Base64Url.EncodeToString(SignsWith.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    private JsonObject Keys()
    {
        var key = _published.ExportParameters(includePrivateParameters: false);
        return new() { ["keys"] = new JsonArray(new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["alg"] = "RS256", ["kid"] = _keyId.ToString(System.Globalization.CultureInfo.InvariantCulture), ["n"] = Base64Url.EncodeToString(key.Modulus), ["e"] = Base64Url.EncodeToString(key.Exponent) }) };
    }

    private static string Part(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24));

    private static ContentHttpResult Refuse(string error) => Json(new() { ["error"] = error, ["error_description"] = "The stand-in refuses." }, 400);

    private static ContentHttpResult Json(JsonObject body, int status = 200) => TypedResults.Text(body.ToJsonString(), "application/json", Encoding.UTF8, status);

    private sealed record Grant(string RedirectUri, string Challenge, string Nonce, JsonObject Person);
}

using System.Buffers.Text;
using System.Text.Json;

namespace Fleet.Manager;

/// <summary>The token that says who somebody is.</summary>
/// <remarks>It comes over TLS from the token endpoint itself, which OpenID Connect Core 3.1.3.7 lets stand in for looking at the signature. It must never be taken from a browser.</remarks>
internal static class IdToken
{
    /// <summary>Clocks differ.</summary>
    private static readonly TimeSpan s_skew = TimeSpan.FromMinutes(2);

    /// <summary>The claims, if the token is this provider's, for this program, of this sign-in, and for now.</summary>
    /// <exception cref="OAuthRefusedException">It is not.</exception>
    public static JsonElement Read(OAuthProvider provider, string issuer, string? token, string nonce, DateTimeOffset now)
    {
        var claims = Parse(token);
        var named = OAuthClaims.Text(claims, "iss");
        var audience = OAuthClaims.Texts(claims, "aud").ToList();
        var party = OAuthClaims.Text(claims, "azp");

        // Google once named itself without the scheme, and says that it still may.
        if (named != issuer && !(provider.Kind == OAuthKind.Google && "https://" + named == issuer)) throw Wrong($"its issuer is '{named}', not '{issuer}'");
        if (!audience.Contains(provider.ClientId)) throw Wrong($"it is for [{string.Join(", ", audience)}], not for '{provider.ClientId}'");
        if (party is null ? audience.Count > 1 : party != provider.ClientId) throw Wrong($"it was asked for by '{party}', not by '{provider.ClientId}'");
        if (OAuthClaims.Time(claims, "exp") is not { } expires || expires + s_skew <= now) throw Wrong("it has expired, or never does");
        if (OAuthClaims.Time(claims, "nbf") is { } begins && begins - s_skew > now) throw Wrong("it is for later");
        if (OAuthClaims.Text(claims, "nonce") != nonce) throw Wrong("it belongs to another sign-in (nonce)");
        if (OAuthClaims.Text(claims, "sub") is null) throw Wrong("it names nobody (sub)");
        if (provider.Kind == OAuthKind.Entra && !string.Equals(OAuthClaims.Text(claims, "tid"), provider.Tenant, StringComparison.OrdinalIgnoreCase)) throw Wrong("it is of another tenant (tid)");
        return claims;
    }

    private static JsonElement Parse(string? token)
    {
        if (token?.Split('.') is not [_, var payload, _]) throw Wrong("there is none, or it is no JWT; is the scope 'openid' asked for?");
        try
        {
            using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw Wrong("its claims are no object");
        }
        catch (Exception fault) when (fault is FormatException or JsonException)
        {
            throw Wrong("it cannot be read: " + fault.Message);
        }
    }

    private static OAuthRefusedException Wrong(string reason) => new(OAuthError.Identity, "the id_token is refused: " + reason);
}

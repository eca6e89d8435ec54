using System.Net;
using System.Text.Json;

namespace Fleet.Manager;

/// <summary>Where a provider's endpoints are.</summary>
internal sealed record OAuthEndpoints(string Issuer, string Authorization, string Token, string? UserInfo);

/// <summary>Finds a provider's endpoints when somebody first signs in, and remembers them; a failure is forgotten, so that the next person asks again.</summary>
internal sealed class OAuthDiscovery(string issuer)
{
    private readonly Lock _gate = new();
    private Task<OAuthEndpoints>? _found;

    /// <param name="http">Its time-out and its limit of a body's size are the call's.</param>
    /// <exception cref="OAuthRefusedException">The provider does not answer, or with something else.</exception>
    public Task<OAuthEndpoints> FindAsync(HttpClient http, CancellationToken ct)
    {
        // One question for all who wait, so none of them may cancel it.
        lock (_gate) return (_found is null or { IsFaulted: true } or { IsCanceled: true } ? _found = AskAsync(http) : _found).WaitAsync(ct);
    }

    /// <summary>What the provider says is believed because TLS says that it is the provider; a stand-in on loopback needs none.</summary>
    public static bool IsSafe(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme == "https" || (address.Scheme == "http" && IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip)));

    private async Task<OAuthEndpoints> AskAsync(HttpClient http)
    {
        var url = issuer.TrimEnd('/') + "/.well-known/openid-configuration";
        using var document = await GetAsync(http, new(HttpMethod.Get, url), CancellationToken.None);
        var root = document.RootElement;
        var named = Text(root, "issuer");
        if (named?.TrimEnd('/') != issuer.TrimEnd('/')) throw new OAuthRefusedException(OAuthError.ProviderDown, $"{url} speaks for the issuer '{named}', not for '{issuer}'");
        return new(named, Endpoint(root, "authorization_endpoint"), Endpoint(root, "token_endpoint"), root.TryGetProperty("userinfo_endpoint", out _) ? Endpoint(root, "userinfo_endpoint") : null);

        string Endpoint(JsonElement from, string name) => Text(from, name) is { } endpoint && IsSafe(endpoint)
            ? endpoint
            : throw new OAuthRefusedException(OAuthError.ProviderDown, $"{url} has no https address as its {name}");
    }

    /// <summary>A JSON object of the provider's.</summary>
    /// <exception cref="OAuthRefusedException">It does not answer, or with something else.</exception>
    public static async Task<JsonDocument> GetAsync(HttpClient http, HttpRequestMessage request, CancellationToken ct)
    {
        using (request)
        {
            try
            {
                request.Headers.Accept.ParseAdd("application/json");
                using var response = await http.SendAsync(request, ct);
                if (!response.IsSuccessStatusCode) throw new OAuthRefusedException(OAuthError.ProviderDown, $"{request.RequestUri} answered {(int)response.StatusCode}");
                var document = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(ct));
                return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new JsonException("It is no object.");
            }
            catch (Exception fault) when (OAuthRefusedException.IsOutage(fault, ct))
            {
                throw new OAuthRefusedException(OAuthError.ProviderDown, $"{request.RequestUri} did not answer as a provider does: {fault.Message}", fault);
            }
        }
    }

    private static string? Text(JsonElement from, string name) => from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

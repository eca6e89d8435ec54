using System.Net;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Protocols.OpenIdConnect.Configuration;

namespace Fleet.Manager;

/// <summary>What a provider says of itself: where its endpoints are, and what it signs with. Read when somebody first signs in, and again when it signs with a key that is not known.</summary>
internal static class OAuthConfiguration
{
    public static ConfigurationManager<OpenIdConnectConfiguration> Of(string issuer, HttpClient http) => new(
        issuer.TrimEnd('/') + "/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(), new HttpDocumentRetriever(http) { RequireHttps = issuer.StartsWith("https:", StringComparison.OrdinalIgnoreCase) }, new Validator(issuer));

    /// <summary>What the provider says is believed because TLS says that it is the provider; a stand-in on loopback needs none.</summary>
    public static bool IsSafe(string? url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme == "https" || (address.Scheme == "http" && IPAddress.TryParse(address.Host, out var ip) && IPAddress.IsLoopback(ip)));

    private sealed class Validator(string issuer) : IConfigurationValidator<OpenIdConnectConfiguration>
    {
        public ConfigurationValidationResult Validate(OpenIdConnectConfiguration configuration)
        {
            var fault = FaultOf(configuration);
            return fault is null ? new OpenIdConnectConfigurationValidator().Validate(configuration) : new() { ErrorMessage = fault };
        }

        private string? FaultOf(OpenIdConnectConfiguration configuration)
        {
            if (configuration.Issuer?.TrimEnd('/') != issuer.TrimEnd('/')) return $"it speaks for the issuer '{configuration.Issuer}', not for '{issuer}'";
            if (!IsSafe(configuration.AuthorizationEndpoint)) return "it has no https address as its authorization_endpoint";
            if (!IsSafe(configuration.TokenEndpoint)) return "it has no https address as its token_endpoint";
            return configuration.UserInfoEndpoint is { Length: > 0 } userInfo && !IsSafe(userInfo) ? "it has no https address as its userinfo_endpoint" : null;
        }
    }
}

using System.Security.Claims;
using Fleet.Kernel;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Fleet.Manager;

/// <summary>Makes a session for somebody whom the rules let in; null if the program knows a reason against it.</summary>
internal delegate Task<ClaimsPrincipal?> OAuthWelcome(HttpContext context, OAuthPerson person);

/// <summary>Hears of a sign-in that failed.</summary>
internal delegate Task OAuthRefused(HttpContext context, string provider, OAuthRefusedException refused);

/// <summary>Signing in by an account with Google, Entra or another OpenID Connect issuer: authorization code with PKCE.</summary>
internal static class OAuthSignIn
{
    /// <summary>For discovery, the token and the userinfo each; all that may block a sign-in.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Of a provider's answer.</summary>
    private const int MostBytes = 4 << 20;

    /// <summary>Adds a scheme for each provider. Nothing is asked of the network before somebody signs in.</summary>
    /// <param name="outbound">Where connections may lead.</param>
    /// <param name="sessionScheme">The cookie scheme that keeps who was let in.</param>
    /// <param name="newTransport">How providers are reached; null for TLS as the system trusts it.</param>
    public static AuthenticationBuilder AddOAuthSignIn(this AuthenticationBuilder authentication, OAuthSettings settings, Outbound outbound, string sessionScheme, OAuthWelcome welcome, Func<HttpMessageHandler>? newTransport = null, OAuthRefused? refused = null)
    {
        foreach (var provider in settings.Providers)
        {
            var events = new OAuthEvents(provider, settings.PublicUrl, welcome, refused ?? ((_, _, _) => Task.CompletedTask));
            authentication.AddOpenIdConnect(provider.Name, options => Configure(options, provider, sessionScheme, newTransport?.Invoke() ?? TransportTo(provider, outbound), events));
        }

        return authentication;
    }

    private static void Configure(OpenIdConnectOptions options, OAuthProvider provider, string sessionScheme, HttpMessageHandler transport, OAuthEvents events)
    {
        options.Events = events;
        (options.ClientId, options.ClientSecret) = (provider.ClientId, provider.ClientSecret);
        options.Scope.Clear();
        foreach (var scope in provider.Scopes) options.Scope.Add(scope);
        (options.ResponseType, options.ResponseMode) = (OpenIdConnectResponseType.Code, OpenIdConnectResponseMode.Query);
        (options.UsePkce, options.SaveTokens, options.MapInboundClaims, options.DisableTelemetry) = (true, false, false, true);
        options.SignInScheme = sessionScheme;
        options.CallbackPath = $"/api/session/oauth/{provider.Name}/callback";
        (options.RemoteSignOutPath, options.SignedOutCallbackPath) = (default, default);
        options.Backchannel = new(transport) { Timeout = s_patience, MaxResponseContentBufferSize = MostBytes };
        options.ConfigurationManager = OAuthConfiguration.Of(provider.Issuer, options.Backchannel);
        options.TokenValidationParameters.ClockSkew = TimeSpan.FromMinutes(2);

        // Google once named itself without the scheme, and says that it still may.
        if (provider.Kind == OAuthKind.Google) options.TokenValidationParameters.ValidIssuer = new Uri(provider.Issuer).Host;
        options.RemoteAuthenticationTimeout = options.ProtocolValidator.NonceLifetime = TimeSpan.FromMinutes(15);

        // The provider sends the browser back by a plain link, with which Lax cookies go; Strict ones would not. None is for providers that post.
        foreach (var (cookie, name) in new[] { (options.CorrelationCookie, "fleet.sign-in."), (options.NonceCookie, "fleet.nonce.") })
        {
            cookie.Name = name;
            cookie.SameSite = SameSiteMode.Lax;
            cookie.SecurePolicy = CookieSecurePolicy.Always;
            cookie.HttpOnly = true;
        }
    }

    /// <summary>To the issuer that the settings name, wherever that is; what it names in turn must not be an inner address.</summary>
    private static SocketsHttpHandler TransportTo(OAuthProvider provider, Outbound outbound)
    {
        var transport = outbound.Handler(new Uri(provider.Issuer).IdnHost);
        transport.ConnectTimeout = s_patience;
        return transport;
    }

    /// <summary>Where the browser goes to begin. The callbacks are no endpoints: authentication answers them.</summary>
    public static void MapOAuth(this IEndpointRouteBuilder api) => api.MapGet("/session/oauth/{provider}", BeginAsync).AllowAnonymous()
        .DocsFile("Sign in by a provider: leads the browser there", "text/html");

    /// <summary>The sign-in page with word of a failure.</summary>
    public static string PageOf(string code) => "/sign-in?error=" + code;

    /// <summary>A page of this server's, or the first one. The API is none: the browser does not send the session with a redirect that another site began, as the cookie is Strict.</summary>
    public static string LocalPage(string? path)
    {
        // Browsers read '\' as '/', and drop tabs and line ends before they read anything.
        var isLocal = path is ['/', ..] and not ['/', '/' or '\\', ..] && path.Length <= 2000 && !path.Any(char.IsControl);
        return isLocal && !new PathString(path!.Split('?', '#')[0]).StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase) ? path : "/";
    }

    private static async Task<IResult> BeginAsync(string provider, string? returnTo, HttpContext context, IAuthenticationSchemeProvider schemes, IOptionsMonitor<OpenIdConnectOptions> options)
    {
        if ((await schemes.GetSchemeAsync(provider))?.HandlerType != typeof(OpenIdConnectHandler)) return Problem.NotFound($"sign-in by '{provider}'");
        await ((OAuthEvents)options.Get(provider).Events).ChallengeAsync(context, LocalPage(returnTo));
        return TypedResults.Empty;
    }
}

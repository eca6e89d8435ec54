using Fleet.Kernel;
using Microsoft.AspNetCore.Authentication;

namespace Fleet.Manager;

/// <summary>Signing in by an account with Google, Entra or another OpenID Connect issuer: authorization code with PKCE.</summary>
internal static class OAuthSignIn
{
    /// <summary>For discovery, the token and the userinfo each; all that may block a sign-in.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Adds a scheme for each provider. Nothing is asked of the network before somebody signs in.</summary>
    /// <param name="outbound">Where connections may lead.</param>
    /// <param name="sessionScheme">The cookie scheme that keeps who was let in.</param>
    /// <param name="newTransport">How providers are reached; null for TLS as the system trusts it.</param>
    public static AuthenticationBuilder AddOAuthSignIn(this AuthenticationBuilder authentication, OAuthSettings settings, Outbound outbound, string sessionScheme, OAuthWelcome welcome, Func<HttpMessageHandler>? newTransport = null, OAuthRefused? refused = null)
    {
        foreach (var provider in settings.Providers)
        {
            authentication.AddOAuth<OAuthProviderOptions, OAuthHandler>(provider.Name, options =>
            {
                options.Provider = provider;
                options.Discovery = new(provider.Issuer);
                options.Welcome = welcome;
                if (refused is not null) options.Refused = refused;
                options.PublicUrl = settings.PublicUrl;
                (options.ClientId, options.ClientSecret) = (provider.ClientId, provider.ClientSecret);
                options.Scope.Clear();
                foreach (var scope in provider.Scopes) options.Scope.Add(scope);

                // Who has several accounts chooses one; else, who came with the wrong one would never get out of it.
                if (provider.Kind != OAuthKind.Oidc) options.AdditionalAuthorizationParameters["prompt"] = "select_account";
                options.UsePkce = true;
                options.SaveTokens = false;
                options.SignInScheme = sessionScheme;
                options.CallbackPath = $"/api/session/oauth/{provider.Name}/callback";

                // A redirect would carry the client's secret elsewhere.
                options.BackchannelHttpHandler = newTransport?.Invoke()
                    ?? TransportTo(provider, outbound);
                options.BackchannelTimeout = s_patience;
                options.RemoteAuthenticationTimeout = TimeSpan.FromMinutes(15);

                // The provider sends the browser back by a plain link, with which Lax cookies go; Strict ones would not. None is for providers that post.
                options.CorrelationCookie.Name = "fleet.sign-in.";
                options.CorrelationCookie.SameSite = SameSiteMode.Lax;
                options.CorrelationCookie.SecurePolicy = CookieSecurePolicy.Always;
                options.CorrelationCookie.HttpOnly = true;
            });
        }

        return authentication;
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

    private static async Task<IResult> BeginAsync(string provider, string? returnTo, HttpContext context, IAuthenticationSchemeProvider schemes)
    {
        if ((await schemes.GetSchemeAsync(provider))?.HandlerType != typeof(OAuthHandler)) return Problem.NotFound($"sign-in by '{provider}'");
        return TypedResults.Challenge(new() { RedirectUri = LocalPage(returnTo) }, [provider]);
    }
}

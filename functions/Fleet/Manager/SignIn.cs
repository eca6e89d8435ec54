using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Fleet.Kernel;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace Fleet.Manager;

/// <summary>Who calls: a script by its bearer token, or a person by a session cookie; or anybody, where the server is open.</summary>
internal static class SignIn
{
    /// <summary>The method of accounts that are kept here.</summary>
    public const string Local = "local";

    /// <summary>How whoever calls with an API token is known.</summary>
    public const string Token = "token";

    /// <summary>How the caller is known: a method of signing in, or <c>token</c>.</summary>
    public const string MethodClaim = "method";

    /// <summary>The session's id, or the token's.</summary>
    public const string IdClaim = "id";

    /// <summary>The account, as sessions know it.</summary>
    public const string PersonClaim = "person";

    /// <summary>What a token is good for; one claim a route.</summary>
    public const string RouteClaim = "route";

    /// <summary>A token's end, in seconds since 1970: what it makes ends no later.</summary>
    public const string EndClaim = "end";

    private const string Either = "either";
    private const string Open = "open";

    public static IServiceCollection AddSignIn(this IServiceCollection services, AuthSettings settings, Outbound outbound)
    {
        services.AddSingleton<SignInThrottle>().AddSingleton<DeviceCookies>().AddSingleton<SessionKeys>().AddSingleton<PasswordSignIn>().AddSingleton<EnrollLinks>();
        var authentication = services.AddAuthentication(Either)
            .AddPolicyScheme(Either, null, options => options.ForwardDefaultSelector = context =>
                context.Request.Headers.Authorization.Count > 0 ? TokenHandler.Scheme : settings.Open ? Open : CookieAuthenticationDefaults.AuthenticationScheme)
            .AddScheme<AuthenticationSchemeOptions, TokenHandler>(TokenHandler.Scheme, null)
            .AddScheme<AuthenticationSchemeOptions, OpenHandler>(Open, null)
            .AddCookie(options =>
            {
                options.Cookie.Name = "fleet";
                options.Cookie.HttpOnly = true;
                options.Cookie.SameSite = SameSiteMode.Strict;
                options.Cookie.SecurePolicy = CookieSecurePolicy.Always;

                // How long a session lasts is the session's own affair: the cookie only must not end earlier.
                options.ExpireTimeSpan = settings.SessionLife;
                options.SlidingExpiration = false;
                options.Events.OnRedirectToLogin = context => Answer(context.HttpContext, 401);
                options.Events.OnRedirectToAccessDenied = context => Answer(context.HttpContext, 403);
                options.Events.OnValidatePrincipal = ValidateAsync;
            });
        authentication.AddOAuthSignIn(settings.OAuth, outbound, CookieAuthenticationDefaults.AuthenticationScheme, WelcomeAsync, refused: NoteRefusedAsync);
        services.AddAuthorization(options =>
        {
            // Each role may do what the ones before it may.
            for (var least = Role.Viewer; least <= Role.Admin; least++)
            {
                var names = Roles.Names.Skip((int)least).ToArray();
                options.AddPolicy(Roles.NameOf(least), policy => policy.RequireRole(names));
            }
        });
        return services;
    }

    /// <summary>Declares who may call.</summary>
    public static TBuilder For<TBuilder>(this TBuilder endpoint, Role least) where TBuilder : IEndpointConventionBuilder =>
        endpoint.RequireAuthorization(Roles.NameOf(least));

    /// <summary>Starts a session and gives the browser its cookie.</summary>
    public static async Task<Session> StartAsync(HttpContext http, string person, string name, string method, Role role)
    {
        var session = await NewSessionAsync(http, person, name, method, role);
        await http.SignInAsync(CookieAuthenticationDefaults.AuthenticationScheme, PrincipalOf(session));
        return session;
    }

    public static Role RoleOf(ClaimsPrincipal person) => Roles.TryParse(person.FindFirstValue(ClaimTypes.Role), out var role) ? role : Role.Viewer;

    /// <summary>A write by cookie, or by whoever comes where the server is open, carries a header of its own, which no other site's form or script can set.</summary>
    public static async Task RequireCsrfHeaderAsync(HttpContext context, RequestDelegate next)
    {
        var reads = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var byToken = context.User.Identity is not { IsAuthenticated: true, AuthenticationType: not TokenHandler.Scheme };
        if (reads || byToken || context.Request.Headers.ContainsKey("X-Fleet-Csrf"))
        {
            await next(context);
            return;
        }

        await Problem.WriteAsync(context, new(403, "csrf", "A header is missing", "Writes without a token carry the header 'X-Fleet-Csrf: 1'."));
    }

    /// <summary>A token that is good for some routes is good for no other.</summary>
    public static Task RequireRouteAsync(HttpContext context, RequestDelegate next)
    {
        var routes = context.User.FindAll(RouteClaim).Select(claim => claim.Value).ToList();
        return routes.Count == 0 || routes.Exists(route => RoutePatterns.Matches(route, context.Request.Method, context.Request.Path))
            ? next(context)
            : Problem.WriteAsync(context, new(403, "out-of-scope", "Not allowed", $"This token is good for {string.Join(", ", routes)} alone."));
    }

    private static async Task<ClaimsPrincipal?> WelcomeAsync(HttpContext http, OAuthPerson person)
    {
        var audit = http.RequestServices.GetRequiredService<AuditLog>();
        var name = person.Email ?? person.Subject;
        var entry = await audit.BeginAsync(http.TraceIdentifier, name, person.Provider, http.Address(), "POST session", "session", CancellationToken.None);
        var session = await NewSessionAsync(http, Session.PersonOf(person.Provider, person.Subject), name, person.Provider, person.Role);
        await audit.EndAsync(entry with { Status = 200, Target = "sessions/" + session.Id }, CancellationToken.None);
        return PrincipalOf(session);
    }

    private static async Task NoteRefusedAsync(HttpContext http, string provider, OAuthRefusedException refused)
    {
        // Anybody can call without having begun: no person and no provider stands behind it.
        if (refused.Code == OAuthError.State) return;
        try
        {
            var audit = http.RequestServices.GetRequiredService<AuditLog>();
            var entry = await audit.BeginAsync(http.TraceIdentifier, "", provider, http.Address(), "POST session", "session", CancellationToken.None);
            await audit.EndAsync(entry with { Status = 401, Reason = $"{refused.Code}: {refused.Message}" }, CancellationToken.None);
        }
        catch (Exception fault) when (fault is Storage.StorageUnavailableException or Storage.StorageBusyException)
        {
            // Nothing was done; the log has it.
        }
    }

    private static async Task<Session> NewSessionAsync(HttpContext http, string person, string name, string method, Role role) =>
        await http.RequestServices.GetRequiredService<SessionStore>().StartAsync(
            person, name, method, role, http.Address(), http.Request.Headers.UserAgent.ToString(), http.RequestAborted);

    private static ClaimsPrincipal PrincipalOf(Session session) => Principal(
        CookieAuthenticationDefaults.AuthenticationScheme, session.Name, session.Role, new(MethodClaim, session.Method), new(IdClaim, session.Id), new(PersonClaim, session.Person));

    private static ClaimsPrincipal Principal(string scheme, string name, Role role, params IEnumerable<Claim> more) => new(new ClaimsIdentity(
        [new Claim(ClaimTypes.Name, name), new Claim(ClaimTypes.Role, Roles.NameOf(role)), .. more], scheme));

    /// <summary>The session's row decides: it may have ended elsewhere, or the account may have got another role.</summary>
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        var sessions = context.HttpContext.RequestServices.GetRequiredService<SessionStore>();
        var session = context.Principal?.FindFirstValue(IdClaim) is { } id && context.Principal.FindFirstValue(PersonClaim) is { } person
            ? await sessions.UseAsync(person, id, context.HttpContext.RequestAborted)
            : null;
        if (session is null) context.RejectPrincipal();
        else context.ReplacePrincipal(PrincipalOf(session));
    }

    private static Task Answer(HttpContext context, int status)
    {
        if (status == 401)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            return Problem.WriteAsync(context, new(401, "unauthenticated", "Sign in first", context.Request.Headers.Authorization.Count > 0
                ? "This token is not known here, was revoked, or has expired."
                : "Send 'Authorization: Bearer TOKEN', or sign in with POST /api/session."));
        }

        var least = context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;
        return Problem.WriteAsync(context, new(403, "forbidden", "Not allowed", $"This needs the role {least}, and you are {Roles.NameOf(RoleOf(context.User))}: ask an admin."));
    }

    /// <summary><c>Authorization: Bearer fleet_…</c>.</summary>
    private sealed class TokenHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, TokenStore tokens)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        public new const string Scheme = Token;

        protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            const string Bearer = "Bearer ";
            var header = Request.Headers.Authorization.ToString();
            if (!header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return AuthenticateResult.NoResult();
            if (await tokens.UseAsync(header[Bearer.Length..].Trim(), Context.RequestAborted) is not { } token) return AuthenticateResult.Fail("The token is unknown or has expired.");
            Claim[] claims =
            [
                new(MethodClaim, Scheme), new(IdClaim, token.Id), new(PersonClaim, token.Maker.Length > 0 ? token.Maker : TokenStore.MakerOf(token.Id)),
                .. token.ExpiresAt is { } end ? [new Claim(EndClaim, end.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture))] : Array.Empty<Claim>(), .. token.Routes.Select(route => new Claim(RouteClaim, route)),
            ];
            return AuthenticateResult.Success(new(Principal(Scheme, token.Name, token.Role, claims), Scheme));
        }

        protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Answer(Context, 401);

        protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Answer(Context, 403);
    }

    /// <summary>Everybody is an admin. A page from elsewhere that has its own name lead here (DNS rebinding) is nobody.</summary>
    private sealed class OpenHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, AuthSettings settings)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var host = Request.Host.Host;
            var isOurs = settings.AllowOpen || host == "localhost" || System.Net.IPAddress.TryParse(host.Trim('[', ']'), out _);
            return Task.FromResult(isOurs
                ? AuthenticateResult.Success(new(Principal(Open, "anonymous", Role.Admin, new Claim(MethodClaim, Open), new Claim(PersonClaim, "open:anonymous")), Open))
                : AuthenticateResult.NoResult());
        }

        protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Answer(Context, 401);
    }
}

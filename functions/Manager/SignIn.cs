using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.Extensions.Options;

namespace Fleet.Manager;

/// <summary>Who calls: a script by its bearer token, or a person by a session cookie.</summary>
internal static class SignIn
{
    private const string Either = "either";
    private const string StampClaim = "stamp";

    public static IServiceCollection AddSignIn(this IServiceCollection services)
    {
        services.AddSingleton<SignInThrottle>().AddSingleton<SessionKeys>();
        services.AddAuthentication(Either)
            .AddPolicyScheme(Either, null, options => options.ForwardDefaultSelector = context =>
                context.Request.Headers.Authorization.Count > 0 ? TokenHandler.Scheme : CookieAuthenticationDefaults.AuthenticationScheme)
            .AddScheme<AuthenticationSchemeOptions, TokenHandler>(TokenHandler.Scheme, null)
            .AddCookie(options =>
            {
                options.Cookie.Name = "fleet";
                options.Cookie.HttpOnly = true;
                options.Cookie.SameSite = SameSiteMode.Strict;
                options.Cookie.SecurePolicy = CookieSecurePolicy.Always;
                options.ExpireTimeSpan = TimeSpan.FromHours(12);
                options.SlidingExpiration = true;
                options.Events.OnRedirectToLogin = context => Answer(context.HttpContext, 401);
                options.Events.OnRedirectToAccessDenied = context => Answer(context.HttpContext, 403);
                options.Events.OnValidatePrincipal = ValidateAsync;
            });
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

    /// <summary>A write by cookie carries a header of its own, which no other site's form or script can set.</summary>
    public static async Task RequireCsrfHeaderAsync(HttpContext context, RequestDelegate next)
    {
        var reads = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var bySession = context.User.Identity?.AuthenticationType == CookieAuthenticationDefaults.AuthenticationScheme;
        if (reads || !bySession || context.Request.Headers.ContainsKey("X-Fleet-Csrf"))
        {
            await next(context);
            return;
        }

        await Problem.WriteAsync(context, new(403, "csrf", "A header is missing", "Writes with a session cookie carry the header 'X-Fleet-Csrf: 1'."));
    }

    public static ClaimsPrincipal PrincipalOf(User user) => Principal(CookieAuthenticationDefaults.AuthenticationScheme, user.Name, user.Role, new Claim(StampClaim, user.Stamp));

    internal static ClaimsPrincipal Principal(string scheme, string name, Role role, params Claim[] more) => new(new ClaimsIdentity(
        [new Claim(ClaimTypes.Name, name), new Claim(ClaimTypes.Role, Roles.NameOf(role)), .. more], scheme));

    /// <summary>A session ends with the account or its password.</summary>
    private static async Task ValidateAsync(CookieValidatePrincipalContext context)
    {
        var users = context.HttpContext.RequestServices.GetRequiredService<UserStore>();
        var user = await users.FindAsync(context.Principal?.Identity?.Name ?? "", context.HttpContext.RequestAborted);
        if (user is null || user.Stamp != context.Principal?.FindFirstValue(StampClaim)) context.RejectPrincipal();
    }

    private static Task Answer(HttpContext context, int status) => Problem.WriteAsync(context, status == 401
        ? new(401, "unauthenticated", "Sign in first", "Send 'Authorization: Bearer TOKEN', or sign in with POST /api/session.")
        : new(403, "forbidden", "Not allowed", "Your role may not do this: ask an admin for a larger one."));

    /// <summary><c>Authorization: Bearer fleet_…</c>.</summary>
    private sealed class TokenHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, TokenStore tokens)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        public new const string Scheme = "token";

        protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            const string Bearer = "Bearer ";
            var header = Request.Headers.Authorization.ToString();
            if (!header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return AuthenticateResult.NoResult();
            var token = await tokens.FindAsync(header[Bearer.Length..].Trim(), Context.RequestAborted);
            return token is null
                ? AuthenticateResult.Fail("The token is unknown or has expired.")
                : AuthenticateResult.Success(new(Principal(Scheme, token.Name, token.Role), Scheme));
        }

        protected override Task HandleChallengeAsync(AuthenticationProperties properties) => Answer(Context, 401);

        protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Answer(Context, 403);
    }
}

using System.Security.Claims;
using Fleet.Kernel;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

internal sealed record SessionRequest(string Username, string Password);

/// <param name="Method">How you are known: <c>local</c>, <c>ldap</c>, <c>google</c>, <c>entra</c>, <c>oidc</c>, <c>token</c> or <c>open</c>.</param>
internal sealed record SessionBody(string Name, string Role, string Method);

/// <summary>How people can sign in here.</summary>
/// <param name="Open">Nobody needs to.</param>
/// <param name="Password">With a name and a password.</param>
/// <param name="Providers">By <c>/api/session/oauth/NAME</c>.</param>
internal sealed record SignInMethods(bool Open, bool Password, IReadOnlyList<string> Providers);

internal sealed record PasswordChange(string Current, string Password);

/// <param name="Current">It is the one that asks.</param>
/// <param name="Agent">The browser, as it calls itself.</param>
/// <param name="ExpiresAt">If it is not used again.</param>
internal sealed record SessionEntry(
    string Id, string Name, string Method, string Role, bool Current, DateTimeOffset CreatedAt, DateTimeOffset SeenAt, DateTimeOffset ExpiresAt, string? Address, string? Agent);

/// <summary>Signing in and out, and sessions.</summary>
internal static class SessionApi
{
    public static void MapSession(this IEndpointRouteBuilder api)
    {
        api.MapPost("/session", SignInAsync).AllowAnonymous().Docs<SessionBody>("Sign in", id: "signIn", body: """{"username":"admin","password":"correct horse"}""");
        api.MapGet("/session", (HttpContext http) => TypedResults.Ok(Body(http))).For(Role.Viewer).Docs<SessionBody>("Who am I");
        api.MapDelete("/session", (Delegate)SignOutAsync).For(Role.Viewer).Docs("Sign out", id: "signOut");
        api.MapGet("/session/methods", Methods).AllowAnonymous().Docs<SignInMethods>("How people can sign in here");
        api.MapPut("/session/password", ChangePasswordAsync).For(Role.Viewer).Docs("Change your own password", id: "changePassword", body: """{"current":"correct horse","password":"battery staple"}""");
        api.MapOAuth();
        api.MapGet("/sessions", ListAsync).For(Role.Viewer).Docs<ListOf<SessionEntry>>("List your sessions, or with all=true everybody's");
        api.MapDelete("/sessions/{id}", EndAsync).For(Role.Viewer).Docs("End a session");
    }

    private static async Task<IResult> SignInAsync(SessionRequest request, PasswordSignIn signIn, SessionStore sessions, SignInThrottle throttle, DeviceCookies devices, HttpContext http, ILogger<PasswordSignIn> log, CancellationToken ct)
    {
        http.Audit().Actor = request.Username is { Length: > 200 } name ? name[..200] : request.Username;
        var address = http.Connection.RemoteIpAddress;
        var device = devices.Read(http, request.Username);
        if (!throttle.TryTake(address, request.Username, device)) return new Problem(429, "too-many", "Too many sign-ins failed", "Wait a minute and try again.").ToResult();
        try
        {
            if (await signIn.SignInAsync(request.Username, request.Password, ct) is not { } person)
            {
                return new Problem(401, "sign-in-failed", "Not signed in", "The name or the password is wrong, or you have no role here.").ToResult();
            }

            throttle.GiveBack(address, request.Username, device);

            var session = await SignIn.StartAsync(http, person.Person, person.Name, person.Method, person.Role);
            http.Audit().Target = "sessions/" + session.Id;

            // The account may have got another role, or gone, while the password was looked at.
            if (!await signIn.IsStillAsync(person, ct))
            {
                await sessions.EndAsync(session.Person, session.Id, ct);
                http.Response.Headers.Remove("Set-Cookie");
                return new Problem(401, "sign-in-failed", "Not signed in", "The account was changed just now: try again.").ToResult();
            }

            devices.Write(http, request.Username);
            return TypedResults.Ok(new SessionBody(person.Name, Roles.NameOf(person.Role), person.Method));
        }
        catch (LdapUnavailableException fault)
        {
            log.LogError(fault, "Sign-in by LDAP is not possible");
            return new Problem(503, "directory-unavailable", "The directory does not answer", "Repeat in a while; the server's log says more.").ToResult();
        }
    }

    private static async Task<IResult> SignOutAsync(HttpContext http, SessionStore sessions, CancellationToken ct)
    {
        if (IsSession(http.User)) await sessions.EndAsync(http.User.FindFirstValue(SignIn.PersonClaim)!, http.User.FindFirstValue(SignIn.IdClaim)!, ct);
        await http.SignOutAsync(CookieAuthenticationDefaults.AuthenticationScheme);
        return TypedResults.NoContent();
    }

    private static Ok<SignInMethods> Methods(AuthSettings settings) =>
        TypedResults.Ok(new SignInMethods(settings.Open, settings.Local || settings.Ldap is not null, [.. settings.OAuth.Providers.Select(provider => provider.Name)]));

    private static async Task<IResult> ChangePasswordAsync(PasswordChange request, UserStore users, SignInThrottle throttle, DeviceCookies devices, HttpContext http, CancellationToken ct)
    {
        if (http.User.FindFirstValue(SignIn.MethodClaim) != SignIn.Local) return Problem.Conflict("Your password is not kept here: change it where you have it from.");
        var name = http.Actor();
        var device = devices.Read(http, name);
        if (!throttle.TryTake(http.Connection.RemoteIpAddress, name, device)) return new Problem(429, "too-many", "Too many sign-ins failed", "Wait a minute and try again.").ToResult();
        if (await users.SignInAsync(name, request.Current, ct) is null) return Problem.Invalid("current", "This is not your password.");
        throttle.GiveBack(http.Connection.RemoteIpAddress, name, device);

        if (UsersApi.PasswordFault(request.Password) is { } fault) return Problem.Invalid("password", fault);
        http.Audit().Target = "users/" + name;
        await users.SetPasswordAsync(name, request.Password, ct, save: http.User.FindFirstValue(SignIn.IdClaim));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> ListAsync(SessionStore sessions, Limits limits, HttpContext http, CancellationToken ct, bool? all = null, int? take = null, string? after = null)
    {
        if (all == true && SignIn.RoleOf(http.User) != Role.Admin) return new Problem(403, "forbidden", "Not allowed", "Only admins see everybody's sessions.").ToResult();
        var own = http.User.FindFirstValue(SignIn.PersonClaim)!;
        var (page, next) = Paging.Slice(await sessions.ListAsync(all == true ? null : own, ct), session => session.Id, take, after, limits);
        var current = http.User.FindFirstValue(SignIn.IdClaim);
        return TypedResults.Ok(new ListOf<SessionEntry>(
            [.. page.Select(session => new SessionEntry(
                session.Id, session.Name, session.Method, Roles.NameOf(session.Role), session.Id == current, session.CreatedAt, session.SeenAt, sessions.EndOf(session), session.Address, session.Agent))],
            next));
    }

    private static async Task<IResult> EndAsync(string id, SessionStore sessions, HttpContext http, CancellationToken ct)
    {
        var own = SignIn.RoleOf(http.User) == Role.Admin ? null : http.User.FindFirstValue(SignIn.PersonClaim);
        if ((await sessions.ListAsync(own, ct)).FirstOrDefault(session => session.Id == id) is not { } session) return Problem.NotFound($"session '{id}'");
        (http.Audit().Target, http.Audit().Reason) = ("sessions/" + id, session.Person);
        await sessions.EndAsync(session.Person, id, ct);
        return TypedResults.NoContent();
    }

    private static bool IsSession(ClaimsPrincipal person) => person.Identity?.AuthenticationType == CookieAuthenticationDefaults.AuthenticationScheme;

    private static SessionBody Body(HttpContext http) =>
        new(http.Actor(), Roles.NameOf(SignIn.RoleOf(http.User)), http.User.FindFirstValue(SignIn.MethodClaim) ?? "");
}

using Microsoft.AspNetCore.Authentication;

namespace Fleet.Manager;

internal sealed record SessionRequest(string Username, string Password);

internal sealed record SessionBody(string Name, string Role);

/// <summary>Signing in and out with a local account.</summary>
internal static class SessionApi
{
    public static void MapSession(this IEndpointRouteBuilder api)
    {
        api.MapPost("/session", SignInAsync).AllowAnonymous();
        api.MapGet("/session", (HttpContext context) => TypedResults.Ok(Body(context))).For(Role.Viewer);
        api.MapDelete("/session", (Delegate)SignOutAsync).For(Role.Viewer);
    }

    private static async Task<IResult> SignInAsync(SessionRequest request, UserStore users, SignInThrottle throttle, HttpContext context, CancellationToken ct)
    {
        var address = context.Connection.RemoteIpAddress;
        if (throttle.IsSpent(address)) return new Problem(429, "too-many", "Too many sign-ins failed", "Wait a minute and try again.").ToResult();
        if (await users.SignInAsync(request.Username, request.Password, ct) is not { } user)
        {
            throttle.CountFailure(address);
            return new Problem(401, "sign-in-failed", "Not signed in", "The name or the password is wrong.").ToResult();
        }

        await context.SignInAsync("Cookies", SignIn.PrincipalOf(user));
        return TypedResults.Ok(new SessionBody(user.Name, Roles.NameOf(user.Role)));
    }

    private static async Task<IResult> SignOutAsync(HttpContext context)
    {
        await context.SignOutAsync("Cookies");
        return TypedResults.NoContent();
    }

    private static SessionBody Body(HttpContext context) =>
        new(context.User.Identity?.Name ?? "", context.User.FindFirst(System.Security.Claims.ClaimTypes.Role)?.Value ?? "");
}

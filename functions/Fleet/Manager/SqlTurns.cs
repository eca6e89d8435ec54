using System.Security.Claims;
using Fleet.Config;
using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>SQL that one caller sends is checked one request after another: whoever sends statements that are hard to check waits for them alone.</summary>
internal sealed class SqlTurns
{
    private readonly Turns _turns = new();

    public Task<IDisposable> TakeAsync(HttpContext http) => _turns.TakeAsync(
        http.User.FindFirstValue(SignIn.PersonClaim) ?? http.User.FindFirstValue(SignIn.IdClaim) ?? "", http.RequestAborted).AsTask();
}

/// <summary>Marks an endpoint that has SQL checked. A test goes through all that are marked, and one asks that all that have SQL checked are.</summary>
internal sealed record ChecksSqlMark;

internal static class SqlTurnsExtensions
{
    public static RouteHandlerBuilder ChecksSql(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new ChecksSqlMark()).AddEndpointFilter(async (context, next) =>
    {
        using var turn = await context.HttpContext.RequestServices.GetRequiredService<SqlTurns>().TakeAsync(context.HttpContext);
        SqlCheck.BeginRequest();
        return await next(context);
    });
}

using Fleet.Kernel;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.Features;

namespace Fleet.Manager;

/// <summary>The REST API for people and scripts, under <c>/api</c>.</summary>
internal static class ManagerApi
{
    public static void MapManager(this IEndpointRouteBuilder app)
    {
        var api = app.MapGroup("/api");
        api.MapSession();
        api.MapUsers();
        api.MapTokens();
        api.MapAudit();
        api.MapSettings();
        api.MapNodes();
        api.MapNodeActions();
        api.MapNodeDetails();
        api.MapItems();
        api.MapImport();
        api.MapSql();
        api.MapTags();
        api.MapResults();
        api.MapStats();
        api.MapEnrollSecrets();
        api.MapCampaigns();
        api.MapCampaignAnswers();
        api.MapRules();
        api.MapAlerts();
        api.MapAlerters();
        api.MapReports();
        api.MapCarves();
        ApiDocument.Map(api);
        api.MapFallback("{*path}", NotFoundAsync);
        app.MapTransparency();
        app.MapEnrollLinks();
    }

    /// <summary>What stands before every endpoint of the API: problems for faults, a size limit, and memory that is up to date.</summary>
    public static void UseManager(this IApplicationBuilder app)
    {
        app.UseWhen(IsApi, api =>
        {
            api.Use(NameAsync);
            api.UseResponseCompression();
        });
        app.Use(Problem.CatchAsync);
        app.Use(async (context, next) =>
        {
            if (!IsApi(context))
            {
                await next(context);
                return;
            }

            // Bodies are JSON, whatever a command line's default says they are; the CSRF header does not hang on it.
            if (context.Request.ContentType is null or "application/x-www-form-urlencoded") context.Request.ContentType = "application/json";
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            {
                size.MaxRequestBodySize = context.RequestServices.GetRequiredService<Limits>().ManagerBodyBytes;
            }

            await context.RequestServices.GetRequiredService<ChangeFeed>().LookAsync(context.RequestAborted);
            await next(context);
        });
    }

    /// <summary>Who calls the API, and the header that a write by cookie carries; once it is known which endpoint is called.</summary>
    /// <remarks>On the application itself and not on a branch: ASP.NET would add both once more before everything else, where no fault is told.</remarks>
    public static void UseManagerSignIn(this IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.UseWhen(IsApi, api =>
        {
            api.Use(api.ApplicationServices.GetRequiredService<CallerLimit>().CountAsync);
            api.Use(SignIn.RequireCsrfHeaderAsync);
            api.Use(SignIn.RequireRouteAsync);
        });
        app.UseAuthorization();
        app.UseWhen(IsApi, api =>
        {
            api.Use(QueryParameters.RefuseUnknownAsync);
            api.Use(HeldAnswers.HoldAsync);
            api.Use(AuditTrail.WriteDownAsync);
        });
    }

    /// <summary>Every request has an id, which the answer, its problem, the log and the audit log name.</summary>
    private static Task NameAsync(HttpContext http, RequestDelegate next)
    {
        http.TraceIdentifier = Guid.NewGuid().ToString("N");
        http.Response.Headers["X-Request-Id"] = http.TraceIdentifier;
        return next(http);
    }

    private static bool IsApi(HttpContext context) => context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase);

    /// <summary>What answers when no endpoint does. An agent may have lost its way here: its <c>error</c> keeps the agent's logs.</summary>
    private static Task NotFoundAsync(HttpContext context)
    {
        var detail = $"There is nothing at {context.Request.Path}.";
        return Problem.WriteAsync(context, new(404, "not-found", "Not found", detail) { Error = detail });
    }
}

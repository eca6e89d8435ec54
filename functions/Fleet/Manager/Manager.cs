using Fleet.Kernel;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Template;

namespace Fleet.Manager;

/// <summary>The REST API for people and scripts, under <c>/api</c>.</summary>
internal static class ManagerApi
{
    private static readonly PathString[] s_ours = ["/api", "/device", "/enroll-link"];

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
        api.MapSchema();
        api.MapTags();
        api.MapResults();
        api.MapStats();
        api.MapEnrollSecrets();
        api.MapCampaigns();
        api.MapCampaignAnswers();
        api.MapCampaignSchedules();
        api.MapRules();
        api.MapBackTest();
        api.MapRuleImport();
        api.MapAlerts();
        api.MapDeadLetters();
        api.MapAlerters();
        api.MapMutes();
        api.MapExtensionTables();
        api.MapEnrollRefusals();
        api.MapSinks();
        api.MapHealthReport();
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
            api.Use(HeldAnswers.HoldAsync);
            api.Use(AuditTrail.WriteDownAsync);
            api.Use(SignIn.RequireCsrfHeaderAsync);
            api.Use(SignIn.RequireRouteAsync);
        });
        app.UseAuthorization();
        app.UseWhen(IsApi, api => api.Use(QueryParameters.RefuseUnknownAsync));
    }

    /// <summary>Every request has an id, which the answer, its problem, the log and the audit log name.</summary>
    private static Task NameAsync(HttpContext http, RequestDelegate next)
    {
        http.TraceIdentifier = Guid.NewGuid().ToString("N");
        http.Response.Headers["X-Request-Id"] = http.TraceIdentifier;
        return next(http);
    }

    /// <summary>The API, and the links that are handed out.</summary>
    private static bool IsApi(HttpContext context) => s_ours.Any(path => context.Request.Path.StartsWithSegments(path, StringComparison.OrdinalIgnoreCase));

    /// <summary>What answers when no endpoint does. An agent may have lost its way here: its <c>error</c> keeps the agent's logs.</summary>
    private static Task NotFoundAsync(HttpContext context)
    {
        var methods = context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<Documented>() is not null && new TemplateMatcher(new(endpoint.RoutePattern), []).TryMatch(context.Request.Path, []))
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods).Distinct().Order(StringComparer.Ordinal).ToList();
        if (methods.Count > 0 && !methods.Contains(context.Request.Method))
        {
            context.Response.Headers.Allow = string.Join(", ", methods);
            return Problem.WriteAsync(context, new(405, "method", "Method not allowed", $"{context.Request.Path} takes {string.Join(", ", methods)}, not {context.Request.Method}.") { Error = "method not allowed" });
        }

        // Only its kind of body was wrong: no endpoint is found then.
        if (methods.Contains(context.Request.Method)) return Problem.WriteAsync(context, Problem.MediaType(context));

        var detail = $"There is nothing at {context.Request.Path}.";
        return Problem.WriteAsync(context, new(404, "not-found", "Not found", detail) { Error = detail });
    }
}

using Fleet.Agents;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Fleet.Functions;

/// <summary>Stands before the worker's own pipeline, which leaves a request without an answer when its invocation does not come in time.</summary>
internal sealed class NeverEmpty(ILogger<NeverEmpty> log) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(GuardAsync);
        next(app);
    };

    private async Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path;
        try
        {
            await next(context);
        }
        catch (Exception fault)
        {
            log.LogError(fault, "{Path} failed before it reached the program", path);
            await AgentEndpoint.FailAsync(context);
        }
    }
}

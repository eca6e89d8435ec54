using Fleet.Bus;
using Fleet.Bus.Azure;
using Fleet.Upkeep;
using Microsoft.AspNetCore.Http.Features;

namespace Fleet.Hosting;

/// <summary>What the Functions host calls when a message arrived or a timer rang: <c>POST /NAME</c>, with the names of the function.json files.</summary>
/// <remarks>The host's other functions take HTTP from outside, and a path with <c>..</c> in it could be led here. So only the host's own way of
/// asking is answered: the plain path, and <c>Host: 127.0.0.1:PORT</c>. A forged call would do no harm: a message only names rows.</remarks>
internal static class Triggers
{
    private const string UpkeepTrigger = "Upkeep";

    /// <summary>Which function reads which queue.</summary>
    public static IReadOnlyDictionary<string, string> Queues { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["EvaluateRules"] = Addresses.Rules,
        ["ForwardResults"] = Addresses.Sinks,
        ["SendAlerts"] = Addresses.Alerts,
    };

    /// <summary>Answers trigger calls before anything else sees them.</summary>
    /// <param name="app">The server.</param>
    /// <param name="port">The host's port for its handler.</param>
    public static void UseTriggers(this WebApplication app, int port)
    {
        var own = FormattableString.Invariant($"127.0.0.1:{port}");
        app.Use(next => context =>
        {
            var name = context.Request.Path.Value is ['/', .. var path] ? path : "";
            var isTrigger = HttpMethods.IsPost(context.Request.Method) && (name == UpkeepTrigger || Queues.ContainsKey(name));
            var isOwn = context.Request.Host.Value == own && context.Features.Get<IHttpRequestFeature>()!.RawTarget == "/" + name;
            return isTrigger && isOwn ? AnswerAsync(context, name) : next(context);
        });
    }

    private static async Task AnswerAsync(HttpContext context, string name)
    {
        var services = context.RequestServices;
        try
        {
            if (name == UpkeepTrigger) await TickAsync(services);
            else await HandleAsync(services, Queues[name], await TriggerEnvelope.ReadAsync(context.Request.Body, context.RequestAborted));
        }
        catch (Exception fault)
        {
            // The host abandons the messages, and delivers them again.
            services.GetRequiredService<ILogger<TriggerEnvelope>>().LogError(fault, "{Trigger} failed", name);
            context.Response.StatusCode = 500;
        }

        // Never empty: an empty 200 would hang the host until its time-out.
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync("{}", CancellationToken.None);
    }

    /// <summary>Some of what it begins goes on when it is answered: as long as the program runs.</summary>
    private static async Task TickAsync(IServiceProvider services)
    {
        var ct = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        await services.GetRequiredService<FirstStart>().EnsureAsync(ct);
        await services.GetRequiredService<Chores>().RunDueAsync(ct);
    }

    private static async Task HandleAsync(IServiceProvider services, string queue, IReadOnlyList<BusMessage> messages)
    {
        var bus = services.GetRequiredService<ServiceBus>();
        var subscriber = services.GetServices<ISubscriber>().Single(subscriber => subscriber.Queue == queue);
        await Task.WhenAll(messages.Select(message => bus.HandleAsync(subscriber, message, CancellationToken.None).AsTask()));
    }
}

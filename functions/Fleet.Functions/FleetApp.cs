using Azure.Messaging.ServiceBus;
using Fleet.Agents;
using Fleet.Bus;
using Fleet.Bus.Azure;
using Fleet.Hosting;
using Fleet.Upkeep;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Features.Authentication;

namespace Fleet.Functions;

/// <summary>Fleet's server inside the worker, and all that functions ask of it.</summary>
public sealed class FleetApp(ILogger<FleetApp> log) : IHostedService, IAsyncDisposable
{
    /// <summary>Under the host's functionTimeout, and under the time for which it renews a message's lock.</summary>
    private static readonly TimeSpan s_hold = TimeSpan.FromMinutes(4);

    private readonly WorkerServer _server = new();
    private readonly TaskCompletionSource<WebApplication?> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins, while the worker's own parts start; who asks something waits.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await ((Task)_started.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_started.Task is { IsCompletedSuccessfully: true, Result: { } app }) await app.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_started.Task is { IsCompletedSuccessfully: true, Result: { } app }) await app.DisposeAsync();
    }

    /// <summary>Answers a request as the program would. Never throws, and never leaves a request without an answer: the host's own would be empty, which agents take for success.</summary>
    public async Task AnswerAsync(HttpRequest request)
    {
        var (context, path) = (request.HttpContext, request.Path);
        try
        {
            // The host hands over the first request as soon as the worker knows its functions.
            if (await _started.Task is not null) await ProcessAsync(context.Features);
            else await AgentEndpoint.RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "the server's settings are wrong: see its log");
        }
        catch (Exception fault)
        {
            log.LogError(fault, "{Path} failed", path);
            await AgentEndpoint.FailAsync(context);
        }
    }

    /// <summary>Hands a message to its subscriber; an exception has it delivered again.</summary>
    internal async Task HandleAsync(string queue, ServiceBusReceivedMessage message)
    {
        var services = await ServicesAsync();
        var subscriber = services.GetServices<ISubscriber>().Single(subscriber => subscriber.Queue == queue);
        await services.GetRequiredService<Bus.Azure.ServiceBus>().HandleAsync(subscriber, BusMessage.Of(message), CancellationToken.None);
    }

    /// <summary>Does what is due. Some of what it begins goes on when the function is over: as long as the worker runs.</summary>
    internal async Task RunDueAsync()
    {
        var services = await ServicesAsync();
        var ct = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        await services.GetRequiredService<FirstStart>().EnsureAsync(ct);
        await services.GetRequiredService<Chores>().RunDueAsync(ct);
    }

    /// <summary>A program that ended would be started again and again, and the host would answer agents with nothing meanwhile.</summary>
    private async Task RunAsync()
    {
        try
        {
            var app = await Server.BuildAsync(new Dictionary<string, string?>(), CancellationToken.None, _server);
            await app.StartAsync();
            DisabledFunctions.Warn(app.Configuration, log);
            _started.SetResult(app);
        }
        catch (SettingsException fault)
        {
            log.LogCritical("Fleet's settings are wrong, and every request is refused until they are mended:\n{Faults}", fault.Message);
            _started.SetResult(null);
        }
        catch (Exception fault)
        {
            log.LogCritical(fault, "Fleet did not start");
            _started.SetException(fault);
        }
    }

    private async Task<IServiceProvider> ServicesAsync()
    {
        if (await _started.Task is { } app) return app.Services;

        // Failing at once, a message would be delivered again at once, and be a dead letter within seconds.
        await Task.Delay(s_hold);
        throw new InvalidOperationException("The server's settings are wrong.");
    }

    /// <summary>What the worker's own pipeline left on the request is set aside: its services, its route, its user.</summary>
    private async Task ProcessAsync(IFeatureCollection features)
    {
        var (services, endpoint, route, user) = (features.Get<IServiceProvidersFeature>(), features.Get<IEndpointFeature>(), features.Get<IRouteValuesFeature>(), features.Get<IHttpAuthenticationFeature>());
        features.Set<IServiceProvidersFeature>(null);
        features.Set<IEndpointFeature>(null);
        features.Set<IRouteValuesFeature>(null);
        features.Set<IHttpAuthenticationFeature>(null);
        try
        {
            await _server.ProcessAsync(features);
        }
        finally
        {
            features.Set(services);
            features.Set(endpoint);
            features.Set(route);
            features.Set(user);
        }
    }
}

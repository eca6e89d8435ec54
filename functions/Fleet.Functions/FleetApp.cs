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

    private static readonly TimeSpan s_mostRest = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private volatile WorkerServer _server = new();
    private volatile bool _hasFailed;
    private readonly TaskCompletionSource<WebApplication?> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Begins, while the worker's own parts start; who asks something waits.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _ = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        if (_started.Task is { IsCompletedSuccessfully: true, Result: { } app }) await app.StopAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_started.Task is { IsCompletedSuccessfully: true, Result: { } app }) await app.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>Answers a request as the program would. Never throws, and never leaves a request without an answer: the host's own would be empty, which agents take for success.</summary>
    public async Task AnswerAsync(HttpRequest request)
    {
        var (context, path) = (request.HttpContext, request.Path);
        try
        {
            // The host hands over the first request as soon as the worker knows its functions.
            if (_hasFailed && !_started.Task.IsCompleted) await AgentEndpoint.RefuseAsync(context, StatusCodes.Status503ServiceUnavailable, "the server has not started: see its log");
            else if (await _started.Task is not null) await ProcessAsync(context.Features);
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

    /// <summary>Tries until it succeeds. A program that ended would be started again and again, and the host would answer agents with nothing meanwhile.</summary>
    private async Task RunAsync()
    {
        for (var rest = TimeSpan.FromSeconds(1); !_stop.IsCancellationRequested; rest = rest * 2 < s_mostRest ? rest * 2 : s_mostRest)
        {
            try
            {
                _started.SetResult(await StartAppAsync());
                return;
            }
            catch (SettingsException fault)
            {
                log.LogCritical("Fleet's settings are wrong, and every request is refused until they are mended:\n{Faults}", fault.Message);
                _started.SetResult(null);
                return;
            }
            catch (Exception fault)
            {
                log.LogCritical(fault, "Fleet did not start, and tries again in {Rest}", rest);
                _hasFailed = true;
                await Task.Delay(rest, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<WebApplication> StartAppAsync()
    {
        var server = new WorkerServer();
        var app = await Server.BuildAsync(new Dictionary<string, string?>(), _stop.Token, server);
        try
        {
            await app.StartAsync(_stop.Token);
            DisabledFunctions.Warn(app.Configuration, log);
            _server = server;
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
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

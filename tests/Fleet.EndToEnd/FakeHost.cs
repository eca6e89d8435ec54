using Azure.Messaging.ServiceBus;
using Fleet.EndToEnd.Rpc;
using Fleet.Shared;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.EndToEnd;

/// <summary>Plays the Azure Functions host, with App Service's front end before it, from a published folder alone: hands HTTP, messages and timers to the isolated worker, and keeps it running.</summary>
/// <remarks>After azure-functions-host 4.1037 as it was measured, its empty answers included. Timers ring several times a second here.</remarks>
internal sealed class FakeHost : IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(300);

    private readonly IReadOnlyList<HostedFunction> _functions;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly FakeServiceBus? _bus;
    private readonly HttpRelay _relay;
    private readonly CancellationTokenSource _stop = new();
    private FakeService? _service;
    private Task _background = Task.CompletedTask;

    private FakeHost(IReadOnlyList<HostedFunction> functions, IReadOnlyDictionary<string, string> settings, WorkerProcess worker, FakeServiceBus? bus)
    {
        (_functions, _settings, Worker, _bus) = (functions, settings, worker, bus);
        _relay = new(worker, settings);
    }

    public Uri Url => _service!.Url;

    public WorkerProcess Worker { get; }

    /// <summary>Messages and ticks whose function failed.</summary>
    public int Failures { get; private set; }

    /// <summary><c>clientCertEnabled</c>, which goes with the program's own setting.</summary>
    private bool AsksForCertificates => _settings.ContainsKey("Fleet__Certificates__Authorities");

    /// <param name="folder">What was published.</param>
    /// <param name="settings">The app settings: also the worker's environment.</param>
    /// <param name="bus">Where service bus triggers listen; null for no messages and timers.</param>
    /// <param name="print">Takes what the worker prints.</param>
    public static async Task<FakeHost> StartAsync(string folder, IReadOnlyDictionary<string, string> settings, FakeServiceBus? bus, Action<string?> print)
    {
        var functions = HostedFunction.ReadAll(folder, settings);
        var host = new FakeHost(functions, settings, await WorkerProcess.StartAsync(folder, settings, print), bus);
        host._service = await FakeService.StartAsync(secure: true, host.Map, host.AsksForCertificates);
        host._background = Task.WhenAll(functions.Where(function => !function.IsHttp && bus is not null).Select(host.RunAsync));
        return host;
    }

    /// <summary>Host and worker vanish at once, as instances do.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _service!.AbortAsync();
        await Worker.DisposeAsync();
        await _background;
        await _service!.DisposeAsync();
        _relay.Dispose();
        _stop.Dispose();
    }

    private void Map(WebApplication app)
    {
        foreach (var function in _functions.Where(function => function.IsHttp)) app.MapMethods(function.Route!, function.Methods, context => _relay.AnswerAsync(context, function));

        // No function takes it: the host's answer is empty, whatever the route.
        app.UseStatusCodePages(context =>
        {
            if (context.HttpContext.Response.StatusCode == 405 && context.HttpContext.GetEndpoint()?.DisplayName?.StartsWith("405", StringComparison.Ordinal) == true) context.HttpContext.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
    }

    private Task RunAsync(HostedFunction function) => function.Entity is { } entity ? PumpAsync(function, entity) : TickAsync(function);

    private async Task PumpAsync(HostedFunction function, string entity)
    {
        using var room = new SemaphoreSlim(16);
        while (!_stop.IsCancellationRequested)
        {
            await room.WaitAsync(CancellationToken.None);
            if (_bus!.Take(entity) is { } message)
            {
                _ = DeliverAsync(function, entity, message, room);
            }
            else
            {
                room.Release();
                await _bus!.WaitAsync(TimeSpan.FromMilliseconds(50), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        for (var i = 0; i < 16; i++) await room.WaitAsync(CancellationToken.None);
    }

    private async Task DeliverAsync(HostedFunction function, string entity, FakeMessage message, SemaphoreSlim room)
    {
        try
        {
            var start = Worker.Starts;
            if (await InvokeAsync(function, new() { ModelBindingData = DataOf(message) })) _bus!.Complete(entity, message);
            else if (Worker.IsRunning && Worker.Starts == start) _bus!.Abandon(entity, message);

            // A worker that died lets go of nothing: the lock ends by itself.
        }
        finally
        {
            room.Release();
        }
    }

    private async Task TickAsync(HostedFunction function)
    {
        var tick = new TypedData { Json = """{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}""" };
        while (!_stop.IsCancellationRequested)
        {
            await InvokeAsync(function, tick);
            await Task.Delay(s_tick, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> InvokeAsync(HostedFunction function, TypedData data)
    {
        try
        {
            var channel = await Worker.Ready;
            var id = (await channel.Ready).Single(loaded => loaded.Name == function.Name).FunctionId;
            var succeeded = await channel.InvokeAsync(id, Guid.NewGuid().ToString(), function.Parameter, data);
            if (!succeeded) Failures++;
            return succeeded;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>As the host's extension hands it over: the lock's token, and the message as AMQP encodes it.</summary>
    private static ModelBindingData DataOf(FakeMessage message)
    {
        var token = message.LockToken;
        var received = ServiceBusModelFactory.ServiceBusReceivedMessage(
            body: BinaryData.FromString(message.Body), messageId: message.Id, properties: message.Properties.ToDictionary(),
            lockTokenGuid: token, deliveryCount: message.Deliveries, sequenceNumber: message.Sequence);
        return new()
        {
            Version = "1.0",
            Source = "AzureServiceBusReceivedMessage",
            ContentType = "application/octet-stream",
            Content = ByteString.CopyFrom([.. token.ToByteArray(), .. received.GetRawAmqpMessage().ToBytes().ToArray()]),
        };
    }
}

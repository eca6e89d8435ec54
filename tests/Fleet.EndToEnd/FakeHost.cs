using System.Text.Json.Nodes;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.EndToEnd;

/// <summary>Plays the Azure Functions host from a published folder alone: routes HTTP, hands over messages, ticks timers, and keeps the handler running.</summary>
/// <remarks>After azure-functions-host with <c>enableProxyingHttpRequest</c>. Timers ring several times a second here.</remarks>
internal sealed class FakeHost : IAsyncDisposable
{
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(300);

    private readonly IReadOnlyList<HostedFunction> _functions;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly HandlerProcess _handler;
    private readonly FakeServiceBus _bus;
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, AutomaticDecompression = System.Net.DecompressionMethods.None });
    private FakeService? _service;
    private Task _background = Task.CompletedTask;

    private FakeHost(IReadOnlyList<HostedFunction> functions, IReadOnlyDictionary<string, string> settings, HandlerProcess handler, FakeServiceBus bus) =>
        (_functions, _settings, _handler, _bus) = (functions, settings, handler, bus);

    public Uri Url => _service!.Url;

    public HandlerProcess Handler => _handler;

    public IReadOnlyList<HostedFunction> Functions => _functions;

    /// <summary><c>clientCertEnabled</c>, which goes with the program's own setting.</summary>
    private bool AsksForCertificates => _settings.ContainsKey("Fleet__Certificates__Authorities");

    /// <summary>Answers to trigger calls that would have hung or failed the invocation in other ways than a status.</summary>
    public List<string> BadAnswers { get; } = [];

    /// <param name="folder">What was published.</param>
    /// <param name="settings">The app settings: also the handler's environment.</param>
    /// <param name="bus">Where service bus triggers listen.</param>
    /// <param name="print">Takes what the handler prints.</param>
    public static async Task<FakeHost> StartAsync(string folder, IReadOnlyDictionary<string, string> settings, FakeServiceBus bus, Action<string?> print)
    {
        var host = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "host.json")))!;
        Assert.True((bool)host["customHandler"]!["enableProxyingHttpRequest"]!);
        var functions = HostedFunction.ReadAll(folder, settings);
        var handler = new HandlerProcess(folder, host["customHandler"]!["description"]!, settings, print);
        var fake = new FakeHost(functions, settings, handler, bus);
        await handler.StartAsync();
        fake._service = await FakeService.StartAsync(secure: true, fake.Map, fake.AsksForCertificates);
        fake._background = Task.WhenAll(functions.Where(function => !function.IsHttp).Select(fake.RunAsync));
        return fake;
    }

    /// <summary>Calls a trigger as the host does; whether it succeeded.</summary>
    public async Task<bool> InvokeAsync(string name, JsonObject data, JsonObject metadata)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_handler.Url, name))
        {
            Content = new StringContent(new JsonObject { ["Data"] = data, ["Metadata"] = metadata }.ToJsonString(), System.Text.Encoding.UTF8, "application/json"),
        };
        Stamp(request);
        try
        {
            using var response = await _http.SendAsync(request, _stop.Token);
            var text = await response.Content.ReadAsStringAsync(_stop.Token);
            var isJson = response.Content.Headers.ContentType?.MediaType == "application/json" && text.Length > 0 && JsonNode.Parse(text) is JsonObject;
            if (!isJson) lock (BadAnswers) BadAnswers.Add($"{name}: {(int)response.StatusCode} '{text}'");
            return response.IsSuccessStatusCode && isJson;
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _handler.DisposeAsync();
        await _background;
        await _service!.DisposeAsync();
        _http.Dispose();
        _stop.Dispose();
    }

    private void Map(WebApplication app)
    {
        foreach (var function in _functions.Where(function => function.IsHttp)) app.MapMethods(function.Route!, function.Methods, ForwardAsync);

        // No function takes it: the host's answer is empty.
        app.UseStatusCodePages(context =>
        {
            if (context.HttpContext.Response.StatusCode == 405 && context.HttpContext.GetEndpoint()?.DisplayName?.StartsWith("405", StringComparison.Ordinal) == true) context.HttpContext.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
    }

    /// <summary>Streams both ways; path, query, method and headers go as they came, <c>Host</c> among them.</summary>
    private async Task ForwardAsync(HttpContext context)
    {
        var incoming = context.Request;
        using var request = new HttpRequestMessage(new(incoming.Method), new Uri(_handler.Url, incoming.Path.ToUriComponent() + incoming.QueryString.ToUriComponent()));
        if (incoming.ContentLength > 0 || incoming.Headers.ContainsKey("Transfer-Encoding")) request.Content = new StreamContent(incoming.Body);
        foreach (var (name, values) in incoming.Headers)
        {
            if (name is "Connection" or "Transfer-Encoding" or "Keep-Alive") continue;
            if (!request.Headers.TryAddWithoutValidation(name, values.AsEnumerable())) request.Content?.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        }

        Stamp(request);
        if (AsksForCertificates)
        {
            // The front end writes its own over whatever a client sent.
            request.Headers.Remove("X-ARR-ClientCert");
            if (context.Connection.ClientCertificate is { } certificate) request.Headers.Add("X-ARR-ClientCert", Convert.ToBase64String(certificate.RawData));
        }

        request.Headers.TryAddWithoutValidation("X-Forwarded-For", $"{context.Connection.RemoteIpAddress}:{context.Connection.RemotePort}");
        request.Headers.TryAddWithoutValidation("X-Forwarded-Proto", "https");
        try
        {
            using var response = await _http.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
            {
                if (name is not ("Transfer-Encoding" or "Connection")) context.Response.Headers[name] = values.ToArray();
            }

            await response.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            // What the front end shows for a host that failed; infra/README.md says how to see it for real.
            context.Response.StatusCode = 502;
            await context.Response.WriteAsync("<html><body>502 Bad Gateway</body></html>");
        }
    }

    private static void Stamp(HttpRequestMessage request)
    {
        var id = Guid.NewGuid().ToString();
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-HostVersion", "4.1044.0");
        request.Headers.TryAddWithoutValidation("X-Azure-Functions-InvocationId", id);
        request.Headers.TryAddWithoutValidation("x-ms-invocation-id", id);
    }

    private Task RunAsync(HostedFunction function) => function.Entity is { } entity ? PumpAsync(function, entity) : TickAsync(function);

    private async Task PumpAsync(HostedFunction function, string entity)
    {
        using var room = new SemaphoreSlim(16);
        while (!_stop.IsCancellationRequested)
        {
            await room.WaitAsync(CancellationToken.None);
            if (_bus.Take(entity) is { } message)
            {
                _ = DeliverAsync(function, entity, message, room);
            }
            else
            {
                room.Release();
                await _bus.WaitAsync(TimeSpan.FromMilliseconds(50), _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        for (var i = 0; i < 16; i++) await room.WaitAsync(CancellationToken.None);
    }

    /// <summary>Every value as the host encodes it: text and numbers once more as JSON, objects as they are.</summary>
    private async Task DeliverAsync(HostedFunction function, string entity, FakeMessage message, SemaphoreSlim room)
    {
        var metadata = new JsonObject
        {
            ["MessageId"] = Twice(message.Id),
            ["SequenceNumber"] = message.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["DeliveryCount"] = message.Deliveries.ToString(System.Globalization.CultureInfo.InvariantCulture),
            ["EnqueuedTimeUtc"] = message.DueAt.ToString("yyyy-MM-ddTHH:mm:ss", System.Globalization.CultureInfo.InvariantCulture),
            ["LockToken"] = Twice(message.LockToken),
            ["ApplicationProperties"] = message.Properties.DeepClone(),
            ["sys"] = new JsonObject { ["MethodName"] = function.Name, ["UtcNow"] = DateTime.UtcNow, ["RandGuid"] = Guid.NewGuid() },
        };
        await _handler.Ready;
        var start = _handler.Starts;
        if (await InvokeAsync(function.Name, new JsonObject { [function.Binding] = Twice(message.Body) }, metadata)) _bus.Complete(entity, message);
        else if (_handler.IsRunning && _handler.Starts == start) _bus.Abandon(entity, message);

        // A handler that died lets go of nothing: the lock ends by itself.
        room.Release();
    }

    private async Task TickAsync(HostedFunction function)
    {
        while (!_stop.IsCancellationRequested)
        {
            await _handler.Ready;
            await InvokeAsync(function.Name, new JsonObject { [function.Binding] = new JsonObject { ["Schedule"] = new JsonObject { ["AdjustForDST"] = true }, ["ScheduleStatus"] = null, ["IsPastDue"] = false } }, []);
            await Task.Delay(s_tick, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static string Twice(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}

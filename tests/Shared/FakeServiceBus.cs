using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.Shared;

/// <summary>A message in a queue or subscription.</summary>
internal sealed class FakeMessage(long sequence, string id, string body, JsonObject properties, DateTimeOffset dueAt)
{
    public long Sequence => sequence;

    public string Id => id;

    public string Body => body;

    public JsonObject Properties => properties;

    public DateTimeOffset DueAt => dueAt;

    public int Deliveries { get; set; }

    public DateTimeOffset LockedUntil { get; set; }

    public string LockToken { get; set; } = "";

    public string? DeadReason { get; set; }
}

/// <summary>A Service Bus namespace with Fleet's entities: the documented REST API for senders, and what the Functions host does by AMQP as methods.</summary>
internal sealed class FakeServiceBus : IAsyncDisposable
{
    public const string KeyName = "RootManageSharedAccessKey";
    public const string Key = "not-a-secret";
    private const int MostDeliveries = 10;
    private const int MostBytes = 256 << 10;
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(10);
    private const string Dead = "/$DeadLetterQueue";

    private static readonly string[] s_entities = ["alerts", "results/subscriptions/rules", "results/subscriptions/sinks"];
    private readonly Dictionary<string, List<FakeMessage>> _queues = s_entities.SelectMany(name => new[] { name, name + Dead }).ToDictionary(name => name, _ => new List<FakeMessage>());
    private readonly Dictionary<string, DateTimeOffset> _seen = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private FakeService? _service;
    private long _sequence;

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public TimeSpan LockTime { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Requests to send, ever.</summary>
    public int Sends { get; private set; }

    public string Host => _service!.Url.Authority;

    public string ConnectionString => $"Endpoint=sb://{Host}/;SharedAccessKeyName={KeyName};SharedAccessKey={Key};UseDevelopmentEmulator=true";

    /// <summary>While it is true the namespace answers 503.</summary>
    public bool IsDown { get; set; }

    public static async Task<FakeServiceBus> StartAsync(bool secure, TimeProvider? clock = null, TimeSpan? lockTime = null)
    {
        var bus = new FakeServiceBus { Clock = clock ?? TimeProvider.System, LockTime = lockTime ?? TimeSpan.FromMinutes(1) };
        bus._service = await FakeService.StartAsync(secure, app =>
        {
            app.Use(bus.CheckAsync);
            app.Use(next => context => bus.AnswerAsync(context));
        });
        return bus;
    }

    /// <summary>Sends as some other program would.</summary>
    public async Task SendAsync(string entity, string body)
    {
        var context = new DefaultHttpContext();
        context.Request.ContentType = "application/vnd.microsoft.servicebus.json";
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(new JsonArray(new JsonObject { ["Body"] = body }).ToJsonString()));
        await SendAsync(context.Request, entity);
    }

    /// <summary>What is due, locked for whoever asks; null if there is nothing.</summary>
    public FakeMessage? Take(string entity)
    {
        lock (_lock)
        {
            var now = Clock.GetUtcNow();
            Bury(entity, now);
            var message = _queues[entity].Find(message => message.DueAt <= now && message.LockedUntil <= now);
            if (message is null) return null;
            message.Deliveries++;
            message.LockedUntil = now + LockTime;
            message.LockToken = Guid.NewGuid().ToString();
            return message;
        }
    }

    public void Complete(string entity, FakeMessage message)
    {
        lock (_lock) _queues[entity].Remove(message);
    }

    /// <summary>Lets it go: it is delivered again at once, or given up after ten deliveries.</summary>
    public void Abandon(string entity, FakeMessage message)
    {
        lock (_lock)
        {
            message.LockedUntil = default;
            Bury(entity, Clock.GetUtcNow());
        }
    }

    public int CountOf(string entity)
    {
        lock (_lock) return _queues[entity].Count;
    }

    public IReadOnlyList<FakeMessage> MessagesOf(string entity)
    {
        lock (_lock) return [.. _queues[entity]];
    }

    /// <summary>Returns when something arrived, or after a while.</summary>
    public Task WaitAsync(TimeSpan most, CancellationToken ct) => _arrived.WaitAsync(most, ct);

    public ValueTask DisposeAsync() => _service!.DisposeAsync();

    private void Bury(string entity, DateTimeOffset now)
    {
        if (entity.EndsWith(Dead, StringComparison.Ordinal)) return;
        foreach (var message in _queues[entity].Where(message => message.Deliveries >= MostDeliveries && message.LockedUntil <= now).ToList())
        {
            _queues[entity].Remove(message);
            message.DeadReason = "MaxDeliveryCountExceeded";
            message.LockedUntil = default;
            _queues[entity + Dead].Add(message);
        }
    }

    private Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        if (!IsDown && IsAllowed(context.Request)) return next(context);
        context.Response.StatusCode = IsDown ? 503 : 401;
        return Task.CompletedTask;
    }

    private bool IsAllowed(HttpRequest request)
    {
        if (request.IsHttps && FakeIdentity.AudienceOf(request) == "https://servicebus.azure.net") return true;
        const string Scheme = "SharedAccessSignature ";
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.Ordinal)) return false;
        var parts = header[Scheme.Length..].Split('&').Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1]);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Key), Encoding.UTF8.GetBytes($"{parts["sr"]}\n{parts["se"]}")));
        return parts["skn"] == KeyName && WebUtility.UrlDecode(parts["sig"]) == signature && long.Parse(parts["se"], CultureInfo.InvariantCulture) > Clock.GetUtcNow().ToUnixTimeSeconds()
            && WebUtility.UrlDecode(parts["sr"]).Contains(request.Host.Value!, StringComparison.OrdinalIgnoreCase);
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        var path = Uri.UnescapeDataString(request.Path.Value!.TrimStart('/'));
        var status = (request.Method, path) switch
        {
            ("POST", _) when path.EndsWith("/messages/head", StringComparison.Ordinal) => await LockAsync(context, path[..^"/messages/head".Length]),
            ("POST", _) when path.EndsWith("/messages", StringComparison.Ordinal) => await SendAsync(request, path[..^"/messages".Length]),
            ("DELETE" or "PUT" or "POST", _) when path.Split("/messages/") is [var entity, var key] => Settle(entity, key, request.Method),
            _ => 400,
        };
        if (!context.Response.HasStarted) context.Response.StatusCode = status;
    }

    private async Task<int> SendAsync(HttpRequest request, string entity)
    {
        var queues = entity == "results" ? ["results/subscriptions/rules", "results/subscriptions/sinks"] : s_entities.Where(name => name == entity).ToArray();
        if (queues.Length == 0) return 410;

        // With a charset behind it the array would be one message's body.
        if (request.ContentType != "application/vnd.microsoft.servicebus.json") return 400;
        using var reader = new StreamReader(request.Body);
        var sent = await reader.ReadToEndAsync();
        if (sent.Length > MostBytes) return 403;
        lock (_lock)
        {
            Sends++;
            foreach (var item in JsonNode.Parse(sent)!.AsArray())
            {
                var broker = item!["BrokerProperties"] as JsonObject ?? [];
                var id = (string?)broker["MessageId"] ?? Guid.NewGuid().ToString();
                if (_seen.TryGetValue($"{entity}/{id}", out var at) && Clock.GetUtcNow() - at < s_window) continue;
                _seen[$"{entity}/{id}"] = Clock.GetUtcNow();
                var due = (string?)broker["ScheduledEnqueueTimeUtc"] is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture) : Clock.GetUtcNow();
                foreach (var queue in queues) _queues[queue].Add(new(++_sequence, id, (string)item["Body"]!, (JsonObject)(item["UserProperties"] as JsonObject ?? []).DeepClone(), due));
            }
        }

        _arrived.Release();
        return 201;
    }

    private async Task<int> LockAsync(HttpContext context, string entity)
    {
        if (!_queues.ContainsKey(entity)) return 404;
        var until = DateTime.UtcNow.AddSeconds(Math.Min(int.Parse(context.Request.Query["timeout"].FirstOrDefault() ?? "60", CultureInfo.InvariantCulture), entity.EndsWith(Dead, StringComparison.Ordinal) ? 0 : 60));
        FakeMessage? message;
        while ((message = Take(entity)) is null && DateTime.UtcNow < until) await WaitAsync(TimeSpan.FromMilliseconds(100), context.RequestAborted);
        if (message is null) return 204;
        var response = context.Response;
        response.StatusCode = 201;
        response.Headers.Location = new Uri(_service!.Url, $"/{entity}/messages/{message.Sequence}/{message.LockToken}").ToString();
        response.Headers["BrokerProperties"] = new JsonObject
        {
            ["MessageId"] = message.Id,
            ["LockToken"] = message.LockToken,
            ["SequenceNumber"] = message.Sequence,
            ["DeliveryCount"] = message.Deliveries,
            ["EnqueuedTimeUtc"] = message.DueAt.ToString("R", CultureInfo.InvariantCulture),
        }.ToJsonString();
        foreach (var (name, value) in message.Properties) response.Headers[name] = value!.ToJsonString();
        if (message.DeadReason is { } reason) response.Headers["DeadLetterReason"] = $"\"{reason}\"";
        await response.WriteAsync(message.Body);
        return 201;
    }

    private int Settle(string entity, string key, string method)
    {
        lock (_lock)
        {
            if (!_queues.TryGetValue(entity, out var queue) || queue.Find(message => $"{message.Sequence}/{message.LockToken}" == key) is not { } message) return 404;
            if (method == "DELETE") queue.Remove(message);
            else message.LockedUntil = method == "PUT" ? default : Clock.GetUtcNow() + LockTime;
            return 200;
        }
    }
}

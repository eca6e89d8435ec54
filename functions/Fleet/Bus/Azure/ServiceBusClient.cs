using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Fleet.Storage.Azure;

namespace Fleet.Bus.Azure;

/// <summary>A message that is locked, until it is completed or let go.</summary>
/// <param name="Lock">Its address while it is locked.</param>
/// <param name="Message">What was sent.</param>
/// <param name="DeliveryCount">How often Service Bus has handed it out.</param>
/// <param name="Reason">Why it is a dead letter.</param>
internal sealed record LockedMessage(Uri Lock, BusMessage Message, long SequenceNumber, int DeliveryCount, DateTimeOffset EnqueuedAt, string Reason);

/// <summary>A Service Bus namespace by its REST API: sends, locks, settles.</summary>
/// <remarks>Needs the role Data Sender and Data Receiver. Source: "Service Bus REST API".</remarks>
internal sealed class ServiceBusClient
{
    private const string Scope = "https://servicebus.azure.net/.default";

    private readonly Uri _root;
    private readonly HttpPipeline _pipeline;

    private ServiceBusClient(Uri root, HttpPipelinePolicy authentication, HttpPipelineTransport? transport) =>
        (_root, _pipeline) = (root, AzurePipeline.Build(authentication, transport));

    /// <param name="host">Such as <c>NAME.servicebus.windows.net</c>.</param>
    /// <param name="credential">Who asks.</param>
    /// <param name="transport">What sends; null for the usual one.</param>
    public static ServiceBusClient Of(string host, TokenCredential credential, HttpPipelineTransport? transport = null) =>
        new(new($"https://{host}/"), new BearerTokenAuthenticationPolicy(credential, Scope), transport);

    /// <summary>By a connection string with a key. <c>UseDevelopmentEmulator=true</c> speaks plain HTTP.</summary>
    /// <exception cref="FormatException">What is missing.</exception>
    public static ServiceBusClient Parse(string connectionString, TimeProvider clock, HttpPipelineTransport? transport = null)
    {
        var parts = ConnectionString.Parse(connectionString);
        if (!parts.TryGetValue("Endpoint", out var endpoint) || !Uri.TryCreate(endpoint, UriKind.Absolute, out var uri)) throw new FormatException("a Service Bus connection string holds Endpoint=sb://…");
        if (!parts.TryGetValue("SharedAccessKeyName", out var name) || !parts.TryGetValue("SharedAccessKey", out var key))
        {
            throw new FormatException("a Service Bus connection string holds SharedAccessKeyName and SharedAccessKey; to use an identity instead, set Bus__Namespace");
        }

        var scheme = parts.GetValueOrDefault("UseDevelopmentEmulator") is "true" ? "http" : "https";
        return new(new($"{scheme}://{uri.Authority}/"), new SharedAccess(name, key, clock), transport);
    }

    /// <summary>Sends one message; returns when Service Bus has it, which drops it if it saw the same within its duplicate detection window.</summary>
    /// <param name="entity">A queue or topic.</param>
    /// <param name="sent">The message.</param>
    /// <param name="dueAt">When it becomes visible; null for now.</param>
    /// <param name="ct">Stops before sending.</param>
    public async ValueTask SendAsync(string entity, BusMessage sent, DateTimeOffset? dueAt, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Post, $"{entity}/messages");

        // With a charset behind it, Service Bus takes the array for one message's body.
        message.Request.SetBody(WriteBatch(sent, sent.IdAt(entity), dueAt), "application/vnd.microsoft.servicebus.json");
        var response = await SendAsync(message, ct);
        if (response.Status != 201) throw Unexpected(response, entity);
    }

    /// <summary>Locks the next message; null if none came.</summary>
    /// <param name="entity">A queue, or <c>TOPIC/subscriptions/NAME</c>; with <c>/$DeadLetterQueue</c> behind it, what was given up there.</param>
    /// <param name="wait">How long to wait for one, in whole seconds.</param>
    /// <param name="ct">Stops the call.</param>
    public async ValueTask<LockedMessage?> LockAsync(string entity, TimeSpan wait, CancellationToken ct)
    {
        using var message = NewMessage(RequestMethod.Post, $"{entity}/messages/head");
        message.Request.Uri.AppendQuery("timeout", wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture));
        message.Request.Content = RequestContent.Create(ReadOnlyMemory<byte>.Empty);
        message.NetworkTimeout = wait + TimeSpan.FromSeconds(10);
        var response = await SendAsync(message, ct);
        if (response.Status == 204) return null;
        if (response.Status != 201) throw Unexpected(response, entity);

        using var broker = JsonDocument.Parse(response.Headers.TryGetValue("BrokerProperties", out var text) ? text : "{}");
        var properties = broker.RootElement;
        return new(
            new(response.Headers.TryGetValue("Location", out var location) ? location : ""),
            new(response.Content.ToString(), BusMessage.DeliveryOf(HeaderOf(response, BusMessage.DeliveryName)), HeaderOf(response, BusMessage.ChainName)),
            properties.TryGetProperty("SequenceNumber", out var number) ? number.GetInt64() : 0,
            properties.TryGetProperty("DeliveryCount", out var count) ? count.GetInt32() : 0,
            properties.TryGetProperty("EnqueuedTimeUtc", out var time) && DateTimeOffset.TryParse(time.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : default,
            ReasonOf(response));
    }

    /// <summary>Locks a locked message for another while.</summary>
    public ValueTask RenewAsync(LockedMessage locked, CancellationToken ct) => SettleAsync(RequestMethod.Post, locked, ct);

    /// <summary>Removes a locked message.</summary>
    public ValueTask CompleteAsync(LockedMessage locked, CancellationToken ct) => SettleAsync(RequestMethod.Delete, locked, ct);

    /// <summary>Lets a locked message go.</summary>
    public ValueTask UnlockAsync(LockedMessage locked, CancellationToken ct) => SettleAsync(RequestMethod.Put, locked, ct);

    private async ValueTask SettleAsync(RequestMethod method, LockedMessage locked, CancellationToken ct)
    {
        using var message = NewMessage(method, "");
        message.Request.Uri.Reset(locked.Lock);
        if (method != RequestMethod.Delete) message.Request.Content = RequestContent.Create(ReadOnlyMemory<byte>.Empty);
        var response = await SendAsync(message, ct);
        if (response.Status >= 300 && response.Status is not (404 or 410)) throw Unexpected(response, locked.Lock.AbsolutePath);
    }

    private static string HeaderOf(Response response, string name) => response.Headers.TryGetValue(name, out var value) ? value.Trim('"') : "";

    private static string ReasonOf(Response response)
    {
        var reason = response.Headers.TryGetValue("DeadLetterReason", out var name) ? name.Trim('"') : "given up";
        return response.Headers.TryGetValue("DeadLetterErrorDescription", out var more) ? $"{reason}: {more.Trim('"')}" : reason;
    }

    private static byte[] WriteBatch(BusMessage sent, string id, DateTimeOffset? dueAt)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("Body", sent.Body);
            json.WriteStartObject("BrokerProperties");
            json.WriteString("MessageId", id);
            if (dueAt is { } due) json.WriteString("ScheduledEnqueueTimeUtc", due.UtcDateTime.ToString("R", CultureInfo.InvariantCulture));
            json.WriteEndObject();
            json.WriteStartObject("UserProperties");
            json.WriteNumber(BusMessage.DeliveryName, sent.Delivery);
            json.WriteString(BusMessage.ChainName, sent.Chain);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
        }

        return bytes.ToArray();
    }

    private HttpMessage NewMessage(RequestMethod method, string path)
    {
        var message = _pipeline.CreateMessage();
        message.Request.Method = method;
        message.Request.Uri.Reset(new(_root, path));
        return message;
    }

    private ValueTask<Response> SendAsync(HttpMessage message, CancellationToken ct) => _pipeline.SendAsync(message, "Service Bus", ct);

    private static InvalidOperationException Unexpected(Response response, string entity) => new(FormattableString.Invariant(
        $"Service Bus refused a call to {entity} with {response.Status} {response.ReasonPhrase}{(response.Status is 404 or 410 ? "; does the entity exist?" : "")}"));

    /// <summary>A SAS token for the whole namespace, good for an hour, made anew for each request.</summary>
    private sealed class SharedAccess(string name, string key, TimeProvider clock) : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message)
        {
            var uri = message.Request.Uri.ToUri();
            var resource = WebUtility.UrlEncode($"sb://{uri.Authority}/").ToLowerInvariant();
            var expiry = clock.GetUtcNow().AddHours(1).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{resource}\n{expiry}")));
            message.Request.Headers.SetValue(
                "Authorization", $"SharedAccessSignature sr={resource}&sig={WebUtility.UrlEncode(signature)}&se={expiry}&skn={WebUtility.UrlEncode(name)}");
        }
    }
}

using System.Collections.Concurrent;
using Azure.Core;
using Azure.Messaging.ServiceBus;
using Fleet.Storage;
using Fleet.Storage.Azure;

namespace Fleet.Bus.Azure;

/// <summary>A Service Bus namespace. Nothing is asked of the network before the first message is sent or taken.</summary>
/// <remarks>Needs the roles Data Sender and Data Receiver.</remarks>
internal sealed class ServiceBusConnection : IAsyncDisposable
{
    private const string Service = "Service Bus";

    private readonly Lazy<ServiceBusClient> _client;
    private readonly ConcurrentDictionary<string, ServiceBusSender> _senders = new(StringComparer.Ordinal);

    private ServiceBusConnection(Func<ServiceBusClient> make) => _client = new(make);

    public ServiceBusClient Client => _client.Value;

    /// <param name="host">Such as <c>NAME.servicebus.windows.net</c>. With a port, that is where it is found.</param>
    /// <param name="credential">Who asks.</param>
    public static ServiceBusConnection Of(string host, TokenCredential credential) => new(() =>
    {
        var options = NewOptions();
        var uri = new Uri($"amqps://{host}/");
        if (!uri.IsDefaultPort && uri.Port > 0) options.CustomEndpointAddress = uri;
        return new(uri.Host, credential, options);
    });

    /// <summary>By a connection string with a key. <c>UseDevelopmentEmulator=true</c> does without TLS.</summary>
    /// <exception cref="FormatException">What is missing.</exception>
    public static ServiceBusConnection Parse(string connectionString)
    {
        ServiceBusConnectionStringProperties parts;
        try
        {
            parts = ServiceBusConnectionStringProperties.Parse(connectionString);
        }
        catch (Exception fault) when (fault is FormatException or ArgumentException)
        {
            throw new FormatException("a Service Bus connection string holds Endpoint=sb://…, SharedAccessKeyName and SharedAccessKey", fault);
        }

        if (parts is { SharedAccessKey: null or "", SharedAccessSignature: null or "" })
        {
            throw new FormatException("a Service Bus connection string holds SharedAccessKeyName and SharedAccessKey; to use an identity instead, set Bus__Namespace");
        }

        return new(() => new(connectionString, NewOptions()));
    }

    /// <summary>Sends one message; returns when Service Bus has it, which drops it if it saw the same within its duplicate detection window.</summary>
    /// <param name="entity">A queue or topic.</param>
    /// <param name="message">The message.</param>
    /// <param name="dueAt">When it becomes visible; null for now.</param>
    /// <param name="ct">Stops before sending.</param>
    public async ValueTask SendAsync(string entity, BusMessage message, DateTimeOffset? dueAt, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        try
        {
            await _senders.GetOrAdd(entity, Client.CreateSender).SendMessageAsync(message.To(entity, dueAt), ct);
        }
        catch (Exception fault) when (Unavailable(fault, entity, ct) is { } unavailable)
        {
            throw unavailable;
        }
    }

    /// <summary>The exception to throw where the namespace did not answer, after the client's own retries, or let nobody in; null for what it said of the request.</summary>
    public static StorageUnavailableException? Unavailable(Exception fault, string entity, CancellationToken ct) => fault switch
    {
        ServiceBusException { Reason: ServiceBusFailureReason.MessagingEntityNotFound or ServiceBusFailureReason.MessageSizeExceeded } => null,
        UnauthorizedAccessException refused => new($"{Service} refused {entity}{AzureFault.RefusalHint} {refused.Message}", refused),
        ServiceBusException or TimeoutException or System.Net.Sockets.SocketException => new($"{Service} does not answer for {entity}: {fault.Message}", fault),
        _ => AzureFault.Unavailable(fault, Service, entity, ct),
    };

    public async ValueTask DisposeAsync()
    {
        if (_client.IsValueCreated) await _client.Value.DisposeAsync();
    }

    /// <summary>The tries of one message fit into <see cref="Kernel.Limits.AnswerTime"/>.</summary>
    private static ServiceBusClientOptions NewOptions() => new()
    {
        RetryOptions = new()
        {
            MaxRetries = 2,
            Delay = TimeSpan.FromMilliseconds(200),
            MaxDelay = TimeSpan.FromSeconds(1),
            TryTimeout = TimeSpan.FromSeconds(3),
        },
    };
}

using Azure.Messaging.ServiceBus;
using Fleet.Kernel;

namespace Fleet.Bus.Azure;

/// <summary>What Service Bus itself gave up, after its own deliveries.</summary>
internal sealed class DeadLetterQueue(ServiceBusConnection connection)
{
    private const int Most = 100;
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(1);

    /// <summary>The dead letters of a queue, looked at without a lock.</summary>
    public async ValueTask<IEnumerable<DeadLetter>> ListAsync(string queue, CancellationToken ct)
    {
        try
        {
            await using var receiver = NewReceiver(queue);
            var messages = new List<ServiceBusReceivedMessage>();

            // A look may show less than there is; the next one goes on after it.
            while (messages.Count < Most && await receiver.PeekMessagesAsync(Most - messages.Count, cancellationToken: ct) is { Count: > 0 } more) messages.AddRange(more);
            return [.. messages.Select(message => new DeadLetter(IdOf(queue, message), queue, BusMessage.Of(message).Body, message.DeliveryCount, ReasonOf(message), message.EnqueuedTime))];
        }
        catch (Exception fault) when (ServiceBusConnection.Unavailable(fault, queue, ct) is { } unavailable)
        {
            throw unavailable;
        }
    }

    /// <summary>Does something with one, and then it is one no more. False if it is gone.</summary>
    /// <remarks>None can be taken by its number: they are locked one after another, and let go again.</remarks>
    public async ValueTask<bool> TakeAsync(string queue, string id, Func<string, ValueTask> then, CancellationToken ct)
    {
        try
        {
            await using var receiver = NewReceiver(queue);
            var held = new List<ServiceBusReceivedMessage>();
            try
            {
                while (held.Count < Most && await receiver.ReceiveMessageAsync(s_wait, ct) is { } message)
                {
                    if (IdOf(queue, message) == id)
                    {
                        await then(BusMessage.Of(message).Body);
                        await receiver.CompleteMessageAsync(message, ct);
                        return true;
                    }

                    held.Add(message);
                }

                return false;
            }
            finally
            {
                foreach (var message in held) await LetGoAsync(receiver, message);
            }
        }
        catch (Exception fault) when (ServiceBusConnection.Unavailable(fault, queue, ct) is { } unavailable)
        {
            throw unavailable;
        }
    }

    private static async Task LetGoAsync(ServiceBusReceiver receiver, ServiceBusReceivedMessage message)
    {
        try
        {
            await receiver.AbandonMessageAsync(message, cancellationToken: CancellationToken.None);
        }
        catch (ServiceBusException)
        {
            // Its lock ends by itself.
        }
    }

    private ServiceBusReceiver NewReceiver(string queue)
    {
        var options = new ServiceBusReceiverOptions { SubQueue = SubQueue.DeadLetter };
        return queue.Split('/') is [var topic, var subscription] ? connection.Client.CreateReceiver(topic, subscription, options) : connection.Client.CreateReceiver(queue, options);
    }

    private static string IdOf(string queue, ServiceBusReceivedMessage message) => FormattableString.Invariant($"{KeyText.Of(queue)}-{message.SequenceNumber}");

    private static string ReasonOf(ServiceBusReceivedMessage message) => (message.DeadLetterReason, message.DeadLetterErrorDescription) switch
    {
        (null, _) => "given up",
        (var reason, null) => reason,
        var (reason, more) => $"{reason}: {more}",
    };
}

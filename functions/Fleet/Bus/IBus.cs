using Fleet.Kernel;

namespace Fleet.Bus;

/// <summary>Sends messages. A message names rows, never holds data: what it means is read from the tables.</summary>
internal interface IBus
{
    /// <summary>Sends to a queue, or to every subscription of a topic; returns when the message cannot be lost any more.</summary>
    /// <param name="address">One of <see cref="Addresses"/>.</param>
    /// <param name="body">Keys as JSON, under 1 KB.</param>
    /// <param name="lane">Whose message it is: where many lanes have some waiting, they take turns. Service Bus has no such thing, and delivers in order.</param>
    /// <param name="ct">Stops before sending.</param>
    ValueTask PublishAsync(string address, string body, string lane, CancellationToken ct);
}

/// <summary>Where messages go. This is the whole list of topics, subscriptions and queues.</summary>
internal static class Addresses
{
    /// <summary>Topic: a batch holds lines that a rule or a sink wants.</summary>
    public const string Results = "results";

    /// <summary>Subscription of <see cref="Results"/>.</summary>
    public const string Rules = "results/rules";

    /// <summary>Subscription of <see cref="Results"/>.</summary>
    public const string Sinks = "results/sinks";

    /// <summary>Queue: an alert is to be sent by an alerter.</summary>
    public const string Alerts = "alerts";

    /// <summary>Everything that a subscriber reads from.</summary>
    public static IReadOnlyList<string> Queues { get; } = [Rules, Sinks, Alerts];

    /// <summary>Deliveries of one message before it becomes a dead letter.</summary>
    public static int DeliveriesOf(string queue, Limits limits) => queue == Alerts ? limits.AlertDeliveries : limits.Deliveries;

    /// <summary>The queues in which a message for this address waits.</summary>
    public static IReadOnlyList<string> QueuesOf(string address) => address switch
    {
        Results => [Rules, Sinks],
        Alerts => [Alerts],
        _ => throw new ArgumentException($"There is no topic or queue '{address}'.", nameof(address)),
    };
}

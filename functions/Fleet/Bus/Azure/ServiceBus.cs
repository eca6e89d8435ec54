using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Bus.Azure;

/// <summary>The bus on Service Bus. Messages arrive by the Functions host or by <see cref="ServiceBusPump"/>.</summary>
/// <remarks>A message's id follows from what it says, so duplicate detection drops a repeat that is sent while its first is under way.</remarks>
internal sealed class ServiceBus(ServiceBusConnection connection, DeadLetterTable dead, Limits limits, StageBoard stages, TimeProvider clock, ILogger<ServiceBus> log) : IBus, IDeadLetters
{
    /// <summary>The delivery whose wait holds in an outage: a message each quarter of a minute.</summary>
    private const int OutageDelivery = 4;

    private readonly DeadLetterQueue _given = new(connection);

    public ValueTask PublishAsync(string address, string body, string lane, CancellationToken ct) => connection.SendAsync(address, new(body), dueAt: null, ct);

    /// <summary>Hands a delivered message to its subscriber. Returns when it may be completed; an exception has it delivered again.</summary>
    /// <param name="subscriber">Whose queue it came from.</param>
    /// <param name="message">The message.</param>
    /// <param name="ct">Stops the work.</param>
    public async ValueTask HandleAsync(ISubscriber subscriber, BusMessage message, CancellationToken ct)
    {
        stages.Came(subscriber.Queue);
        var outcome = await TryAsync(subscriber, message, ct);
        if (outcome is not Outcome.Again) stages.Moved(subscriber.Queue);
        Telemetry.Messages.Add(1, new("queue", subscriber.Queue), new("outcome", outcome.Name));
        switch (outcome)
        {
            case Outcome.Dead given:
                await GiveUpAsync(subscriber.Queue, message with { Body = given.Body ?? message.Body }, given.Reason, ct);
                break;
            case Outcome.Again { IsTry: true } again when message.Delivery >= Addresses.DeliveriesOf(subscriber.Queue, limits):
                await GiveUpAsync(subscriber.Queue, message, again.Reason, ct);
                break;
            case Outcome.Again again:
                // The host cannot wait: a copy comes when it is due, and this one is done with.
                log.LogInformation("{Body} of {Queue} comes again in {Wait}: {Reason}", message.Body, subscriber.Queue, again.Wait, again.Reason);
                var copy = again.IsTry ? message with { Delivery = message.Delivery + 1 } : message with { Chain = Guid.NewGuid().ToString("N") };
                await connection.SendAsync(TopicOf(subscriber.Queue), copy, clock.GetUtcNow() + again.Wait, ct);
                break;
        }
    }

    /// <summary>While the store is down a message waits, and none of its deliveries is used up: an outage makes no dead letters.</summary>
    private async ValueTask<Outcome> TryAsync(ISubscriber subscriber, BusMessage message, CancellationToken ct)
    {
        try
        {
            return await subscriber.HandleAsync(message.Body, ct);
        }
        catch (Exception fault) when (MachineFault.Is(fault))
        {
            log.LogWarning(fault, "{Body} of {Queue} waits until the store or the machine works again", message.Body, subscriber.Queue);
            return new Outcome.Again(limits.BackOff(Math.Max(OutageDelivery, message.Delivery)), fault.Message, IsTry: false);
        }
    }

    public async ValueTask<IReadOnlyList<DeadLetter>> ListAsync(int take, CancellationToken ct)
    {
        var letters = new List<DeadLetter>(await dead.ListAsync(take, ct));
        foreach (var queue in Addresses.Queues) letters.AddRange(await _given.ListAsync(queue, ct));
        return [.. letters.OrderByDescending(letter => letter.DiedAt).Take(take)];
    }

    public ValueTask<bool> RetryAsync(string id, CancellationToken ct) => TakeAsync(id, (queue, body) => ResendAsync(queue, body, ct), ct);

    public ValueTask<bool> RemoveAsync(string id, CancellationToken ct) => TakeAsync(id, (_, _) => ValueTask.CompletedTask, ct);

    /// <summary>Does something with a dead letter, and then it is one no more. False if it is gone.</summary>
    private async ValueTask<bool> TakeAsync(string id, Func<string, string, ValueTask> then, CancellationToken ct)
    {
        if (await dead.FindAsync(id, ct) is { } letter)
        {
            await then(letter.Queue, letter.Body);
            await dead.RemoveAsync(id, ct);
            return true;
        }

        return Addresses.Queues.FirstOrDefault(queue => id.StartsWith(KeyText.Of(queue) + "-", StringComparison.Ordinal)) is { } named
            && await _given.TakeAsync(named, id, body => then(named, body), ct);
    }

    /// <summary>Said in the log too, where an alarm looks for these words.</summary>
    private async ValueTask GiveUpAsync(string queue, BusMessage message, string reason, CancellationToken ct)
    {
        await dead.AddAsync(queue, message.Body, message.Delivery, reason, ct);
        log.LogError("Gave up {Body} of {Queue}: {Reason}", message.Body, queue, reason);
    }

    /// <summary>As a new chain: the ids of the first one, and of its copies, may still be remembered.</summary>
    private ValueTask ResendAsync(string queue, string body, CancellationToken ct) =>
        connection.SendAsync(TopicOf(queue), new(body, Chain: Guid.NewGuid().ToString("N")), dueAt: null, ct);

    /// <summary>What one sends to: a subscription is reached by its topic, whose other subscribers do the same work once more, to no effect.</summary>
    private static string TopicOf(string queue) => queue.Split('/')[0];
}

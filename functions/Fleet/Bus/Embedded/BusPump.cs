using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Bus.Embedded;

/// <summary>Hands the messages of every queue to its subscriber, several at a time, and settles them.</summary>
internal sealed class BusPump(SqliteBus bus, IEnumerable<ISubscriber> subscribers, Limits limits, StageBoard stages, ILogger<BusPump> log)
{
    private const int AtOnce = 32;
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    private readonly ISubscriber[] _subscribers = [.. subscribers];

    /// <summary>Pumps until told to stop; what is being handled then is finished. A slow subscriber delays no other.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(_subscribers.Select(subscriber => PumpAsync(subscriber, stop)));

    /// <summary>Handles what is due now in every queue; returns how many messages there were.</summary>
    public async Task<int> OnceAsync(CancellationToken ct)
    {
        var count = 0;
        foreach (var subscriber in _subscribers) count += await OnceAsync(subscriber, ct);
        return count;
    }

    /// <summary>A message that takes long keeps its own place, and no other's.</summary>
    private async Task PumpAsync(ISubscriber subscriber, CancellationToken stop)
    {
        using var room = new SemaphoreSlim(AtOnce);
        while (!stop.IsCancellationRequested)
        {
            await room.WaitAsync(CancellationToken.None);
            var free = 1;
            while (room.Wait(0, CancellationToken.None)) free++;
            var held = await TakeAsync(subscriber, free, stop);
            if (held.Count < free) room.Release(free - held.Count);
            foreach (var message in held) _ = DeliverAsync(subscriber, message, room);
            if (held.Count == 0) await bus.WaitAsync(subscriber.Queue, s_look, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        for (var i = 0; i < AtOnce; i++) await room.WaitAsync(CancellationToken.None);
    }

    private async Task DeliverAsync(ISubscriber subscriber, Held message, SemaphoreSlim room)
    {
        try
        {
            await DeliverAsync(subscriber, message);
        }
        finally
        {
            room.Release();
        }
    }

    private async Task<IReadOnlyList<Held>> TakeAsync(ISubscriber subscriber, int most, CancellationToken stop)
    {
        try
        {
            return await bus.TakeAsync(subscriber.Queue, most, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return [];
        }
        catch (Exception fault)
        {
            // Whatever it was: a pump that ends would leave messages lying.
            log.LogError(fault, "Messages of {Queue} cannot be taken; trying again", subscriber.Queue);
            return [];
        }
    }

    private async Task<int> OnceAsync(ISubscriber subscriber, CancellationToken ct)
    {
        var held = await bus.TakeAsync(subscriber.Queue, AtOnce, ct);
        await Task.WhenAll(held.Select(message => DeliverAsync(subscriber, message)));
        return held.Count;
    }

    private async Task DeliverAsync(ISubscriber subscriber, Held message)
    {
        Outcome outcome;
        stages.Came(subscriber.Queue);
        try
        {
            // A message that was taken too often without an end, because the process died of it each time, is given up.
            outcome = message.Delivery > Addresses.DeliveriesOf(subscriber.Queue, limits)
                ? new Outcome.Dead("it was taken too often without ever being settled")
                : await HoldAsync(message, subscriber.HandleAsync(message.Body, CancellationToken.None).AsTask());
        }
        catch (Exception fault) when (MachineFault.Is(fault))
        {
            // It passes, and is none of the message's deliveries: an outage makes no dead letters.
            log.LogWarning(fault, "{Body} of {Queue} waits until the store or the machine works again", message.Body, subscriber.Queue);
            outcome = new Outcome.Again(limits.BackOff(Math.Max(1, message.Delivery)), fault.Message, IsTry: false);
        }
        catch (Exception fault)
        {
            // Whatever it was, the message is not lost: it comes again, and ends as a dead letter that shows the reason.
            log.LogWarning(fault, "Delivery {Delivery} of {Body} to {Queue} failed", message.Delivery, message.Body, subscriber.Queue);
            outcome = new Outcome.Again(limits.BackOff(message.Delivery), fault.Message);
        }

        Telemetry.Messages.Add(1, new("queue", subscriber.Queue), new("outcome", outcome.Name));
        if (outcome is not Outcome.Again) stages.Moved(subscriber.Queue);
        try
        {
            await bus.SettleAsync(message, outcome, CancellationToken.None);
        }
        catch (Exception fault)
        {
            // Whatever it was: nobody waits for this.
            log.LogWarning(fault, "{Body} of {Queue} could not be settled; it comes again when its lock ends", message.Body, subscriber.Queue);
        }
    }

    private async Task<Outcome> HoldAsync(Held message, Task<Outcome> work)
    {
        await LockHold.WhileAsync(work, limits.MessageLock / 2, () => RenewAsync(message));
        return await work;
    }

    private async Task RenewAsync(Held message)
    {
        try
        {
            await bus.RenewAsync(message, CancellationToken.None);
        }
        catch (Exception fault)
        {
            // Whatever it was: the work goes on.
            log.LogWarning(fault, "The lock of {Body} of {Queue} could not be renewed; trying again", message.Body, message.Queue);
        }
    }
}

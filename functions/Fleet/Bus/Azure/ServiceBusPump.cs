using Fleet.Storage;

namespace Fleet.Bus.Azure;

/// <summary>Takes messages from Service Bus where no Functions host does: long polls, one for each queue, that cost a call every half minute when idle.</summary>
internal sealed class ServiceBusPump(ServiceBusClient client, ServiceBus bus, IEnumerable<ISubscriber> subscribers, ILogger<ServiceBusPump> log)
{
    private const int AtOnce = 16;
    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    /// <summary>A lock lasts a minute.</summary>
    private static readonly TimeSpan s_renew = TimeSpan.FromSeconds(30);

    /// <summary>Pumps until told to stop; what is being handled then is finished. A slow subscriber delays no other.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(subscribers.Select(subscriber => PumpAsync(subscriber, stop)));

    private async Task PumpAsync(ISubscriber subscriber, CancellationToken stop)
    {
        using var room = new SemaphoreSlim(AtOnce);
        while (!stop.IsCancellationRequested)
        {
            await room.WaitAsync(CancellationToken.None);
            if (await TakeAsync(subscriber, stop) is { } locked) _ = DeliverAsync(subscriber, locked, room);
            else room.Release();
        }

        for (var i = 0; i < AtOnce; i++) await room.WaitAsync(CancellationToken.None);
    }

    private async Task<LockedMessage?> TakeAsync(ISubscriber subscriber, CancellationToken stop)
    {
        try
        {
            return await client.LockAsync(ServiceBus.EntityOf(subscriber.Queue), s_poll, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception fault)
        {
            // Whatever it was: a pump that ends would leave messages lying.
            log.LogError(fault, "Messages of {Queue} cannot be taken; trying again", subscriber.Queue);
            await Task.Delay(s_pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
    }

    private async Task DeliverAsync(ISubscriber subscriber, LockedMessage locked, SemaphoreSlim room)
    {
        try
        {
            await LockHold.WhileAsync(bus.HandleAsync(subscriber, locked.Message, CancellationToken.None).AsTask(), s_renew, () => client.RenewAsync(locked, CancellationToken.None).AsTask());
            await client.CompleteAsync(locked, CancellationToken.None);
        }
        catch (Exception fault)
        {
            log.LogWarning(fault, "{Body} of {Queue} failed, delivery {Delivery}", locked.Message.Body, subscriber.Queue, locked.DeliveryCount);
            await LetGoAsync(locked);
        }
        finally
        {
            room.Release();
        }
    }

    private async Task LetGoAsync(LockedMessage locked)
    {
        try
        {
            await client.UnlockAsync(locked, CancellationToken.None);
        }
        catch (StorageUnavailableException)
        {
            // Its lock ends by itself.
        }
    }
}

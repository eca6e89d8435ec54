using Azure.Messaging.ServiceBus;

namespace Fleet.Bus.Azure;

/// <summary>Takes messages from Service Bus where no Functions host does.</summary>
internal sealed class ServiceBusPump(ServiceBusConnection connection, ServiceBus bus, IEnumerable<ISubscriber> subscribers, ILogger<ServiceBusPump> log)
{
    private const int AtOnce = 16;

    /// <summary>Pumps until told to stop; what is being handled then is finished. A slow subscriber delays no other.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var processors = subscribers.Select(NewProcessor).ToList();
        try
        {
            await Task.WhenAll(processors.Select(processor => processor.StartProcessingAsync(stop)));
            await Task.Delay(Timeout.Infinite, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was told to stop before it had begun.
        }

        await Task.WhenAll(processors.Select(processor => processor.DisposeAsync().AsTask()));
    }

    private ServiceBusProcessor NewProcessor(ISubscriber subscriber)
    {
        var options = new ServiceBusProcessorOptions { MaxConcurrentCalls = AtOnce, AutoCompleteMessages = true, MaxAutoLockRenewalDuration = Timeout.InfiniteTimeSpan };
        var processor = subscriber.Queue.Split('/') is [var topic, var subscription]
            ? connection.Client.CreateProcessor(topic, subscription, options)
            : connection.Client.CreateProcessor(subscriber.Queue, options);

        // An exception lets the message go, and it comes again.
        processor.ProcessMessageAsync += arrived => bus.HandleAsync(subscriber, BusMessage.Of(arrived.Message), CancellationToken.None).AsTask();
        processor.ProcessErrorAsync += failed =>
        {
            log.LogWarning(failed.Exception, "Messages of {Queue}: {Source} failed; trying again", subscriber.Queue, failed.ErrorSource);
            return Task.CompletedTask;
        };
        return processor;
    }
}

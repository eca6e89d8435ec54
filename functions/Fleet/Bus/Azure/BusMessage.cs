using System.Globalization;
using Azure.Messaging.ServiceBus;
using Fleet.Kernel;

namespace Fleet.Bus.Azure;

/// <summary>A message as it travels over Service Bus.</summary>
/// <param name="Body">Keys, under 1 kB.</param>
/// <param name="Delivery">Which delivery of its own it is: 1 at first, one more in each copy that comes later. Redeliveries by the bus are not counted.</param>
/// <param name="Chain">Empty at first; a new one each time that a person sends it again, so that its copies are no repeats of earlier ones.</param>
internal sealed record BusMessage(string Body, int Delivery = 1, string Chain = "")
{
    private const string DeliveryName = "delivery";
    private const string ChainName = "chain";

    /// <summary>A message as it arrived.</summary>
    public static BusMessage Of(ServiceBusReceivedMessage message) => new(
        message.Body.ToString(),
        message.ApplicationProperties.GetValueOrDefault(DeliveryName) is { } delivery ? Convert.ToInt32(delivery, CultureInfo.InvariantCulture) : 1,
        message.ApplicationProperties.GetValueOrDefault(ChainName) as string ?? "");

    /// <summary>As it is sent to an entity: its id is the one under which duplicate detection knows it.</summary>
    /// <param name="entity">A queue or topic.</param>
    /// <param name="dueAt">When it becomes visible; null for now.</param>
    public ServiceBusMessage To(string entity, DateTimeOffset? dueAt)
    {
        var message = new ServiceBusMessage(Body)
        {
            MessageId = Digest.Of(entity, Body, Chain, Delivery.ToString(CultureInfo.InvariantCulture)),
            ApplicationProperties = { [DeliveryName] = Delivery, [ChainName] = Chain },
        };
        if (dueAt is { } due) message.ScheduledEnqueueTime = due;
        return message;
    }
}

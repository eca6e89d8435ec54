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
    public const string DeliveryName = "delivery";
    public const string ChainName = "chain";

    /// <summary>The id under which duplicate detection knows it.</summary>
    public string IdAt(string entity) => Digest.Of(entity, Body, Chain, Delivery.ToString(CultureInfo.InvariantCulture));

    /// <summary>A message as it arrived.</summary>
    public static BusMessage Of(ServiceBusReceivedMessage message) => new(
        message.Body.ToString(),
        message.ApplicationProperties.GetValueOrDefault(DeliveryName) is { } delivery ? Convert.ToInt32(delivery, CultureInfo.InvariantCulture) : 1,
        message.ApplicationProperties.GetValueOrDefault(ChainName) as string ?? "");

    public static int DeliveryOf(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var delivery) ? delivery : 1;
}

using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Core;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Fleet.Functions.ServiceBus;

/// <summary>Reads a message as the host hands it over: 16 bytes of lock token, and then the message as AMQP encodes it.</summary>
#pragma warning disable AZFW0009 // The analyzer wants this on triggers; it belongs on converters.
[SupportsDeferredBinding]
#pragma warning restore AZFW0009
[SupportedTargetType(typeof(ServiceBusReceivedMessage))]
internal sealed class ReceivedMessageConverter : IInputConverter
{
    public const string Source = "AzureServiceBusReceivedMessage";
    private const int TokenBytes = 16;

    public ValueTask<ConversionResult> ConvertAsync(ConverterContext context) => new(context.Source is ModelBindingData { Source: Source } data
        ? ConversionResult.Success(Read(data.Content.ToMemory()))
        : ConversionResult.Unhandled());

    private static ServiceBusReceivedMessage Read(ReadOnlyMemory<byte> content) => ServiceBusReceivedMessage.FromAmqpMessage(
        AmqpAnnotatedMessage.FromBytes(BinaryData.FromBytes(content[TokenBytes..])), BinaryData.FromBytes(content[..TokenBytes]));
}

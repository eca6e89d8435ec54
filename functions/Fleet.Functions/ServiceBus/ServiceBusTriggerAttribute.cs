using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Fleet.Functions.ServiceBus;

/// <summary>Has the host call a function for each message of a queue or subscription. Settings are named between % signs.</summary>
/// <remarks>Stands in for the attribute of Microsoft.Azure.Functions.Worker.Extensions.ServiceBus, by its name and members.</remarks>
[AttributeUsage(AttributeTargets.Parameter)]
[InputConverter(typeof(ReceivedMessageConverter))]
[ConverterFallbackBehavior(ConverterFallbackBehavior.Default)]
public sealed class ServiceBusTriggerAttribute : TriggerBindingAttribute
{
    public ServiceBusTriggerAttribute(string queueName) => QueueName = queueName;

    public ServiceBusTriggerAttribute(string topicName, string subscriptionName) => (TopicName, SubscriptionName) = (topicName, subscriptionName);

    public string? QueueName { get; }

    public string? TopicName { get; }

    public string? SubscriptionName { get; }

    /// <summary>The prefix of the settings that name the namespace.</summary>
    public string? Connection { get; set; }
}

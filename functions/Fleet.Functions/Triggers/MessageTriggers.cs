using Azure.Messaging.ServiceBus;
using Fleet.Bus;
using Fleet.Functions.ServiceBus;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>What goes on when a message arrives. A function that throws has its message delivered again.</summary>
public sealed class MessageTriggers(FleetApp fleet)
{
    [Function("EvaluateRules")]
    public Task EvaluateRules([ServiceBusTrigger("%ResultsTopic%", "%RulesSubscription%", Connection = "ServiceBus")] ServiceBusReceivedMessage message) =>
        fleet.HandleAsync(Addresses.Rules, message);

    [Function("ForwardResults")]
    public Task ForwardResults([ServiceBusTrigger("%ResultsTopic%", "%SinksSubscription%", Connection = "ServiceBus")] ServiceBusReceivedMessage message) =>
        fleet.HandleAsync(Addresses.Sinks, message);

    [Function("SendAlerts")]
    public Task SendAlerts([ServiceBusTrigger("%AlertsQueue%", Connection = "ServiceBus")] ServiceBusReceivedMessage message) =>
        fleet.HandleAsync(Addresses.Alerts, message);
}

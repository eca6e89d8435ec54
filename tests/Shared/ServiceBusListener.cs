using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Amqp;
using Amqp.Framing;
using Amqp.Handler;
using Amqp.Listener;
using Amqp.Sasl;
using Amqp.Types;

namespace Fleet.Shared;

/// <summary>Service Bus's AMQP, as its own client speaks it: tokens on $cbs, senders, receivers with locks, and $management for looking and renewing.</summary>
internal sealed class ServiceBusListener : ILinkProcessor, IHandler
{
    private const string Cbs = "$cbs";
    private const string Management = "/$management";
    private static readonly string[] s_managed = ["alerts", "results/subscriptions/rules", "results/subscriptions/sinks"];

    private readonly FakeServiceBus _bus;
    private readonly bool _secure;
    private readonly int _port = Ports.Free();

    /// <summary>A message that is under way, and which of ours it is.</summary>
    private readonly ConditionalWeakTable<Message, FakeMessage> _underWay = [];
    private ContainerHost? _host;

    /// <summary>Of what is being sent: the library asks for a delivery's tag on the thread that sends it.</summary>
    [ThreadStatic]
    private static Guid? t_token;

    public ServiceBusListener(FakeServiceBus bus, bool secure) => (_bus, _secure) = (bus, secure);

    public string Host => $"127.0.0.1:{_port}";

    public void Open()
    {
        var address = new Address($"{(_secure ? "amqps" : "amqp")}://{Host}");
        _host = _secure ? new ContainerHost([address], TestCertificate.Instance.Certificate) : new ContainerHost([address]);
        _host.Listeners[0].SASL.EnableMechanism("MSSBCBS", new AnyoneProfile());
        _host.Listeners[0].SASL.EnableAnonymousMechanism = true;
        _host.Listeners[0].HandlerFactory = _ => this;
        _host.AddressResolver = (_, attach) => NameOf(attach) is var name && (name == Cbs || name.EndsWith(Management, StringComparison.Ordinal)) ? name : null;
        _host.RegisterRequestProcessor(Cbs, new Requests(Authorize));
        foreach (var queue in s_managed.SelectMany(name => new[] { name, name + "/$deadletterqueue" })) _host.RegisterRequestProcessor(queue + Management, new Requests(request => Manage(queue, request)));
        _host.RegisterLinkProcessor(this);
        _host.Open();
    }

    public void Close() => _host!.Close();

    /// <summary>A link to or from an entity.</summary>
    public void Process(AttachContext attachContext)
    {
        var name = NameOf(attachContext.Attach);
        attachContext.Attach.MaxMessageSize = 256 << 10;
        if (attachContext.Link.Role) attachContext.Complete(new Sending(_bus, name), 300);
        else if (_bus.Has(name)) attachContext.Complete(new Receiving(this, name, attachContext.Link), 0);
        else attachContext.Complete(new Error("amqp:not-found") { Description = $"There is no {name}." });
    }

    public bool CanHandle(EventId id) => id == EventId.SendDelivery;

    /// <summary>The tag of a delivery is the token of its lock.</summary>
    public void Handle(Event protocolEvent)
    {
        if (t_token is { } token) ((IDelivery)protocolEvent.Context).Tag = token.ToByteArray();
    }

    private static string NameOf(Attach attach) =>
        (((attach.Role ? (attach.Source as Source)?.Address : (attach.Target as Target)?.Address) ?? "").Trim('/')).ToLowerInvariant();

    private static Message Answer(string status, int code, object? body = null) => new(body)
    {
        ApplicationProperties = new() { [status] = code, ["status-description"] = code.ToString(CultureInfo.InvariantCulture), ["statusDescription"] = code.ToString(CultureInfo.InvariantCulture) },
    };

    private Message Authorize(Message request) => Answer("status-code", IsAllowed((string)request.ApplicationProperties["type"], (string)request.Body) ? 202 : 401);

    private bool IsAllowed(string type, string token)
    {
        if (type == "jwt") return _secure && FakeIdentity.AudienceOf(token) == "https://servicebus.azure.net";
        const string Scheme = "SharedAccessSignature ";
        if (!token.StartsWith(Scheme, StringComparison.Ordinal)) return false;
        var parts = token[Scheme.Length..].Split('&').Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1]);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(FakeServiceBus.Key), Encoding.UTF8.GetBytes($"{parts["sr"]}\n{parts["se"]}")));
        return WebUtility.UrlDecode(parts["skn"]) == FakeServiceBus.KeyName && WebUtility.UrlDecode(parts["sig"]) == signature;
    }

    private Message Manage(string queue, Message request)
    {
        var body = (Map)request.Body;
        switch ((string)request.ApplicationProperties["operation"])
        {
            case "com.microsoft:peek-message":
                var found = _bus.Peek(queue, (long)body["from-sequence-number"], (int)body["message-count"]);
                if (found.Count == 0) return Answer("statusCode", 204);
                var messages = new List();
                foreach (var message in found) messages.Add(new Map { ["message"] = EncodedOf(message) });
                return Answer("statusCode", 200, new Map { ["messages"] = messages });
            case "com.microsoft:renew-lock":
                var ends = ((Guid[])body["lock-tokens"]).Select(token => _bus.Renew(queue, token)).ToList();
                return ends.Contains(null) ? Answer("statusCode", 410) : Answer("statusCode", 200, new Map { ["expirations"] = ends.Select(end => end!.Value.UtcDateTime).ToArray() });
            default:
                return Answer("statusCode", 501);
        }
    }

    private static byte[] EncodedOf(FakeMessage message)
    {
        var buffer = MessageOf(message, message.Deliveries).Encode();
        return buffer.Buffer[buffer.Offset..(buffer.Offset + buffer.Length)];
    }

    /// <param name="message">The message.</param>
    /// <param name="deliveries">The ones before this.</param>
    private static Message MessageOf(FakeMessage message, int deliveries)
    {
        var properties = new ApplicationProperties();
        foreach (var (name, value) in message.Properties) properties[name] = value;
        if (message.DeadReason is { } reason) properties["DeadLetterReason"] = reason;
        var annotations = new MessageAnnotations();
        annotations[new Symbol("x-opt-sequence-number")] = message.Sequence;
        annotations[new Symbol("x-opt-enqueued-time")] = message.DueAt.UtcDateTime;
        annotations[new Symbol("x-opt-locked-until")] = message.LockedUntil.UtcDateTime;
        return new()
        {
            Header = new() { DeliveryCount = (uint)deliveries },
            Properties = new() { MessageId = message.Id },
            ApplicationProperties = properties,
            MessageAnnotations = annotations,
            BodySection = new Data { Binary = Encoding.UTF8.GetBytes(message.Body) },
        };
    }

    /// <summary>The token comes on $cbs, and not before the connection opens.</summary>
    private sealed class AnyoneProfile() : SaslProfile("MSSBCBS")
    {
        protected override ITransport UpgradeTransport(ITransport transport) => transport;

        protected override DescribedList? GetStartCommand(string hostname) => null;

        protected override DescribedList? OnCommand(DescribedList command) => command.Descriptor.Code == 0x41 ? new SaslOutcome { Code = SaslCode.Ok } : null;
    }

    private sealed class Requests(Func<Message, Message> answer) : IRequestProcessor
    {
        public int Credit => 100;

        public void Process(RequestContext requestContext) => requestContext.Complete(answer(requestContext.Message));
    }

    /// <summary>Takes what a client sends.</summary>
    private sealed class Sending(FakeServiceBus bus, string entity) : LinkEndpoint
    {
        public override void OnMessage(MessageContext messageContext)
        {
            var message = messageContext.Message;
            var due = message.MessageAnnotations?[new Symbol("x-opt-scheduled-enqueue-time")] is DateTime time ? new DateTimeOffset(time, TimeSpan.Zero) : (DateTimeOffset?)null;
            var properties = message.ApplicationProperties?.Map.ToDictionary(pair => (string)pair.Key, pair => pair.Value) ?? [];
            var body = Encoding.UTF8.GetString(((Data)message.BodySection).Binary);
            if (bus.Send(entity, body, message.Properties?.MessageId, properties, due)) messageContext.Complete();
            else messageContext.Complete(new Error("amqp:not-found") { Description = $"There is no {entity}." });
        }

        public override void OnFlow(FlowContext flowContext)
        {
        }

        public override void OnDisposition(DispositionContext dispositionContext)
        {
        }
    }

    /// <summary>Hands out locked messages, as many as a client asked for, and settles them.</summary>
    private sealed class Receiving : LinkEndpoint
    {
        private readonly ServiceBusListener _listener;
        private readonly string _queue;
        private readonly CancellationTokenSource _stop = new();
        private int _credit;

        public Receiving(ServiceBusListener listener, string queue, ListenerLink link)
        {
            (_listener, _queue) = (listener, queue);
            _ = Task.Run(() => SendAsync(link));
        }

        public override void OnFlow(FlowContext flowContext)
        {
            lock (_stop)
            {
                _credit = flowContext.Link.IsDraining ? 0 : _credit + flowContext.Messages;
            }

            if (flowContext.Link.IsDraining) flowContext.Link.CompleteDrain();
        }

        public override void OnDisposition(DispositionContext dispositionContext)
        {
            if (_listener._underWay.TryGetValue(dispositionContext.Message, out var mine))
            {
                if (dispositionContext.DeliveryState is Accepted) _listener._bus.Complete(_queue, mine);
                else _listener._bus.Abandon(_queue, mine);
            }

            dispositionContext.Link.DisposeMessage(dispositionContext.Message, dispositionContext.DeliveryState is Rejected ? new Accepted() : dispositionContext.DeliveryState, true);
        }

        public override void OnLinkClosed(ListenerLink link, Error error) => _stop.Cancel();

        private FakeMessage? TryTake()
        {
            lock (_stop)
            {
                if (_credit <= 0 || _listener._bus.Take(_queue) is not { } mine) return null;
                _credit--;
                return mine;
            }
        }

        private async Task SendAsync(ListenerLink link)
        {
            while (!_stop.IsCancellationRequested && !link.IsClosed)
            {
                if (TryTake() is { } mine)
                {
                    var message = MessageOf(mine, mine.Deliveries - 1);
                    _listener._underWay.Add(message, mine);
                    t_token = mine.LockToken;
                    link.SendMessage(message);
                    t_token = null;
                }
                else
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(10));
                }
            }
        }
    }
}

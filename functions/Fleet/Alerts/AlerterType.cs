using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>A kind of alerter, described for whoever sets one up.</summary>
/// <param name="Tells">What it tells of.</param>
/// <param name="CanDigest">Whether one message may be about several alerts.</param>
internal sealed record AlerterType(string Name, string Title, string Description, IReadOnlyList<PluginField> Fields, IReadOnlyList<AlertEvent> Tells, bool CanDigest)
{
    private static readonly AlertEvent[] s_calls = [AlertEvent.Opened, AlertEvent.Reopened, AlertEvent.Escalated, AlertEvent.Reminded];
    private static readonly AlertEvent[] s_callsAndEnds = [.. s_calls, AlertEvent.Resolved];
    private static readonly AlertEvent[] s_all = [.. s_callsAndEnds, AlertEvent.Acknowledged];

    public static IReadOnlyList<AlerterType> All { get; } =
    [
        new("pagerduty", "PagerDuty", "Opens, acknowledges and resolves an incident through the Events API v2.",
            [
                new(Plugin.Secret, "Integration key", "secret", Required: true, "0123456789abcdef0123456789abcdef", "Of a service's integration 'Events API V2': 32 characters."),
                new("url", "Address", "url", Required: false, "https://events.eu.pagerduty.com/v2/enqueue", "Left out, https://events.pagerduty.com/v2/enqueue; in the EU https://events.eu.pagerduty.com/v2/enqueue."),
            ],
            s_all, CanDigest: false),
        new("email", "Email", "A message of text and HTML by SMTP.",
            [
                new("server", "Server", "text", Required: true, "smtp://mail.example.org:587", "smtp://mail.example.org:587 with STARTTLS, or smtps://mail.example.org:465 with TLS from the start; smtp-plain:// sends in the clear, for a relay on this machine."),
                new("from", "From", "text", Required: true, "Fleet <fleet@example.org>", "Whom it comes from."),
                new("to", "To", "text", Required: true, "ada@example.org, duty@example.org", "One or more addresses, with commas between them."),
                new("user", "User", "text", Required: false, "fleet", "Where the server asks for one."),
                new(Plugin.Secret, "Password", "secret", Required: false, "correct horse", "Of the user."),
            ],
            s_callsAndEnds, CanDigest: true),
        new("slack", "Slack", "A message by an incoming webhook.",
            [new(Plugin.Secret, "Webhook address", "secret", Required: true, "https://hooks.slack.com/services/T0/B0/x", "It holds the credential.")],
            s_callsAndEnds, CanDigest: true),
        new("teams", "Microsoft Teams", "An adaptive card, by a workflow 'Send webhook alerts to a channel'.",
            [new(Plugin.Secret, "Workflow address", "secret", Required: true, "https://prod-00.westeurope.logic.azure.com/workflows/x", "It holds the credential.")],
            s_callsAndEnds, CanDigest: true),
        new("opsgenie", "Opsgenie", "Opens, acknowledges and closes an alert.",
            [
                new(Plugin.Secret, "API key", "secret", Required: true, "01234567-89ab-cdef-0123-456789abcdef", "Of an API integration."),
                new("url", "Address", "url", Required: false, "https://api.eu.opsgenie.com", "Left out, https://api.opsgenie.com; in the EU https://api.eu.opsgenie.com."),
            ],
            s_all, CanDigest: false),
        new("sentry", "Sentry", "An event of the project, grouped by rule.",
            [new(Plugin.Secret, "DSN", "secret", Required: true, "https://key@o1.ingest.sentry.io/2", "Of the project's client keys.")],
            s_calls, CanDigest: false),
        new(Alerters.Webhook, "Webhook", "Each alert as JSON by POST, repeated while the other side is down.",
            [
                new("url", "Address", "url", Required: true, "https://example.org/hook", "An http or https address."),
                new(Plugin.Secret, "Secret", "secret", Required: false, "a shared secret", "With one, the header X-Fleet-Signature holds the body's HMAC-SHA256."),
            ],
            s_all, CanDigest: true),
        new("eventgrid", "Azure Event Grid", "A CloudEvent to a topic of schema CloudEvents 1.0.",
            [
                new("url", "Topic endpoint", "url", Required: true, "https://topic.westeurope-1.eventgrid.azure.net/api/events", "Of a topic of schema CloudEvents 1.0."),
                new(Plugin.Secret, "Access key", "secret", Required: false, "key", "Left out, this server's managed identity is used: it needs the role 'EventGrid Data Sender'."),
            ],
            s_all, CanDigest: false),
        new("syslog", "Syslog", "RFC 5424 over TCP, or over TLS.",
            [new("server", "Server", "text", Required: true, "tls://logs.example.org:6514", "tls://logs.example.org:6514 or tcp://logs.example.org:514")],
            s_all, CanDigest: false),
        new(Alerters.Log, "Log", "A line of JSON for each alert, to a file or to the console.",
            [new("path", "File", "text", Required: false, "alerts.log", "A .log, .ndjson or .jsonl file in the data folder's out; left out, the console.")],
            s_all, CanDigest: false),
    ];

    public static AlerterType? Of(string name) => All.FirstOrDefault(type => type.Name == name);
}

using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>A kind of sink, described for whoever sets one up.</summary>
internal sealed record SinkType(string Name, string Title, string Description, IReadOnlyList<PluginField> Fields)
{
    public static IReadOnlyList<SinkType> All { get; } =
    [
        new("file", "File", "JSON lines in a file that is turned over when it is large. On the disk before it counts as sent.",
            [
                new("path", "File", "text", Required: true, "results.ndjson", "A .log, .ndjson or .jsonl file in the data folder's out."),
                new("megabytes", "Megabytes a file", "number", Required: false, "100", "Left out, 100. Then it is renamed, and a new one begun."),
                new("files", "Files kept", "number", Required: false, "10", "Left out, 10: the oldest goes."),
            ]),
        new("blob", "Blob", "Gzipped JSON lines in append blobs, one each hour: results/date=2026-01-31/hour=08/…. On one machine they lie in the data folder.",
            [new("container", "Container", "text", Required: true, "osquery-logs", "3 to 63 lower-case letters, digits and hyphens.")]),
        new("splunk", "Splunk", "Splunk's HTTP event collector.",
            [
                new("url", "Address", "url", Required: true, "https://splunk.example.org:8088", "Of the collector."),
                new(Plugin.Secret, "Token", "secret", Required: true, "01234567-89ab-cdef-0123-456789abcdef", "Of the collector."),
                new("index", "Index", "text", Required: false, "osquery", "Left out, the token's own."),
            ]),
        new("elastic", "Elasticsearch, OpenSearch", "The bulk API, into an index or a data stream. A line that comes twice is stored once.",
            [
                new("url", "Address", "url", Required: true, "https://elastic.example.org:9200", "Of the cluster."),
                new("index", "Index", "text", Required: true, "logs-osquery.result-default", "Or a data stream."),
                new(Plugin.Secret, "Authorization", "secret", Required: false, "ApiKey bG9nOnNlY3JldA==", "The whole header: ApiKey …, Basic … or Bearer …."),
            ]),
        new("loki", "Loki", "Grafana Loki's push API; a stream each query.",
            [
                new("url", "Address", "url", Required: true, "https://loki.example.org", "Without the path."),
                new(Plugin.Secret, "Authorization", "secret", Required: false, "Basic dXNlcjprZXk=", "The whole header."),
                new("tenant", "Tenant", "text", Required: false, "security", "The header X-Scope-OrgID."),
            ]),
        new("datadog", "Datadog", "Datadog's log intake.",
            [
                new(Plugin.Secret, "API key", "secret", Required: true, "0123456789abcdef0123456789abcdef", "Of the organisation."),
                new("url", "Address", "url", Required: false, "https://http-intake.logs.datadoghq.eu", "Left out, https://http-intake.logs.datadoghq.com."),
            ]),
        new("http", "HTTP", "JSON lines by POST, gzipped.",
            [
                new("url", "Address", "url", Required: true, "https://example.org/osquery", "An http or https address."),
                new(Plugin.Secret, "Authorization", "secret", Required: false, "Bearer token", "The whole header."),
            ]),
        new("azuremonitor", "Azure Monitor", "The Logs Ingestion API, for Log Analytics and Microsoft Sentinel. This server's identity needs the role 'Monitoring Metrics Publisher' on the rule.",
            [
                new("url", "Ingestion endpoint", "url", Required: true, "https://fleet-0000.westeurope-1.ingest.monitor.azure.com", "Of the data collection endpoint or rule."),
                new("rule", "Rule", "text", Required: true, "dcr-0123456789abcdef0123456789abcdef", "The data collection rule's immutable id."),
                new("stream", "Stream", "text", Required: true, "Custom-Osquery_CL", "With the columns TimeGenerated, Kind, NodeId, HostIdentifier, Name and Event (dynamic)."),
            ]),
        new("eventhubs", "Azure Event Hubs", "Batches by REST; what speaks Kafka reads them there. This server's identity needs the role 'Azure Event Hubs Data Sender'.",
            [new("url", "Event hub", "url", Required: true, "https://namespace.servicebus.windows.net/hub", "The namespace, and the hub's name as the path.")]),
        new("syslog", "Syslog", "RFC 5424 over TCP, or over TLS.",
            [new("server", "Server", "text", Required: true, "tls://logs.example.org:6514", "Or tcp://HOST:PORT.")]),
    ];

    public static SinkType? Of(string name) => All.FirstOrDefault(type => type.Name == name);
}

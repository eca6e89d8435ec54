using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Sinks;

/// <summary>A sink that makes a request of each batch of lines.</summary>
/// <param name="http">Follows no redirects.</param>
/// <param name="requestOf">The request.</param>
/// <param name="clock">The time.</param>
/// <param name="judge">Looks into an answer that says success.</param>
internal sealed class HttpSink(HttpClient http, Func<IReadOnlyList<SinkRecord>, CancellationToken, ValueTask<HttpRequestMessage>> requestOf, TimeProvider clock, Func<HttpResponseMessage, CancellationToken, ValueTask<Delivery?>>? judge = null) : ISink
{
    public async ValueTask<Delivery> SendAsync(IReadOnlyList<SinkRecord> records, CancellationToken ct)
    {
        using var request = await requestOf(records, ct);
        return await HttpDelivery.SendAsync(http, request, clock, ct, judge);
    }
}

/// <summary>The requests of services that take logs by HTTP.</summary>
internal static class HttpSinks
{
    public const string Datadog = "https://http-intake.logs.datadoghq.com";

    /// <summary>A line as a text in JSON is no longer than it must be.</summary>
    private static readonly JsonWriterOptions s_plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a token must be for.</summary>
    public const string AzureMonitorScope = "https://monitor.azure.com/.default";

    public const string EventHubsScope = "https://eventhubs.azure.net/.default";

    /// <summary>Splunk's HTTP event collector: events behind each other.</summary>
    public static HttpRequestMessage Splunk(IReadOnlyList<SinkRecord> records, Uri url, string token, string? index)
    {
        using var body = new MemoryStream();
        foreach (var record in records)
        {
            using var json = new Utf8JsonWriter(body, s_plain);
            json.WriteStartObject();
            json.WriteNumber("time", record.Time.ToUnixTimeMilliseconds() / 1000m);
            json.WriteString("host", record.Host);
            json.WriteString("source", record.IsStatus ? "osquery" : record.Name);
            json.WriteString("sourcetype", "osquery:" + record.Kind);
            if (index is not null) json.WriteString("index", index);
            json.WritePropertyName("event");
            json.WriteRawValue(record.Json);
            json.WriteEndObject();
        }

        return Authorized(Packed(new(url, "/services/collector/event"), body.ToArray(), "application/json"), "Splunk " + token);
    }

    /// <summary>The bulk API. Creating under an id of its own, a line that comes twice is stored once; a data stream takes nothing else.</summary>
    public static HttpRequestMessage Elastic(IReadOnlyList<SinkRecord> records, Uri url, string index, string? authorization)
    {
        using var body = new MemoryStream();
        foreach (var record in records)
        {
            body.Write(Encoding.UTF8.GetBytes($$$"""{"create":{"_id":"{{{record.Id}}}"}}"""));
            body.WriteByte((byte)'\n');
            body.Write(record.Json);
            body.WriteByte((byte)'\n');
        }

        return Authorized(Packed(new(url, $"/{Uri.EscapeDataString(index)}/_bulk"), body.ToArray(), "application/x-ndjson"), authorization);
    }

    /// <summary>The bulk API answers success for what it did not take, and says so line by line.</summary>
    public static async ValueTask<Delivery?> ElasticSaysAsync(HttpResponseMessage response, CancellationToken ct)
    {
        var answer = await JsonNode.ParseAsync(await response.Content.ReadAsStreamAsync(ct), cancellationToken: ct);
        if (answer?["errors"]?.GetValue<bool>() != true) return null;
        Delivery? worst = null;
        foreach (var item in answer["items"]?.AsArray() ?? [])
        {
            // That it is there already is what a repeat is told.
            var one = item?["create"];
            if (one?["status"]?.GetValue<int>() is not (>= 400 and not 409 and var status)) continue;
            var reason = FormattableString.Invariant($"the bulk API answered {status} for a line");
            if (status is 429 or >= 500) return new Delivery.RetryAfter(null, reason);
            worst ??= new Delivery.Rejected(reason, IsAboutContent: status is 400 or 413);
        }

        return worst;
    }

    /// <summary>A stream each kind and query.</summary>
    public static HttpRequestMessage Loki(IReadOnlyList<SinkRecord> records, Uri url, string? authorization, string? tenant)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body, s_plain))
        {
            json.WriteStartObject();
            json.WriteStartArray("streams");
            foreach (var stream in records.GroupBy(record => (record.Kind, record.Name)))
            {
                json.WriteStartObject();
                json.WriteStartObject("stream");
                json.WriteString("job", "osquery");
                json.WriteString("kind", stream.Key.Kind);
                if (stream.Key.Name.Length > 0) json.WriteString("query", stream.Key.Name);
                json.WriteEndObject();
                json.WriteStartArray("values");
                foreach (var record in stream.OrderBy(record => record.Time))
                {
                    json.WriteStartArray();
                    json.WriteStringValue((record.Time.UtcDateTime - DateTime.UnixEpoch).Ticks.ToString(CultureInfo.InvariantCulture) + "00");
                    json.WriteStringValue(record.Json);
                    json.WriteEndArray();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        var request = Authorized(Packed(new(url, "/loki/api/v1/push"), body.ToArray(), "application/json"), authorization);
        if (tenant is not null) request.Headers.TryAddWithoutValidation("X-Scope-OrgID", tenant);
        return request;
    }

    public static HttpRequestMessage ToDatadog(IReadOnlyList<SinkRecord> records, Uri url, string key)
    {
        var body = Array(records, (json, record) =>
        {
            json.WriteString("ddsource", "osquery");
            json.WriteString("service", "fleet");
            json.WriteString("hostname", record.Host);
            json.WriteString("ddtags", $"kind:{record.Kind}{(record.IsStatus ? "" : ",query:" + record.Name)}");
            json.WriteNumber("timestamp", record.Time.ToUnixTimeMilliseconds());
            json.WriteString("message", record.Json);
        });
        var request = Packed(new(url, "/api/v2/logs"), body, "application/json");
        request.Headers.TryAddWithoutValidation("DD-API-KEY", key);
        return request;
    }

    public static HttpRequestMessage Lines(IReadOnlyList<SinkRecord> records, Uri url, string? authorization) =>
        Authorized(Packed(url, SinkRecord.Lines(records), "application/x-ndjson"), authorization);

    /// <summary>The Logs Ingestion API, for the columns that <see cref="SinkType"/> names.</summary>
    public static HttpRequestMessage AzureMonitor(IReadOnlyList<SinkRecord> records, Uri url, string rule, string stream, string token)
    {
        var body = Array(records, (json, record) =>
        {
            json.WriteString("TimeGenerated", TimeText.Milliseconds(record.Time));
            json.WriteString("Kind", record.Kind);
            json.WriteString("NodeId", record.Node.ToString());
            json.WriteString("HostIdentifier", record.Host);
            json.WriteString("Name", record.Name);
            json.WritePropertyName("Event");
            json.WriteRawValue(record.Json);
        });
        return Authorized(Packed(new(url, $"/dataCollectionRules/{Uri.EscapeDataString(rule)}/streams/{Uri.EscapeDataString(stream)}?api-version=2023-01-01"), body, "application/json"), "Bearer " + token);
    }

    /// <summary>A batch of events; each node's keep their order.</summary>
    public static HttpRequestMessage EventHubs(IReadOnlyList<SinkRecord> records, Uri url, string token)
    {
        var body = Array(records, (json, record) =>
        {
            json.WriteString("Body", record.Json);
            json.WriteStartObject("UserProperties");
            json.WriteString("kind", record.Kind);
            json.WriteString("node", record.Node.ToString());
            json.WriteString("id", record.Id);
            json.WriteEndObject();
        });
        return Authorized(HttpDelivery.Post(new(url.AbsoluteUri.TrimEnd('/') + "/messages?timeout=60&api-version=2014-01"), body, "application/vnd.microsoft.servicebus.json"), "Bearer " + token);
    }

    private static byte[] Array(IReadOnlyList<SinkRecord> records, Action<Utf8JsonWriter, SinkRecord> members)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body, s_plain))
        {
            json.WriteStartArray();
            foreach (var record in records)
            {
                json.WriteStartObject();
                members(json, record);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return body.ToArray();
    }

    private static HttpRequestMessage Packed(Uri url, byte[] body, string mediaType)
    {
        var request = HttpDelivery.Post(url, Compression.Gzip(body), mediaType);
        request.Content!.Headers.ContentEncoding.Add("gzip");
        return request;
    }

    private static HttpRequestMessage Authorized(HttpRequestMessage request, string? authorization)
    {
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        return request;
    }
}

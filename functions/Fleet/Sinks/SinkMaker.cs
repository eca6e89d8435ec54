using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Makes sinks of their settings.</summary>
/// <param name="blobs">Where blob sinks write.</param>
/// <param name="limits">How long a sink may take.</param>
/// <param name="clock">The time.</param>
/// <param name="outbound">Where connections may lead.</param>
/// <param name="folders">Where files may lie.</param>
/// <param name="tokenOf">Gets a token of this server's own identity, for a scope.</param>
internal sealed class SinkMaker(IBlobs blobs, Limits limits, TimeProvider clock, Outbound outbound, OutFolders folders, Func<string, CancellationToken, ValueTask<string>> tokenOf)
{
    private const int Megabytes = 100;
    private const int Files = 10;
    private readonly HttpClient _http = HttpDelivery.Client(limits.SinkTimeout, outbound);

    public ISink Make(SinkSettings sink, string? secret)
    {
        Uri Url(string otherwise = "") => new(sink.Field("url") ?? otherwise);
        return sink.Type switch
        {
            "file" => new FileSink(sink.Field("path")!, folders, (long)(sink.Number("megabytes") ?? Megabytes) << 20, sink.Number("files") ?? Files),
            "blob" => new BlobSink(blobs, sink.Field("container")!),
            "syslog" => new SyslogSink(new(sink.Field("server")!), outbound),
            "splunk" => Http(records => HttpSinks.Splunk(records, Url(), secret!, sink.Field("index"))),
            "elastic" => new HttpSink(_http, (records, _) => new(HttpSinks.Elastic(records, Url(), sink.Field("index")!, secret)), clock, HttpSinks.ElasticSaysAsync),
            "loki" => Http(records => HttpSinks.Loki(records, Url(), secret, sink.Field("tenant"))),
            "datadog" => Http(records => HttpSinks.ToDatadog(records, Url(HttpSinks.Datadog), secret!)),
            "http" => Http(records => HttpSinks.Lines(records, Url(), secret)),
            "azuremonitor" => new HttpSink(_http, async (records, ct) => HttpSinks.AzureMonitor(records, Url(), sink.Field("rule")!, sink.Field("stream")!, await tokenOf(HttpSinks.AzureMonitorScope, ct)), clock),
            "eventhubs" => new HttpSink(_http, async (records, ct) => HttpSinks.EventHubs(records, Url(), await tokenOf(HttpSinks.EventHubsScope, ct)), clock),
            _ => throw new InvalidOperationException($"There is no type '{sink.Type}' of sinks."),
        };
    }

    private HttpSink Http(Func<IReadOnlyList<SinkRecord>, HttpRequestMessage> requestOf) => new(_http, (records, _) => new(requestOf(records)), clock);
}

using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;

namespace Fleet.EndToEnd;

/// <summary>What goes to an OpenTelemetry collector, over OTLP.</summary>
public sealed class TraceTests
{
    [Fact]
    public async Task One_trace_leads_from_a_log_post_to_the_page_and_metrics_are_sent()
    {
        var traces = new ConcurrentQueue<byte[]>();
        var metrics = new ConcurrentQueue<byte[]>();
        await using var collector = await FakeService.StartAsync(secure: false, app => app.MapPost("/v1/{signal}", async (string signal, Microsoft.AspNetCore.Http.HttpContext context) =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            (signal == "traces" ? traces : metrics).Enqueue(body.ToArray());
        }));
        await using var pager = await Pager.StartAsync();
        await using var fleet = new ProgramUnderTest(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Url.AbsoluteUri.TrimEnd('/')), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/alerters/pager", $$"""{"type":"webhook","url":"{{pager.Url}}"}""");
        await fleet.SendAsync("POST", "/api/rules", """{"name":"r","alerters":["pager"],"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"processes"}]}}""");
        var agent = fleet.Agent(4);
        agent.LogRows("processes", "added", [new JsonObject { ["path"] = "/tmp/x" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(() => pager.Pages.Count == 1, () => fleet.Output);

        await Eventually.TrueAsync(() => SpansOf("send alert").Count > 0 && SpansOf("evaluate rules").Count > 0, () => fleet.Output);
        var trace = SpansOf("send alert")[0];
        Assert.Equal(trace, SpansOf("evaluate rules")[0]);
        await Eventually.TrueAsync(() => All().Any(span => span.Trace == trace && span.Name.StartsWith("POST", StringComparison.Ordinal)), () => string.Join(", ", All().Select(span => span.Name)));
        await Eventually.TrueAsync(() => metrics.Any(body => Encoding.UTF8.GetString(body).Contains("fleet.lines", StringComparison.Ordinal)), () => fleet.Output);

        List<string> SpansOf(string name) => [.. All().Where(span => span.Name == name).Select(span => span.Trace)];

        IEnumerable<(string Trace, string Name)> All() => traces.SelectMany(body => Spans(body));
    }

    [Fact]
    public async Task Application_Insights_gets_traces_and_metrics_where_its_connection_string_is_set()
    {
        var tracked = new ConcurrentQueue<string>();
        await using var insights = await FakeService.StartAsync(secure: false, app => app.MapPost("/v2.1/track", async (Microsoft.AspNetCore.Http.HttpContext context) =>
        {
            await using var unpacked = context.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
            using var reader = new StreamReader(unpacked);
            tracked.Enqueue(await reader.ReadToEndAsync());
            return Microsoft.AspNetCore.Http.TypedResults.Text("""{"itemsReceived":1,"itemsAccepted":1,"errors":[]}""", "application/json");
        }));
        await using var fleet = new ProgramUnderTest(
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", $"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={insights.Url}"),
            ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED", "true"));
        await fleet.StartAsync();

        // Of many calls some are sampled. What waits to be sent is sent when the program stops.
        for (var i = 0; i < 50; i++) Assert.True(await fleet.Agent(i).EnrollAsync(default));
        Assert.Equal(0, await fleet.StopAsync());
        Assert.True(Has("RequestData", "POST /enroll") && Has("MetricData", "fleet.agent.calls"), fleet.Output + string.Join('\n', tracked));

        bool Has(string type, string name) => tracked.SelectMany(body => body.Split('\n')).Any(item => item.Contains($"\"baseType\":\"{type}\"", StringComparison.Ordinal) && item.Contains(name, StringComparison.Ordinal));
    }

    /// <summary>Trace id and name of each span in an ExportTraceServiceRequest: resource_spans (1), scope_spans (2), spans (2), of which trace_id is 1 and name 5.</summary>
    private static IEnumerable<(string Trace, string Name)> Spans(byte[] request) =>
        from resource in Fields(request, 1)
        from scope in Fields(resource, 2)
        from span in Fields(scope, 2)
        select (Convert.ToHexStringLower(Fields(span, 1).First()), Encoding.UTF8.GetString(Fields(span, 5).First()));

    /// <summary>The fields of this number that have a length.</summary>
    private static List<byte[]> Fields(byte[] message, int number)
    {
        var found = new List<byte[]>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    Varint(message, ref at);
                    break;
                case 1:
                    at += 8;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    var length = (int)Varint(message, ref at);
                    if ((int)(tag >> 3) == number) found.Add(message[at..(at + length)]);
                    at += length;
                    break;
            }
        }

        return found;
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
    }
}

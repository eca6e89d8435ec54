using System.IO.Compression;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Sinks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Sinks;

/// <summary>What each service is sent.</summary>
public sealed class HttpSinkTests : IAsyncLifetime
{
    private static readonly DateTimeOffset s_time = new(2026, 1, 31, 8, 0, 0, 250, TimeSpan.Zero);
    private static readonly SinkRecord s_result = new("id1", s_time, NodeId.OfHost("H1"), "web-1", "pack/base/users", null, """{"name":"pack/base/users","columns":{"user":"ada ü"}}"""u8.ToArray());
    private static readonly SinkRecord s_status = new("id2", s_time, NodeId.OfHost("H1"), "web-1", "", 2, """{"message":"bad"}"""u8.ToArray());

    private FakeService _service = null!;
    private (string Path, string Body, IHeaderDictionary Headers) _sent;
    private (int Status, string Body) _answer = (200, "{}");

    public async Task InitializeAsync() => _service = await FakeService.StartAsync(secure: false, app => app.Run(async context =>
    {
        await using var body = context.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
        using var reader = new StreamReader(body);
        _sent = (context.Request.Path + context.Request.QueryString, await reader.ReadToEndAsync(), new HeaderDictionary(context.Request.Headers.ToDictionary()));
        context.Response.StatusCode = _answer.Status;
        await context.Response.WriteAsync(_answer.Body);
    }));

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task Splunk_gets_events_behind_each_other_with_the_token()
    {
        await SendAsync("splunk", "t0ken", ("index", "osquery"));
        Assert.Equal(("/services/collector/event", "Splunk t0ken"), (_sent.Path, _sent.Headers.Authorization.ToString()));
        var events = _sent.Body.Replace("}{", "}\n{", StringComparison.Ordinal).Split('\n').Select(one => JsonNode.Parse(one)!).ToList();
        Assert.Equal(("osquery:result", "web-1", "osquery", 1769846400.25m), ((string)events[0]["sourcetype"]!, (string)events[0]["host"]!, (string)events[0]["index"]!, (decimal)events[0]["time"]!));
        Assert.Equal("ada ü", (string)events[0]["event"]!["columns"]!["user"]!);
        Assert.Equal("osquery:status", (string)events[1]["sourcetype"]!);
    }

    [Fact]
    public async Task Elasticsearch_gets_a_bulk_that_creates_each_line_under_its_id()
    {
        await SendAsync("elastic", "ApiKey k", ("index", "logs-osquery.result-default"));
        Assert.Equal(("/logs-osquery.result-default/_bulk", "ApiKey k", "application/x-ndjson"), (_sent.Path, _sent.Headers.Authorization.ToString(), _sent.Headers.ContentType.ToString()));
        Assert.Equal(["""{"create":{"_id":"id1"}}""", """{"name":"pack/base/users","columns":{"user":"ada ü"}}""", """{"create":{"_id":"id2"}}""", """{"message":"bad"}""", ""], _sent.Body.Split('\n'));
    }

    [Theory]
    [InlineData("""{"errors":false,"items":[]}""", "Delivered")]
    [InlineData("""{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":201}}]}""", "Delivered")]
    [InlineData("""{"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}},{"create":{"status":429}}]}""", "RetryAfter")]
    [InlineData("""{"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}},{"create":{"status":201}}]}""", "Rejected")]
    public async Task What_a_bulk_did_not_take_is_found_in_its_success(string answer, string outcome)
    {
        _answer = (200, answer);
        Assert.Equal(outcome, (await TryAsync("elastic", null, ("index", "i"))).GetType().Name);
    }

    [Fact]
    public async Task Loki_gets_a_stream_each_query_with_nanoseconds()
    {
        await SendAsync("loki", "Basic x", ("tenant", "security"));
        Assert.Equal(("/loki/api/v1/push", "security"), (_sent.Path, _sent.Headers["X-Scope-OrgID"].ToString()));
        var streams = JsonNode.Parse(_sent.Body)!["streams"]!.AsArray();
        Assert.Equal((2, "pack/base/users", "1769846400250000000"), (streams.Count, (string)streams[0]!["stream"]!["query"]!, (string)streams[0]!["values"]![0]![0]!));
    }

    [Fact]
    public async Task Datadog_gets_messages_with_the_key()
    {
        await SendAsync("datadog", "k3y");
        Assert.Equal(("/api/v2/logs", "k3y"), (_sent.Path, _sent.Headers["DD-API-KEY"].ToString()));
        var first = JsonNode.Parse(_sent.Body)![0]!;
        Assert.Equal(("osquery", "web-1", "kind:result,query:pack/base/users"), ((string)first["ddsource"]!, (string)first["hostname"]!, (string)first["ddtags"]!));
        Assert.Equal("ada ü", (string)JsonNode.Parse((string)first["message"]!)!["columns"]!["user"]!);
    }

    [Fact]
    public async Task Azure_Monitor_gets_rows_with_this_servers_own_token()
    {
        await SendAsync("azuremonitor", null, ("rule", "dcr-1"), ("stream", "Custom-Osquery_CL"));
        Assert.Equal(("/dataCollectionRules/dcr-1/streams/Custom-Osquery_CL?api-version=2023-01-01", "Bearer token for https://monitor.azure.com/.default"), (_sent.Path, _sent.Headers.Authorization.ToString()));
        var row = JsonNode.Parse(_sent.Body)![0]!;
        Assert.Equal(("2026-01-31T08:00:00.250Z", "result", "web-1", "ada ü"), ((string)row["TimeGenerated"]!, (string)row["Kind"]!, (string)row["HostIdentifier"]!, (string)row["Event"]!["columns"]!["user"]!));
    }

    [Fact]
    public async Task Event_Hubs_gets_a_batch_with_this_servers_own_token()
    {
        await SendAsync("eventhubs", null);
        Assert.Equal(("/hub/messages?timeout=60&api-version=2014-01", "application/vnd.microsoft.servicebus.json", "Bearer token for https://eventhubs.azure.net/.default"), (_sent.Path, _sent.Headers.ContentType.ToString(), _sent.Headers.Authorization.ToString()));
        Assert.Equal("ada ü", (string)JsonNode.Parse((string)JsonNode.Parse(_sent.Body)![0]!["Body"]!)!["columns"]!["user"]!);
    }

    [NeedsFact(Rsyslog.Program)]
    public async Task Syslog_reaches_a_real_rsyslog()
    {
        await using var rsyslog = await Rsyslog.StartAsync();
        var sink = Maker().Make(new("s", "syslog", new Dictionary<string, string> { ["server"] = rsyslog.Plain.AbsoluteUri }), null);
        Assert.IsType<Delivery.Delivered>(await sink.SendAsync([s_result, s_status], default));
        Assert.Equal($$$"""6|local0|web-1|osquery|result|[fleet@32473 id="id1" node="{{{s_result.Node}}}" query="pack/base/users"]|{"name":"pack/base/users","columns":{"user":"ada ü"}}""", (await rsyslog.NextAsync()).Replace("\uFEFF", "", StringComparison.Ordinal));
        Assert.StartsWith("3|local0|web-1|osquery|status|", await rsyslog.NextAsync(), StringComparison.Ordinal);
    }

    private static SinkMaker Maker() => new(null!, Limits.Default, TimeProvider.System, new(["127.0.0.1"]), new(Path.GetTempPath(), []), (scope, _) => new("token for " + scope));

    private async Task<Delivery> TryAsync(string type, string? secret, params (string Name, string Value)[] fields)
    {
        var url = type == "eventhubs" ? _service.Url.AbsoluteUri + "hub" : _service.Url.AbsoluteUri;
        return await Maker().Make(new("s", type, fields.Append(("url", url)).ToDictionary()), secret).SendAsync([s_result, s_status], default);
    }

    private async Task SendAsync(string type, string? secret, params (string Name, string Value)[] fields) => Assert.IsType<Delivery.Delivered>(await TryAsync(type, secret, fields));
}

using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;

namespace Fleet.EndToEnd;

/// <summary>What agents get behind the Functions host when things go wrong: never an empty answer, which they take for success.</summary>
public sealed class EarlyAnswerTests
{
    private const string Post = """{"node_key":"x","log_type":"result","data":[]}""";

    [Fact]
    public async Task An_answer_begins_before_the_work_and_breaks_off_when_the_worker_dies()
    {
        await using var store = await SilentStore.StartAsync();
        await using var host = await HostOverAsync(store);
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        foreach (var isChunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/log") { Content = new StringContent(Post) };
            request.Headers.TransferEncodingChunked = isChunked;
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            await using var body = await response.Content.ReadAsStreamAsync();
            var first = new byte[64];
            Assert.Equal("{", Encoding.UTF8.GetString(first, 0, await body.ReadAsync(first)));
            host.Worker.Kill();

            // An end, which reading would tell as such, would be an answer.
            Assert.IsNotType<EndOfStreamException>(await Assert.ThrowsAnyAsync<IOException>(async () => await body.ReadExactlyAsync(new byte[1_000])));
            await host.Worker.RestartAsync();
        }
    }

    [Fact]
    public async Task A_call_that_takes_too_long_is_told_so_while_agents_still_listen()
    {
        await using var store = await SilentStore.StartAsync();
        await using var host = await HostOverAsync(store, ("Fleet__Limits__AnswerTime", "1s"));
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        foreach (var path in new[] { "/log", "/config", "/api/v1/osquery/distributed/read" })
        {
            using var response = await http.PostAsync(new Uri(path, UriKind.Relative), new StringContent(Post));
            Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]);
        }

        // Any JSON would be success to the carver.
        using var carve = await http.PostAsync(new Uri("/carve/continue", UriKind.Relative), new StringContent("""{"session_id":"1","block_id":0,"data":""}"""));
        var text = await carve.Content.ReadAsStringAsync();
        Assert.StartsWith("{failed", text, StringComparison.Ordinal);
        Assert.ThrowsAny<System.Text.Json.JsonException>(() => JsonNode.Parse(text));
    }

    [Fact]
    public async Task Errors_are_in_the_body_packed_if_the_agent_asks_for_it_and_so_are_configurations()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/queries/long", $$"""{"sql":"select '{{new string('x', 5000)}}' as a from uptime","interval":60,"tags":["lab"]}""");
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = fleet.Url };
        var enrolled = await AskAsync("/enroll", $$"""{"enroll_secret":"{{fleet.Secret}}:lab","host_identifier":"one"}""", "gzip");
        var key = (string)enrolled["node_key"]!;
        foreach (var encoding in new[] { "identity", "gzip" })
        {
            Assert.NotNull((await AskAsync("/config", $$"""{"node_key":"{{key}}"}""", encoding))["schedule"]!["long"]);
            Assert.NotNull((await AskAsync("/config", "nonsense", encoding))["error"]);
            Assert.True((bool)(await AskAsync("/config", """{"node_key":"x"}""", encoding))["node_invalid"]!);
            Assert.False((bool)(await AskAsync("/log", $$"""{"node_key":"{{key}}","log_type":"result","data":[]}""", encoding))["node_invalid"]!);
            Assert.NotNull((await AskAsync("/log", "nonsense", encoding))["error"]);
        }

        async Task<JsonNode> AskAsync(string path, string body, string encoding)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body) };
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(encoding));
            using var response = await http.SendAsync(request);
            Assert.Equal((HttpStatusCode.OK, "application/json"), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
            await using var stream = await response.Content.ReadAsStreamAsync();
            Assert.Equal(path == "/config" && encoding == "gzip", response.Content.Headers.ContentEncoding.Contains("gzip"));
            await using var plain = response.Content.Headers.ContentEncoding.Contains("gzip") ? new GZipStream(stream, CompressionMode.Decompress) : stream;
            return (await JsonNode.ParseAsync(plain))!;
        }
    }

    [Fact]
    public async Task A_body_over_the_hosts_usual_limit_is_answered_by_the_program()
    {
        await using var fleet = new FunctionsUnderTest(("Fleet__Limits__AgentBodyBytes", "1000000"));
        await fleet.StartAsync();
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = fleet.Url };
        using var response = await http.PostAsync(new Uri("/log", UriKind.Relative), new ByteArrayContent(new byte[105_000_000]));
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]);
    }

    [Fact]
    public async Task Wrong_settings_refuse_every_call_in_words_and_the_worker_stays()
    {
        var output = new List<string>();
        await using var cloud = await FakeCloud.StartAsync();
        await using var host = await FakeHost.StartAsync(PublishedFolder.Path, new Dictionary<string, string>(cloud.Settings) { ["Fleet__Logs__Retentoin"] = "1d" }, bus: null, line =>
        {
            lock (output) output.Add(line ?? "");
        });
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        foreach (var path in new[] { "/log", "/config", "/api/nodes", "/nothing" })
        {
            using var response = await http.PostAsync(new Uri(path, UriKind.Relative), new StringContent(Post));
            Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]);
        }

        using var block = await http.PostAsync(new Uri("/carve/continue", UriKind.Relative), new StringContent("{}"));
        Assert.StartsWith("failed: ", await block.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(1, host.Worker.Starts);
        lock (output) Assert.Contains(output, line => line.Contains("Retentoin", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Switching_off_a_function_that_agents_call_is_told_in_the_log()
    {
        await using var fleet = new FunctionsUnderTest(("AzureWebJobs.Log.Disabled", "true"));
        await fleet.StartAsync();
        await Eventually.TrueAsync(() => fleet.Output.Contains("Agents lose their logs", StringComparison.Ordinal), () => fleet.Output);
    }

    [Fact]
    public async Task The_address_of_a_machine_is_its_own_and_not_the_front_ends_or_one_that_it_makes_up()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var (_, text, _) = await fleet.TryAsync(
            "POST", "/enroll", $$"""{"enroll_secret":"{{fleet.Secret}}","host_identifier":"one"}""", ("X-Forwarded-For", "203.0.113.9"), ("CLIENT-IP", "203.0.113.9:1"));
        Assert.Contains("node_key", text, StringComparison.Ordinal);
        Assert.Equal("127.0.0.1", (string?)Assert.Single(await fleet.ListAsync("/api/nodes"))["lastAddress"]);
    }

    [Fact]
    public async Task A_worker_that_is_told_to_stop_finishes_what_it_is_at()
    {
        await using var store = await SilentStore.StartAsync();
        await using var host = await HostOverAsync(store, ("Fleet__Limits__AnswerTime", "2s"));
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/log") { Content = new StringContent(Post) };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var stopping = host.Worker.StopAsync();
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["error"]);
        await stopping;
    }

    private static Task<FakeHost> HostOverAsync(SilentStore store, params (string Name, string Value)[] settings)
    {
        var all = new Dictionary<string, string>
        {
            ["Fleet__Storage__ConnectionString"] = $"AccountName=a;AccountKey={Azurite.Key};TableEndpoint={store.Url}a;BlobEndpoint={store.Url}a",
            ["Fleet__Bus__ConnectionString"] = $"Endpoint=sb://{store.Url.Authority}/;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true",
            ["Fleet__Vault__Uri"] = store.Url.ToString(),
            ["IDENTITY_ENDPOINT"] = new Uri(store.Url, "/msi/token").ToString(),
            ["IDENTITY_HEADER"] = "x",
        };
        foreach (var name in new[] { "EvaluateRules", "ForwardResults", "SendAlerts", "Upkeep" }) all[$"AzureWebJobs.{name}.Disabled"] = "true";
        foreach (var (name, value) in settings) all[name] = value;
        return FakeHost.StartAsync(PublishedFolder.Path, all, bus: null, _ => { });
    }

    /// <summary>Azure's services on a bad day: they take requests, and never answer.</summary>
    private sealed class SilentStore(FakeService service, CancellationTokenSource stop) : IAsyncDisposable
    {
        public Uri Url => service.Url;

        public static async Task<SilentStore> StartAsync()
        {
            var stop = new CancellationTokenSource();
            return new(await FakeService.StartAsync(secure: false, app => app.Run(context => Task.Delay(Timeout.Infinite, CancellationTokenSource.CreateLinkedTokenSource(stop.Token, context.RequestAborted).Token))), stop);
        }

        public async ValueTask DisposeAsync()
        {
            await stop.CancelAsync();
            await service.DisposeAsync();
            stop.Dispose();
        }
    }
}

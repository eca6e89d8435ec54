using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Hosting;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Azure;

namespace Fleet.EndToEnd;

/// <summary>What the Functions host asks of the published folder, and what must not come through it.</summary>
public sealed class FunctionsHostTests
{
    private static readonly TimeSpan s_recovery = TimeSpan.FromMinutes(4);

    private static readonly string[] s_http =
    [
        "AgentFleet: POST PUT api/osquery/{*call}", "AgentFleetV1: POST PUT api/v1/osquery/{*call}", "AgentV1: POST PUT v1/{*call}", "CarveContinue: POST PUT carve/continue",
        "CarveStart: POST PUT carve/start", "Config: POST PUT config", "DistributedRead: POST PUT distributed/read", "DistributedWrite: POST PUT distributed/write", "Enroll: POST PUT enroll",
        "Log: POST PUT log", "Manager: GET HEAD POST PUT PATCH DELETE api/{*path}", "Portal: GET HEAD {*path}", "Unknown: POST PUT PATCH DELETE OPTIONS {*unknown}",
    ];

    [Fact]
    public async Task The_published_folder_is_what_the_host_demands()
    {
        await using var cloud = await FakeCloud.StartAsync();
        var functions = HostedFunction.ReadAll(PublishedFolder.Path, cloud.Settings);
        Assert.Equal(s_http, functions.Where(function => function.IsHttp).Select(function => $"{function.Name}: {string.Join(' ', function.Methods)} {function.Route}"));
        Assert.Equal(
            ["EvaluateRules: results/subscriptions/rules", "ForwardResults: results/subscriptions/sinks", "SendAlerts: alerts", "Upkeep: "],
            functions.Where(function => !function.IsHttp).Select(function => $"{function.Name}: {function.Entity}"));

        // Without these two files the host finds no function, and answers everything with an empty 404.
        var worker = (await ReadAsync("worker.config.json"))["description"]!;
        Assert.Equal(("dotnet-isolated", "dotnet", "Fleet.Functions.dll", "true"), ((string?)worker["language"], (string?)worker["defaultExecutablePath"], (string?)worker["defaultWorkerPath"], (string?)worker["workerIndexing"]));
        var loaders = (await ReadAsync("extensions.json"))["extensions"]!.AsArray().Select(extension => extension!["hintPath"]).ToList();
        Assert.All(loaders, path => Assert.True(File.Exists(Path.Combine(PublishedFolder.Path, (string)path!)), (string?)path));
        Assert.Contains(loaders, path => ((string)path!).EndsWith("FunctionMetadataLoader.dll", StringComparison.Ordinal));
        Assert.All(new[] { "Fleet.Functions.dll", "fleet.dll", "libe_sqlite3.so", "wwwroot/index.html" }, name => Assert.True(File.Exists(Path.Combine(PublishedFolder.Path, name)), name));

        var host = await ReadAsync("host.json");
        Assert.Equal("", (string?)host["extensions"]!["http"]!["routePrefix"]);
        Assert.Equal(["routePrefix"], host["extensions"]!["http"]!.AsObject().Select(setting => setting.Key));
        Assert.True((bool)host["extensions"]!["serviceBus"]!["autoCompleteMessages"]!);
        Assert.Null(host["customHandler"]);
        Assert.Null(host["extensionBundle"]);

        static async Task<JsonNode> ReadAsync(string name) => JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(PublishedFolder.Path, name)))!;
    }

    [Fact]
    public async Task A_browser_gets_the_portal_through_the_host()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        using var browser = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = fleet.Url };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        foreach (var path in new[] { "/", "/nodes", "/device/token" }) Assert.Contains("<div id=\"root\">", await browser.GetStringAsync(new Uri(path, UriKind.Relative)), StringComparison.Ordinal);
        using var icon = await browser.GetAsync("/icon.svg");
        Assert.Equal("image/svg+xml", icon.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task What_no_function_takes_is_refused_in_words_and_never_with_nothing()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = fleet.Url };
        foreach (var path in new[] { "/EvaluateRules", "/Upkeep", "/nothing", "/", "//log", "/log//", "/logs", "/v2/log", "/api/nothing", "/api/%2e%2e/EvaluateRules", "/carve/blok" })
        {
            foreach (var method in new[] { "POST", "PUT", "PATCH", "DELETE", "OPTIONS" })
            {
                using var request = new HttpRequestMessage(new(method), new Uri(fleet.Url.GetLeftPart(UriPartial.Authority) + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })) { Content = new StringContent("{}") };
                using var response = await http.SendAsync(request);
                var text = await response.Content.ReadAsStringAsync();
                Assert.True(text.Contains("error", StringComparison.Ordinal) || text.Contains("urn:fleet:problem:", StringComparison.Ordinal) || text.Contains("node_invalid", StringComparison.Ordinal), $"{method} {path}: {(int)response.StatusCode} '{text}'");
            }
        }
    }

    [Fact]
    public async Task Poison_is_delivered_ten_times_shown_as_a_dead_letter_and_sent_again_when_someone_says_so()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();

        // A batch whose second part is missing cannot be read.
        var tables = new AzureTables(
            StorageAccount.Parse((await Azurite.SecureAsync()).ConnectionStringOf(fleet.Cloud.Settings["Fleet__Storage__TableEndpoint"].Split('/')[^1])), TestCertificate.Instance.NewTransport());
        var broken = new Key("0a0b0c0d0e0f00010203040506070809", "0000000000000000001-abc");
        await tables["Results202612"].WriteAsync(
            Write.Insert(broken, new Columns { ["At"] = DateTimeOffset.UtcNow, ["Count"] = 1L, ["Parts"] = 2L }.WithBytes("N", [0]).WithBytes("L", [0])), default);
        fleet.Cloud.Bus.Send("results", $"Results202612/{broken.Partition}/{broken.Row}");

        await Eventually.TrueAsync(() => fleet.Cloud.Bus.CountOf("results/subscriptions/rules/$DeadLetterQueue") == 1, () => fleet.Output);
        var letter = Assert.Single(await fleet.ListAsync("/api/dead-letters"));
        Assert.Equal(("results/rules", $"Results202612/{broken.Partition}/{broken.Row}"), ((string?)letter["queue"], (string?)letter["message"]));
        await tables["Results202612"].WriteAsync(Write.Delete(broken), default);
        await fleet.SendAsync("POST", $"/api/dead-letters/{Uri.EscapeDataString((string)letter["id"]!)}/retry");
        await Eventually.TrueAsync(() => fleet.Cloud.Bus.CountOf("results/subscriptions/rules") == 0);
        Assert.Empty(await fleet.ListAsync("/api/dead-letters"));
    }

    [Fact]
    public async Task A_worker_that_dies_is_started_again_and_no_message_is_lost()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.WatchAsync("bad");
        var agent = fleet.Agent(1);
        Assert.True(await agent.EnrollAsync(default));
        for (var i = 0; i < 5; i++)
        {
            agent.LogRows("bad", "added", [new JsonObject { ["mark"] = i.ToString(System.Globalization.CultureInfo.InvariantCulture) }]);
            await Eventually.TrueAsync(async () => await agent.FlushLogsAsync(default));
            if (i % 2 == 0) await fleet.Host.Worker.RestartAsync();
        }

        // What a worker held when it died comes back when its lock ends, or when a chore looks for what was left.
        await Eventually.TrueAsync(async () => fleet.Host.Worker.Starts >= 4 && (await fleet.TryListAsync("/api/alerts"))?.Count == 5, () => fleet.Output, s_recovery);
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/alerts")).All(alert => (string?)alert["deliveries"]![0]!["state"] == "delivered"), () => fleet.Output, s_recovery);
    }

    [Fact]
    public async Task A_function_that_is_switched_off_leaves_its_messages_for_later()
    {
        await using var fleet = new FunctionsUnderTest(("AzureWebJobs.SendAlerts.Disabled", "true"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.WatchAsync("bad");
        var agent = fleet.Agent(1);
        agent.LogRows("bad", "added", [new JsonObject { ["a"] = "1" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(() => fleet.Cloud.Bus.CountOf("alerts") == 1, () => fleet.Output);
        Assert.Equal("pending", (string?)Assert.Single(await fleet.ListAsync("/api/alerts"))["deliveries"]![0]!["state"]);

        await using var on = fleet.Beside(("AzureWebJobs.SendAlerts.Disabled", "false"));
        await on.StartAsync();
        on.UseToken(fleet.Token);
        await Eventually.TrueAsync(async () => (string?)(await on.ListAsync("/api/alerts"))[0]["deliveries"]![0]!["state"] == "delivered");
    }

    [Fact]
    public async Task Each_function_can_be_switched_off()
    {
        await using var cloud = await FakeCloud.StartAsync();
        var all = HostedFunction.ReadAll(PublishedFolder.Path, cloud.Settings).Select(function => function.Name).ToList();
        foreach (var name in all)
        {
            var settings = new Dictionary<string, string>(cloud.Settings) { [$"AzureWebJobs.{name}.Disabled"] = "true" };
            Assert.Equal(all.Except([name]), HostedFunction.ReadAll(PublishedFolder.Path, settings).Select(function => function.Name));
        }
    }

    [Fact]
    public async Task A_session_is_good_on_every_instance_and_outlives_them()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        var password = Assert.Single(fleet.Cloud.Vault.ValuesOf(FirstStart.VaultPassword));
        Assert.DoesNotContain(password, fleet.Output, StringComparison.Ordinal);
        using var http = new HttpClient(TestCertificate.Instance.NewHandler());
        using var signIn = await http.PostAsync(new Uri(fleet.Url, "/api/session"), new StringContent($$"""{"username":"admin","password":"{{password}}"}""", Encoding.UTF8, "application/json"));
        var cookie = signIn.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet=", StringComparison.Ordinal)).Split(';')[0];
        await using var second = fleet.Beside();
        await second.StartAsync();
        Assert.Equal(HttpStatusCode.OK, await WhoAsync(second.Url));
        await fleet.KillAsync();
        await fleet.StartAsync();
        Assert.Equal(HttpStatusCode.OK, await WhoAsync(fleet.Url));

        async Task<HttpStatusCode> WhoAsync(Uri url)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(url, "/api/session"));
            request.Headers.Add("Cookie", cookie);
            using var response = await http.SendAsync(request);
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task Nothing_is_asked_of_the_network_before_the_first_answer()
    {
        var calls = 0;
        await using var everything = await FakeService.StartAsync(secure: false, app => Microsoft.AspNetCore.Builder.UseExtensions.Use(app, (Microsoft.AspNetCore.Http.HttpContext context, Microsoft.AspNetCore.Http.RequestDelegate _) =>
        {
            Interlocked.Increment(ref calls);
            context.Response.StatusCode = 500;
            return Task.CompletedTask;
        }));
        var settings = new Dictionary<string, string>
        {
            ["Fleet__Storage__ConnectionString"] = $"AccountName=a;AccountKey={Azurite.Key};TableEndpoint={everything.Url}a;BlobEndpoint={everything.Url}a",
            ["Fleet__Bus__ConnectionString"] = $"Endpoint=sb://{everything.Url.Authority}/;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true",
            ["Fleet__Vault__Uri"] = everything.Url.ToString(),
            ["IDENTITY_ENDPOINT"] = new Uri(everything.Url, "/msi/token").ToString(),
            ["IDENTITY_HEADER"] = "x",
        };
        foreach (var name in new[] { "EvaluateRules", "ForwardResults", "SendAlerts", "Upkeep" }) settings[$"AzureWebJobs.{name}.Disabled"] = "true";
        await using var host = await FakeHost.StartAsync(PublishedFolder.Path, settings, bus: null, _ => { });
        Assert.Equal(0, calls);

        // And then it is asked: the count can be trusted.
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        using var health = await http.GetAsync(new Uri("/healthz", UriKind.Relative));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.True(calls > 0);

        // So are people with a token, which cannot be looked up now.
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/nodes") { Headers = { { "Authorization", "Bearer fleet_token" } } };
        using var refused = await http.SendAsync(request);
        Assert.Contains("urn:fleet:problem:unavailable", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        // While nothing answers, agents on any path are told so in a way that keeps their logs.
        foreach (var path in new[] { "/log", "/v1/log", "/api/osquery/log", "/api/v1/osquery/config" })
        {
            using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), new StringContent("""{"node_key":"x","log_type":"result","data":[]}"""));
            Assert.Contains("\"error\":", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_large_body_streams_through_and_a_carve_arrives_whole()
    {
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var agent = fleet.Agent(1);
        Assert.True(await agent.EnrollAsync(default));
        var node = (string)(await fleet.NodeOfAsync(agent))["id"]!;
        var asked = await fleet.SendAsync("POST", "/api/carves", $$"""{"nodeId":"{{node}}","path":"/var/log/%","reason":"test"}""");
        await Eventually.TrueAsync(async () => await agent.PollDistributedAsync(default) == 1);
        var bytes = new byte[6 << 20];
        Random.Shared.NextBytes(bytes);
        Assert.True(await agent.CarveSender.SendAsync(agent.Carves.Dequeue(), bytes, 1 << 20, default));
        var carve = Assert.Single(await fleet.ListAsync("/api/carves"));
        Assert.Equal(("complete", (string?)asked["campaignId"]), ((string?)carve["status"], (string?)carve["campaignId"]));
        await Eventually.TrueAsync(async () => (string?)(await fleet.GetAsync($"/api/carves/{carve["id"]}"))["sha256"] == Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)));
    }

    [Fact]
    public async Task A_client_certificate_that_the_front_end_saw_is_a_node_and_a_forged_header_is_not()
    {
        using var authority = new TestAuthority("Fleet test authority");
        var certificate = authority.Issue("CN=laptop-7");
        var header = Convert.ToBase64String(certificate.RawData);
        await using var off = new FunctionsUnderTest();
        await off.StartAsync();
        Assert.True(await IsInvalidAsync(off.Url, null, header));

        await using var on = new FunctionsUnderTest(("Fleet__Certificates__Authorities", authority.Pem));
        await on.StartAsync();
        Assert.False(await IsInvalidAsync(on.Url, certificate, null));
        Assert.True(await IsInvalidAsync(on.Url, null, header));
        Assert.True(await IsInvalidAsync(on.Url, new TestAuthority("another").Issue("CN=laptop-7"), header));

        static async Task<bool> IsInvalidAsync(Uri url, System.Security.Cryptography.X509Certificates.X509Certificate2? certificate, string? forged)
        {
            using var handler = TestCertificate.Instance.NewHandler();
            if (certificate is not null) handler.SslOptions.ClientCertificates = [certificate];
            using var http = new HttpClient(handler);
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(url, "/config")) { Content = new StringContent("""{"node_key":""}""") };
            if (forged is not null) request.Headers.Add("X-ARR-ClientCert", forged);
            using var response = await http.SendAsync(request);
            return (bool?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["node_invalid"] == true;
        }
    }
}

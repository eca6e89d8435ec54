using System.Text.Json.Nodes;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;

namespace Fleet.EndToEnd;

/// <summary>Rules, alerts and sinks, from outside.</summary>
public abstract partial class Journeys
{
    [Fact]
    public async Task An_alert_lives_from_its_first_row_to_its_end_and_everyone_who_should_is_told()
    {
        await using var pager = await Pager.StartAsync();
        await using var mail = await MailServer.StartAsync();
        await using var fleet = New(("SSL_CERT_FILE", TestCertificate.Instance.Path));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/alerters/pager", $$"""{"type":"webhook","url":"{{pager.Url}}"}""");
        await fleet.SendAsync("PUT", "/api/alerters/mail", $$"""{"type":"email","server":"smtp://localhost:{{mail.Port}}","from":"fleet@example.org","to":"ada@example.org","user":"fleet","secret":"correct horse","everyRule":true,"minimumSeverity":"high"}""");
        await fleet.SendAsync("POST", "/api/rules", """
            {"name":"$path runs","severity":"high","alerters":["pager"],"group":{"window":"1h","by":["path"]},"resolveOnRemoved":true,
             "conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"processes"},{"field":"action","operator":"equal","value":"added"},{"field":"column","operator":"column_begins_with","value":["path","/tmp/"]}]}}
            """);
        var agent = fleet.Agent(4);
        agent.LogRows("processes", "added", [new JsonObject { ["path"] = "/tmp/x", ["pid"] = "1" }, new JsonObject { ["path"] = "/tmp/x", ["pid"] = "2" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(() => pager.Pages.Count == 1, () => fleet.Output);
        var message = await mail.NextAsync();
        Assert.True((bool)message["secure"]!);

        var alert = Assert.Single(await fleet.ListAsync("/api/alerts?state=open"));
        Assert.Equal(("/tmp/x runs", 2), ((string)alert["title"]!, (int)alert["count"]!));
        await fleet.SendAsync("POST", $"/api/alerts/{alert["id"]}/acknowledge", """{"note":"mine"}""");
        await Eventually.TrueAsync(() => pager.Pages.Count == 2, () => fleet.Output);

        // A line that says what stored ones said.
        await Eventually.TrueAsync(async () => (int?)JsonNode.Parse((await fleet.TryAsync("POST", "/api/rules/backtest", $$"""{"ruleId":"{{alert["ruleId"]}}"}""")).Text.TrimEnd().Split('\n')[^1])!["result"]?["alerts"] == 1);

        // It is over with the last of its rows.
        foreach (var pid in new[] { "1", "2" })
        {
            Assert.Empty(await fleet.ListAsync("/api/alerts?state=resolved"));
            agent.LogRows("processes", "removed", [new JsonObject { ["path"] = "/tmp/x", ["pid"] = pid }]);
            Assert.True(await agent.FlushLogsAsync(default));
        }

        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/alerts?state=resolved")).Count == 1, () => fleet.Output);
        await Eventually.TrueAsync(() => pager.Pages.Count == 3, () => fleet.Output);
        Assert.Equal(["opened", "acknowledged", "resolved"], pager.Pages.Select(page => (string)page["event"]!));
        Assert.Contains("In-Reply-To", (string)(await mail.NextAsync())["data"]!, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["resolved", "acknowledged", "opened"], (await fleet.ListAsync($"/api/alerts/{alert["id"]}/history")).Select(step => (string)step["action"]!));
    }

    [NeedsFact(Rsyslog.Program)]
    public async Task Lines_reach_their_sinks_over_TLS_and_after_the_sink_was_down()
    {
        await using var rsyslog = await Rsyslog.StartAsync();
        var isDown = true;
        var came = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var service = await FakeService.StartAsync(secure: false, app => app.MapPost("/in", async context =>
        {
            await using var body = new System.IO.Compression.GZipStream(context.Request.Body, System.IO.Compression.CompressionMode.Decompress);
            using var reader = new StreamReader(body);
            var text = await reader.ReadToEndAsync();
            if (isDown) context.Response.StatusCode = 503;
            else came.Enqueue(text);
        }));
        await using var fleet = New(("SSL_CERT_FILE", await BundleAsync(rsyslog.AuthorityPath)), ("Fleet__Limits__RetryFirst", "0.1s"), ("Fleet__Limits__RetryMost", "0.2s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/sinks/siem", $$"""{"type":"http","url":"{{new Uri(service.Url, "/in")}}","queries":["users*"],"format":"ecs"}""");
        await fleet.SendAsync("PUT", "/api/sinks/collector", $$"""{"type":"syslog","server":"{{rsyslog.Secure}}","results":false,"statusLogs":true}""");
        await fleet.SendAsync("PUT", "/api/sinks/archive", """{"type":"blob","container":"archive"}""");
        var agent = fleet.Agent(3);
        agent.LogRows("users", "added", [new JsonObject { ["user"] = "ada" }]);
        agent.LogStatus(2, "something broke");
        Assert.True(await agent.FlushLogsAsync(default));

        await Eventually.TrueAsync(async () => (int)(await fleet.GetAsync("/api/sinks/archive/status"))["sent"]! >= 1, () => fleet.Output);
        Assert.Contains("something broke", await rsyslog.NextAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (int)(await fleet.GetAsync("/api/sinks/siem/status"))["failures"]! > 0, () => fleet.Output);
        isDown = false;
        await Eventually.TrueAsync(() => came.Any(text => text.Contains("ada", StringComparison.Ordinal)), () => fleet.Output);
        var line = JsonNode.Parse(came.First(text => text.Contains("ada", StringComparison.Ordinal)).Split('\n')[0])!;
        Assert.Equal(("osquery.result", "users", "ada"), ((string)line["event"]!["dataset"]!, (string)line["osquery"]!["result"]!["name"]!, (string)line["osquery"]!["result"]!["columns"]!["user"]!));
        await Eventually.TrueAsync(async () => (await fleet.GetAsync("/api/sinks/siem/status")) is var status && (int)status["waiting"]! == 0 && (int)status["sent"]! >= 1 && status["error"] is null, () => fleet.Output);
    }

    [Fact]
    public async Task What_does_not_come_is_told_of_and_told_to_others_and_is_over_when_it_comes()
    {
        await using var pager = await Pager.StartAsync();
        await using var boss = await Pager.StartAsync();
        await using var diary = await Pager.StartAsync();
        await using var fleet = New(
            ("Fleet__Limits__ShortestSpan", "0.1s"), ("Fleet__Limits__AlertsLook", "0.2s"), ("Fleet__Limits__AbsenceLook", "0.2s"), ("Fleet__Limits__SeenFlush", "0.2s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/alerters/pager", $$"""{"type":"webhook","url":"{{pager.Url}}"}""");
        await fleet.SendAsync("PUT", "/api/alerters/boss", $$"""{"type":"webhook","url":"{{boss.Url}}"}""");
        await fleet.SendAsync("PUT", "/api/alerters/diary", $$"""{"type":"webhook","url":"{{diary.Url}}","digestEvery":"0.5s"}""");
        await fleet.SendAsync("POST", "/api/rules", """{"name":"$node never reported","alerters":["pager","diary"],"absence":{"kind":"never_reported","for":"0.5s"},"escalate":{"after":"0.5s","alerters":["boss"]}}""");
        var agent = fleet.Agent(4);
        Assert.True(await agent.EnrollAsync(default));
        await Eventually.TrueAsync(() => Events(pager) == "opened escalated" && Events(boss) == "escalated" && Events(diary).StartsWith("digest", StringComparison.Ordinal), Told);

        agent.LogRows("processes", "added", [new JsonObject { ["path"] = "/usr/bin/ls" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(() => Events(pager) == "opened escalated resolved" && Events(boss) == "escalated resolved", Told);
        Assert.Single(await fleet.ListAsync("/api/alerts?state=resolved"));

        string Told() => $"pager: {Events(pager)}; boss: {Events(boss)}; diary: {Events(diary)}. {fleet.Output}";
        static string Events(Pager pager) => string.Join(' ', pager.Pages.Select(page => (string?)page["event"]));
    }

    [Fact]
    public async Task Three_rows_are_too_many_maintenance_holds_pages_back_and_what_was_given_up_is_sent_again()
    {
        await using var pager = await Pager.StartAsync();
        await using var fleet = New(("Fleet__Limits__AlertsLook", "0.2s"), ("Fleet__Limits__AlertDeliveries", "5"), ("Fleet__Limits__RetryFirst", "0.05s"), ("Fleet__Limits__RetryMost", "0.1s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/alerters/pager", $$"""{"type":"webhook","url":"{{pager.Url}}"}""");
        await fleet.SendAsync("POST", "/api/rules", """
            {"name":"log-ins","alerters":["pager"],"threshold":{"count":3,"window":"1h","per":"node"},
             "conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"logins"}]}}
            """);
        var mute = await fleet.SendAsync("POST", "/api/mutes", """{"to":"2199-01-01T00:00:00Z","reason":"the door is mended"}""");
        var agent = fleet.Agent(4);
        agent.LogRows("logins", "added", [new JsonObject { ["user"] = "a" }, new JsonObject { ["user"] = "b" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/results?query=logins")).Count == 2, () => fleet.Output);
        agent.LogRows("logins", "added", [new JsonObject { ["user"] = "c" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/alerts")).Count == 1, () => fleet.Output);
        Assert.Equal("quiet", (string?)(await fleet.ListAsync("/api/alerts"))[0]["deliveries"]![0]!["state"]);
        Assert.Empty(pager.Pages);

        pager.IsDown = true;
        await fleet.SendAsync("DELETE", $"/api/mutes/{mute["id"]}");
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/dead-letters")).Count == 1, () => fleet.Output);
        Assert.Equal("failed", (string?)(await fleet.ListAsync("/api/alerts"))[0]["deliveries"]![0]!["state"]);
        pager.IsDown = false;
        await fleet.SendAsync("POST", $"/api/dead-letters/{Uri.EscapeDataString((string)(await fleet.ListAsync("/api/dead-letters"))[0]["id"]!)}/retry");
        await Eventually.TrueAsync(() => pager.Pages.Count == 1, () => fleet.Output);
        await Eventually.TrueAsync(async () => (string?)(await fleet.ListAsync("/api/alerts"))[0]["deliveries"]![0]!["state"] == "delivered", () => fleet.Output);
        Assert.Empty(await fleet.ListAsync("/api/dead-letters"));
    }

    /// <summary>Whom the tests' servers trust: the tests' own certificate, and another authority.</summary>
    private static async Task<string> BundleAsync(string authority)
    {
        var path = Path.Combine(Path.GetDirectoryName(authority)!, "bundle.pem");
        await File.WriteAllTextAsync(path, await File.ReadAllTextAsync(authority) + "\n" + await File.ReadAllTextAsync(TestCertificate.Instance.Path));
        return path;
    }
}

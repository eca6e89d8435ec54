using Fleet.Shared;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Alerts;

/// <summary>Doorman's alert cases X01 to X08, and ours: from a line to a delivered alert.</summary>
public sealed class AlertTests
{
    private const string Watch = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"watch-me"}]}""";
    private const string Line = """[{"name":"watch-me","unixTime":1772452800,"diffResults":{"added":[{"pid":"7"}],"removed":""} }]""";

    [Fact]
    public async Task An_alert_carries_the_link_for_the_machines_user_where_that_is_switched_on()
    {
        foreach (var isOn in new[] { true, false })
        {
            await using var world = await World.OpenAsync(("Transparency:Enabled", isOn ? "true" : "false"));
            var key = await world.EnrollAsync("H1");
            await world.AddRuleAsync("r", Watch, "log");
            await world.LogAsync(key, Line);
            await world.PumpAsync();
            Assert.Equal(isOn, world.AlertLog.Contains("\"deviceLink\":\"/device/", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_line_that_matches_raises_an_alert_and_it_is_delivered() // X01, X05
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("loud", Watch, "log");
        await world.AddRuleAsync("quiet", Watch);
        await world.LogAsync(key, Line);
        await world.PumpAsync();

        var alerts = (await world.AlertsAsync()).OrderBy(alert => alert.RuleName).ToList();
        Assert.Equal(["loud", "quiet"], alerts.Select(alert => alert.RuleName));
        var line = JsonNode.Parse(alerts[0].Line)!;
        Assert.Equal(("watch-me", "added", "H1", "7"), ((string?)line["name"], (string?)line["action"], (string?)line["hostIdentifier"], (string?)line["columns"]!["pid"]));
        Assert.Equal(("log", "delivered", 1), Flat(Assert.Single(alerts[0].Deliveries)));
        Assert.Empty(alerts[1].Deliveries);
        Assert.Single(await LogFileAsync(world));
    }

    [Fact]
    public async Task Matching_and_other_rows_are_told_apart_one_by_one() // X04
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"column","operator":"column_equal","value":["pid","7"]}]}""");
        foreach (var pid in new[] { "7", "8", "7" })
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            await world.LogAsync(key, $$$"""[{"name":"q","unixTime":{{{world.Clock.Now.ToUnixTimeSeconds()}}},"columns":{"pid":"{{{pid}}}"},"action":"added"}]""");
        }

        await world.PumpAsync();
        Assert.Equal(2, (await world.AlertsAsync()).Count);
    }

    [Fact]
    public async Task A_batch_or_a_line_that_comes_again_raises_nothing_twice_and_sends_nothing_twice()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "log");
        await world.LogAsync(key, Line);
        await world.PumpAsync();
        await world.LogAsync(key, Line);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        await world.LogAsync(key, Line[..^1] + """,{"name":"other","columns":{},"action":"added"}]""");
        await world.PumpAsync();
        Assert.Single(await world.AlertsAsync());
        Assert.Single(await LogFileAsync(world));
    }

    [Fact]
    public async Task Of_two_instances_that_judge_one_batch_at_once_only_one_raises()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "log");
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        await world.LogAsync(key, Line);
        var table = Assert.Single(await world.Tables.ListAsync("Results", default));
        var rows = await world.Tables[table].PageAsync(Fleet.Storage.KeyRange.Partition(NodeId.OfHost("H1").ToString()), 10, null, default);
        var messages = rows.Items.Where(row => !row.Key.Row.Contains('.', StringComparison.Ordinal)).Select(row => $"{table}/{row.Key.Partition}/{row.Key.Row}").ToList();
        await Task.WhenAll(new[] { world, second, world, second }.SelectMany(each =>
            messages.Select(message => each.Get<IEnumerable<ISubscriber>>().OfType<EvaluateRules>().Single().HandleAsync(message, default).AsTask())));
        await world.PumpAsync();
        Assert.Single(await world.AlertsAsync());
        Assert.Single(await LogFileAsync(world));
    }

    [Fact]
    public async Task A_batch_that_no_rule_wants_costs_no_message()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.PumpAsync();
        await world.AddRuleAsync("r", Watch, "log");
        await world.LogAsync(key, """[{"name":"other","columns":{"a":"1"},"action":"added"}]""");
        Assert.Equal(0, await world.Get<Fleet.Bus.Embedded.BusPump>().OnceAsync(default));
        await world.LogAsync(key, Line);
        Assert.NotEqual(0, await world.Get<Fleet.Bus.Embedded.BusPump>().OnceAsync(default));
    }

    [Fact]
    public async Task An_alerter_that_is_gone_stops_no_other() // X07
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "gone", "log");
        await world.LogAsync(key, Line);
        await world.PumpAsync();
        var deliveries = Assert.Single(await world.AlertsAsync()).Deliveries;
        Assert.Equal(["gone:failed", "log:delivered"], deliveries.Select(d => $"{d.Alerter}:{d.State}"));
        Assert.Contains("gone", Assert.Single(await world.Get<IDeadLetters>().ListAsync(10, default)).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Enrollment_is_told_once_under_our_name_and_Doormans() // E31, E32
    {
        await using var world = await World.OpenAsync();
        await world.AddRuleAsync("ours", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"fleet/node_enrolled"}]}""", "log");
        await world.AddRuleAsync("doormans", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"doorman/tasks/node_enrolled"}]}""", "log");
        await world.EnrollAsync("H1");
        await world.EnrollAsync("H1");
        await world.PumpAsync();
        var alerts = await world.AlertsAsync();
        Assert.Equal(2, alerts.Count);
        var line = JsonNode.Parse(alerts[0].Line)!;
        Assert.Equal(("triggered", "192.0.2.10", NodeId.OfHost("H1").ToString()), ((string?)line["action"], (string?)line["columns"]!["last_ip"], (string?)line["columns"]!["node_id"]));
    }

    [Fact]
    public async Task A_silent_node_is_told_once_and_again_after_a_day_by_several_instances_too()
    {
        await using var world = await World.OpenAsync(("Nodes:SilentAfter", "1h"));
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"doorman/tasks/node_offline_checks"},{"field":"column","operator":"column_greater","value":["since_last_checkin","3599"]}]}""");
        await world.EnrollAsync("H1");
        var key = await world.EnrollAsync("H2");
        await world.Get<SilentNodes>().RunAsync(default);
        await LookAsync(TimeSpan.FromMinutes(59), 0);
        await LookAsync(TimeSpan.FromMinutes(2), 1);
        await LookAsync(TimeSpan.FromHours(10), 1);
        await LookAsync(TimeSpan.FromHours(14), 2);

        async Task LookAsync(TimeSpan later, int alerts)
        {
            for (var look = TimeSpan.FromMinutes(1); later > TimeSpan.Zero; later -= look)
            {
                look = later < TimeSpan.FromMinutes(5) ? later : TimeSpan.FromMinutes(5);
                world.Clock.Advance(look);
                await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
                await world.Get<LastSeen>().FlushAsync(default);
                await world.Get<SilentNodes>().RunAsync(default);
            }

            await using var second = await world.OpenSecondAsync();
            await second.Get<SilentNodes>().RunAsync(default);
            await world.PumpAsync();
            Assert.Equal(alerts, (await world.AlertsAsync()).Count);
        }
    }

    [Fact]
    public async Task After_a_day_in_which_nobody_looked_machines_get_time_to_come_back()
    {
        await using var world = await World.OpenAsync(("Nodes:SilentAfter", "1h"));
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"fleet/node_silent"}]}""");
        await world.EnrollAsync("H1");
        var key = await world.EnrollAsync("H2");
        await world.Get<SilentNodes>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromDays(1));
        await world.Get<SilentNodes>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
        await world.Get<LastSeen>().FlushAsync(default);
        for (var i = 0; i < 2; i++)
        {
            await world.Get<SilentNodes>().RunAsync(default);
            world.Clock.Advance(TimeSpan.FromMinutes(5));
        }

        await using var another = await world.OpenSecondAsync();
        await another.Get<SilentNodes>().RunAsync(default);
        await world.PumpAsync();
        Assert.Contains("H1", Assert.Single(await world.AlertsAsync()).Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_webhook_gets_signed_JSON_is_tried_again_when_it_fails_and_ends_as_a_dead_letter_that_can_be_retried()
    {
        using var listener = new HttpListener();
        var port = Ports.Free();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        var status = 500;
        var got = new List<(string Body, string? Signature)>();
        var serving = Task.Run(async () =>
        {
            while (true)
            {
                var context = await listener.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream);
                got.Add((await reader.ReadToEndAsync(), context.Request.Headers["X-Fleet-Signature"]));
                context.Response.StatusCode = status;
                context.Response.Close();
            }
        });

        await using var world = await World.OpenAsync(("Limits:AlertDeliveries", "3"));
        await world.Get<Alerters>().PutAsync(new("hook", "webhook", new Dictionary<string, string> { ["url"] = $"http://127.0.0.1:{port}/x" }), "s3cr3t", null, default);
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "hook");
        await world.LogAsync(key, Line);
        for (var i = 0; i < 5; i++)
        {
            await world.PumpAsync();
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(3, got.Count);
        Assert.All(got, sent => Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("s3cr3t"u8, Encoding.UTF8.GetBytes(sent.Body))), sent.Signature));
        Assert.Equal(("hook", "failed", 3), Flat(Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries)));
        var letter = Assert.Single(await world.Get<IDeadLetters>().ListAsync(10, default));

        status = 200;
        Assert.True(await world.Get<IDeadLetters>().RetryAsync(letter.Id, default));
        await world.PumpAsync();
        Assert.Equal("delivered", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).State);
        Assert.Empty(await world.Get<IDeadLetters>().ListAsync(10, default));
        status = 410;
        await world.LogAsync(key, Line.Replace("\"7\"", "\"8\"", StringComparison.Ordinal));
        await world.PumpAsync();
        Assert.Contains("410", Assert.Single(await world.Get<IDeadLetters>().ListAsync(10, default)).Reason, StringComparison.Ordinal);
        listener.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => serving);
    }

    private static (string, string, int) Flat(AlertDelivery delivery) => (delivery.Alerter, delivery.State, delivery.Attempts);

    private static Task<string[]> LogFileAsync(World world) =>
        File.ReadAllLinesAsync(Path.Combine(world.Get<Fleet.Hosting.DataFolder>().Out, "alerts.ndjson"));
}

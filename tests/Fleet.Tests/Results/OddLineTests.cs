using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Sinks;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Results;

/// <summary>What one machine writes, whatever it is, is kept, marked, and harms nobody else's.</summary>
public sealed class OddLineTests : ApiTest
{
    private const string Good = """{"name":"q","unixTime":1772452800,"columns":{"pid":"good"},"action":"added"}""";

    private static readonly DateTimeOffset s_received = DateTimeOffset.FromUnixTimeSeconds(1772452800);

    /// <summary>Each line by itself, through everything that reads lines, without the net that catches what nobody thought of.</summary>
    [Fact]
    public void Every_reader_takes_any_JSON_in_any_place()
    {
        var rules = new RuleSet([Negated()]);
        Assert.InRange(Mutations.Lines.Count, 500, 20_000);
        foreach (var line in Mutations.Lines)
        {
            var lines = Encoding.UTF8.GetBytes($"[{line},{Good}]");
            var body = LogBody.Scan(Encoding.UTF8.GetBytes($$"""{"data":[{{line}},{{Good}}],"log_type":"result","node_key":"k"}"""));
            Assert.Equal(2, body.Count);
            var rows = LineReader.Read(lines, s_received);
            Assert.True(rows.TrueForAll(row => row.Fault?.Contains("cannot be read", StringComparison.Ordinal) != true), $"{line}: {rows[0].Fault}");
            Assert.Equal("good", rows[^1].Column("pid"));
            Assert.All(rows, row => _ = row.Decorations);
            Assert.Equal(2, StatusLine.Read(lines, s_received).Count);
            StatusLine.AtLeast(lines, 1);
            Assert.Contains(rules.NewJudge().Matches(lines, s_received, NodeFacts.Unknown(NodeId.OfHost("h"))), match => match.Row.Column("pid") == "good");
            var batch = new Batch(new("Results202610", NodeId.OfHost("h"), $"{TimeKey.NewestFirst(s_received)}-{new string('0', 32)}"), s_received, 2, ["q"], s_received, s_received, lines);
            foreach (var format in new[] { SinkSettings.Ecs, SinkSettings.Event })
            {
                foreach (var record in SinkRecords.Of(batch, Sink(format), "h", Fleet.Nodes.TagSet.None, out _)) JsonDocument.Parse(record.Json, new() { MaxDepth = 600 }).Dispose();
            }
        }
    }

    [Fact]
    public async Task All_of_them_together_stop_no_stage_and_no_page()
    {
        var odd = await EnrollAsync("odd");
        var good = await EnrollAsync("good");
        await Api.OkAsync("POST", "/api/rules", """{"name":"all","severity":"low","alerters":[],"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"},{"field":"column","operator":"column_equal","value":["pid","good"]}]}}""");
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        foreach (var lines in Mutations.Lines.Select(line => line.Replace("1772452800", now, StringComparison.Ordinal)).Chunk(100))
        {
            await LogAsync(odd, $"[{string.Join(',', lines)}]");
            await LogAsync(odd, $"[{string.Join(',', lines)}]", "status");
        }

        await LogAsync(good, $"[{Good},{Good.Replace("{\"pid\":\"good\"}", "17", StringComparison.Ordinal)}]");
        await LogAsync(good, """[{"message":"good","severity":"1","unixTime":"1772452800"}]""", "status");
        await Server.MaterializeAsync();
        Assert.Empty(await Server.Services.GetRequiredService<Quarantine>().ListAsync(10, default));
        Assert.Empty((await Server.Services.GetRequiredService<Inbox>().PageAsync(10, null, default)).Items);

        foreach (var path in new[]
        {
            $"/api/nodes/{IdOf("odd")}", $"/api/nodes/{IdOf("odd")}/results?take=1000", $"/api/nodes/{IdOf("odd")}/status-logs?take=1000", $"/api/nodes/{IdOf("odd")}/activity",
            "/api/results?take=1000", "/api/results?take=1000&query=q", "/api/status-logs?take=1000", "/api/reports/q", "/api/stats/nodes", "/api/stats/activity", "/api/stats/queries", "/api/health",
        })
        {
            var (status, json) = await Api.SendAsync("GET", path);
            Assert.True((int)status == 200, $"{path}: {json}");
        }

        foreach (var path in new[] { "/api/results/export", "/api/results/export?format=csv", "/api/status-logs/export", "/api/status-logs/export?format=csv", "/api/report-exports/q", "/api/report-exports/q?format=csv" })
        {
            using var response = await Api.Http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.True(response.IsSuccessStatusCode, path);
            Assert.True(response.Headers.Contains("Fleet-Complete-Up-To"), path);
            Assert.Contains("good", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        // What was spoiled is there, raw and marked.
        var page = (await Api.GetAsync($"/api/nodes/{IdOf("good")}/results"))["items"]!.AsArray();
        Assert.Contains(page, row => (string?)row!["fault"] == "columns must be a JSON object" && ((string)row["raw"]!).Contains("\"columns\":17", StringComparison.Ordinal));
        await Api.EventuallyAsync("/api/alerts", alerts => alerts["items"]!.AsArray().Any(alert => alert!.ToJsonString().Contains("good", StringComparison.Ordinal)));
        Assert.Empty((await Api.GetAsync("/api/dead-letters"))["items"]!.AsArray());

        var (backTest, found) = await Api.SendAsync("POST", "/api/rules/backtest", """{"rule":{"name":"draft","conditions":{"condition":"AND","rules":[{"field":"column","operator":"column_not_equal","value":["pid","none"]}]}}}""");
        Assert.Equal(200, (int)backTest);
        Assert.True((int)found!["result"]!["matches"]! > 100, found.ToJsonString());
    }

    private static (Rule, RuleNode) Negated()
    {
        const string Conditions = """{"condition":"OR","rules":[{"field":"column","operator":"column_not_equal","value":["path","none"]},{"field":"decoration","operator":"not_equal","value":["user","none"]},{"field":"timestamp","operator":"less","value":1}]}""";
        using var json = JsonDocument.Parse(Conditions);
        var root = RuleParser.Parse(json.RootElement, Limits.Default, out var faults);
        return (new Rule("r", "r", "", Conditions, [], "low", true, s_received, s_received), root ?? throw new InvalidOperationException(string.Join(' ', faults)));
    }

    private static SinkSettings Sink(string format) => new("s", "file", new Dictionary<string, string>()) { Format = format, StatusLogs = true };
}

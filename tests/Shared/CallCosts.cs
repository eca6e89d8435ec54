using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Agents;
using Fleet.Bus;
using Fleet.Hosting;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Rules;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Shared;

/// <summary>What one call of an agent costs in operations that a cloud bills.</summary>
/// <param name="Reads">Table transactions that read.</param>
/// <param name="Writes">Table transactions that write; a batch is one.</param>
/// <param name="Sends">Messages sent.</param>
internal sealed record CallCost(string Call, int Reads, int Writes, int Sends);

/// <summary>Makes every kind of call against the whole agent side, and counts at the ports of storage and bus.</summary>
internal static class CallCosts
{
    private const string Secret = "open-sesame";

    public static async Task<IReadOnlyList<CallCost>> MeasureAsync()
    {
        using var scratch = new Scratch();
        var settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Fleet:Data"] = scratch.Path }).Build());
        var bus = new CountingBus();
        await using var services = new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>)).AddRooms(settings).AddSingleton<IBus>(bus)
            .AddSingleton(s => new CountingTables(new SqliteTables(s.GetRequiredService<SqliteDatabase>(), TimeProvider.System)))
            .AddSingleton<ITables>(s => s.GetRequiredService<CountingTables>())
            .AddSingleton<TimeProvider>(new StillClock())
            .BuildServiceProvider();
        var tables = services.GetRequiredService<CountingTables>();
        await services.GetRequiredService<SigningKeys>().ReadAsync(default);
        await services.GetRequiredService<ChangeFeed>().LookAsync(default);
        await services.GetRequiredService<EnrollSecrets>().CreateAsync("", TagSet.None, null, null, null, Secret, default);
        const string Conditions = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"watched"}]}""";
        var now = TimeProvider.System.GetUtcNow();
        await services.GetRequiredService<RuleStore>().PutAsync(new("r", "r", "", Conditions, [], "high", Enabled: true, now, now), null, default);
        var key = (string)JsonNode.Parse(await PostAsync(services, "enroll", Enroll("host-0")))!["node_key"]!;
        await PostAsync(services, "config", $$"""{"node_key":"{{key}}"}""");

        // The first post of each kind after a start asks what came before it.
        foreach (var type in new[] { "result", "status" }) await PostAsync(services, "log", Log(key, 1, "first", type));

        var costs = new List<CallCost>();
        await CountAsync("enroll, a new node", "enroll", Enroll("host-1"));
        await CountAsync("enroll, a known node", "enroll", Enroll("host-1"));
        await CountAsync("config, idle", "config", $$"""{"node_key":"{{key}}"}""");
        await CountAsync("distributed/read, idle", "distributed/read", $$"""{"node_key":"{{key}}"}""");
        foreach (var lines in new[] { 1, 100, 1_000 })
        {
            await CountAsync($"log, {lines} lines", "log", Log(key, lines, "quiet"));
            await CountAsync($"log, {lines} lines, a rule wants them", "log", Log(key, lines, "watched"));
        }

        await CountAsync("log, 100 status lines", "log", Log(key, 100, "quiet", "status"));
        var campaign = await services.GetRequiredService<CampaignStore>().StartAsync(
            new("c", "select 1", "", new(All: true, [], [], MatchAll: false, [], null), now, "", now, now.AddHours(1), null, 0), default);
        await CountAsync("distributed/read, a question", "distributed/read", $$"""{"node_key":"{{key}}"}""");
        await CountAsync("distributed/write, its answer", "distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[{"a":"1"}]},"statuses":{"{{{campaign.Id}}}":0},"node_key":"{{{key}}}"}""");
        return costs;

        async Task CountAsync(string name, string call, string body)
        {
            tables.Reset();
            var before = bus.Sends;
            var answer = await PostAsync(services, call, body);
            if (answer.Contains("error", StringComparison.Ordinal) || answer.Contains("\"node_invalid\":true", StringComparison.Ordinal)) throw new InvalidOperationException($"{name}: {answer}");
            costs.Add(new(name, tables.Reads, tables.Writes, bus.Sends - before));
        }
    }

    private static async Task<string> PostAsync(IServiceProvider services, string call, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var context = new DefaultHttpContext();
        (context.Request.Method, context.Request.Path, context.Request.ContentLength, context.Request.Body) = ("POST", "/" + call, bytes.Length, new MemoryStream(bytes));
        var answer = new MemoryStream();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(answer));
        await services.GetRequiredService<AgentEndpoint>().HandleAsync(context, call);
        return Encoding.UTF8.GetString(answer.ToArray());
    }

    private static string Enroll(string host) => $$"""{"enroll_secret":"{{Secret}}","host_identifier":"{{host}}"}""";

    private static string Log(string key, int lines, string query, string type = "result")
    {
        var data = string.Join(',', Enumerable.Range(0, lines).Select(i => type == "result"
            ? $$$"""{"name":"{{{query}}}","unixTime":{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}},"columns":{"pid":"{{{i}}}","path":"/usr/bin/{{{Guid.NewGuid()}}}"},"action":"added"}"""
            : $$"""{"severity":1,"message":"{{i}}","unixTime":{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}}"""));
        return $$"""{"data":[{{data}}],"log_type":"{{type}}","node_key":{{JsonSerializer.Serialize(key)}}}""";
    }

    /// <summary>Real time of day, and a stopwatch that stands still: no look at the change feed falls into a count.</summary>
    private sealed class StillClock : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }
}

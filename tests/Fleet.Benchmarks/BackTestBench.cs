using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Benchmarks;

/// <summary>A day's stored lines of 500 nodes, judged once more on the embedded store.</summary>
internal static class BackTestBench
{
    private const int Nodes = 500;
    private const int LinesInBatch = 200;
    private static readonly string[] s_queries = ["pack/base/processes", "pack/base/listening_ports", "pack/base/users", "pack/base/mounts"];

    public static async Task RunAsync(string[] arguments)
    {
        var lines = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 10_000_000;
        var folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
        try
        {
            using var database = new SqliteDatabase(Path.Combine(folder, "bench.db"), Limits.Default);
            var tables = new SqliteTables(database, TimeProvider.System);
            var changes = new ChangeFeed(tables, Limits.Default, TimeProvider.System, NullLogger<ChangeFeed>.Instance);
            var (batches, index) = (new BatchStore(tables, TimeProvider.System), new ResultIndex(tables));
            var end = new DateTimeOffset(DateTime.UtcNow.Date, TimeSpan.Zero);
            var filling = Stopwatch.StartNew();
            await FillAsync(batches, index, end.AddDays(-1), lines / LinesInBatch);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{lines:N0} lines in {lines / LinesInBatch:N0} batches of {Nodes} nodes stored in {filling.Elapsed.TotalSeconds:0} s: {new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length) / 1e6:0} MB"));

            var backTest = new BackTest(index, batches, new NodeDirectory(new NodeStore(tables, changes), changes));
            await MeasureAsync("of one query, few matches", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/base/processes"},{"field":"column","operator":"column_begins_with","value":["path","/tmp/"]}]}""");
            await MeasureAsync("of any query, a pattern", """{"condition":"AND","rules":[{"field":"column","operator":"column_matches_regex","value":["path",".*/\\.hidden/.*"]}]}""");
            await MeasureAsync("of one query, a quarter of a percent match, first seen in the fleet", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/base/processes"},{"field":"column","operator":"column_ends_with","value":["pid","77"]},{"field":"column","operator":"column_first_seen","value":["pid","fleet"]}]}""");

            async Task MeasureAsync(string what, string conditions)
            {
                using var json = JsonDocument.Parse(conditions);
                var root = RuleParser.Parse(json.RootElement, Limits.Default, out _)!;
                var time = Stopwatch.StartNew();
                BackTestResult? result = null;
                var most = 0L;
                await foreach (var step in backTest.RunAsync(Rule.OfConditions(conditions) with { Grouping = new([], TimeSpan.FromHours(1)) }, root, end.AddDays(-1), end, 50, default))
                {
                    result = step.Result;
                    most = Math.Max(most, Environment.WorkingSet);
                }

                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{what}: {result!.Total.Lines:N0} lines in {time.Elapsed.TotalSeconds:0.0} s, {result.Total.Lines / time.Elapsed.TotalSeconds:N0} a second; {result.Total.Matches:N0} matches, {result.Total.Alerts:N0} alerts; {most / 1e6:0} MB at most"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task FillAsync(BatchStore batches, ResultIndex index, DateTimeOffset from, int count) => await Parallel.ForAsync(0, 64, async (part, ct) =>
    {
        var random = new Random(part);
        var waiting = new List<Batch>();
        for (var i = part; i < count; i += 64)
        {
            var time = from + (TimeSpan.FromDays(1) * ((double)i / count));
            var (json, seconds) = (Lines(random, i, time.ToUnixTimeSeconds()), time.ToUnixTimeSeconds());
            var key = batches.KeyOf(Schema.Results, NodeId.OfHost("host-" + (i % Nodes)), Digest.Of(json), seconds);
            await batches.WriteAsync(key, json, LinesInBatch, s_queries, seconds, seconds, ct);
            waiting.Add(new(key, time, LinesInBatch, s_queries, DateTimeOffset.FromUnixTimeSeconds(seconds), DateTimeOffset.FromUnixTimeSeconds(seconds), json));
            if (waiting.Count < 50) continue;
            await index.AddAsync(waiting, ct);
            waiting.Clear();
        }

        await index.AddAsync(waiting, ct);
    });

    private static byte[] Lines(Random random, int batch, long time)
    {
        var text = new StringBuilder("[");
        for (var i = 0; i < LinesInBatch; i++)
        {
            var pid = random.Next(65_536);
            text.Append(i == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $$$"""
                {"name":"{{{s_queries[i % s_queries.Length]}}}","hostIdentifier":"host-{{{batch % Nodes}}}","calendarTime":"Sat Nov 21 10:00:00 2026 UTC","unixTime":{{{time}}},"epoch":0,"counter":{{{batch}}},"numerics":false,"decorations":{"username":"ada","version":"5.23.1"},"columns":{"name":"p{{{pid % 300}}}","on_disk":"1","path":"{{{(pid % 5_000 == 0 ? "/tmp/" : "/usr/bin/")}}}p{{{pid % 300}}}","pid":"{{{pid}}}","cmdline":"p{{{pid % 300}}} --port {{{random.Next(65_536)}}}"},"action":"added"}
                """);
        }

        return Encoding.UTF8.GetBytes(text.Append(']').ToString());
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Text;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Benchmarks;

/// <summary>A snapshot of many rows by pages of a thousand, beside its export.</summary>
internal static class PagesBench
{
    private const int PageRows = 1_000;

    public static async Task RunAsync(string[] arguments)
    {
        var rows = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 200_000;
        var folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
        try
        {
            using var database = new SqliteDatabase(Path.Combine(folder, "bench.db"), Limits.Default);
            var tables = new SqliteTables(database, TimeProvider.System);
            var (batches, index) = (new BatchStore(tables, TimeProvider.System), new ResultIndex(tables));
            await FillAsync(batches, index, rows);
            var search = new ResultSearch(index, batches, new(TimeProvider.System));
            var filter = new ResultFilter("q", null, null, null, [], []);
            for (var run = 0; run < 3; run++)
            {
                var time = Stopwatch.StartNew();
                var exported = await search.AllResultsAsync(filter, default).CountAsync();
                var export = time.Elapsed;
                time.Restart();
                var paged = 0;
                string? after = null;
                do
                {
                    var page = await search.ResultsAsync(filter, PageRows, after, default);
                    paged += page.Items.Count;
                    after = page.After;
                }
                while (after is not null);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"export {exported:N0} rows in {export.TotalMilliseconds:N0} ms, pages of {PageRows:N0} {paged:N0} rows in {time.Elapsed.TotalMilliseconds:N0} ms: {time.Elapsed / export:0.00} times the export"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task FillAsync(BatchStore batches, ResultIndex index, int rows)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var snapshot = string.Join(',', Enumerable.Range(0, rows).Select(i => $$"""{"pid":"{{i}}","path":"/usr/bin/program-{{i}}","name":"program-{{i}}","uid":"{{i % 100}}"}"""));
        var lines = Encoding.UTF8.GetBytes($$"""[{"name":"q","action":"snapshot","unixTime":{{now}},"snapshot":[{{snapshot}}]}]""");
        var key = batches.KeyOf(Schema.Results, NodeId.OfHost("bench"), Digest.Of(lines), now);
        await batches.WriteAsync(key, lines, 1, ["q"], now, now, default);
        await index.AddAsync([(await batches.FindAsync(key, default))!], default);
    }
}

using System.Net;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Benchmarks;

/// <summary>What 100,000 enrolled nodes cost in memory once all of them have been met.</summary>
internal static class MemoryBench
{
    private const int Nodes = 100_000;

    public static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
        try
        {
            using var database = new SqliteDatabase(Path.Combine(folder, "bench.db"), Limits.Default);
            var tables = new SqliteTables(database, TimeProvider.System);
            var changes = new ChangeFeed(tables, Limits.Default, TimeProvider.System, NullLogger<ChangeFeed>.Instance);
            var store = new NodeStore(tables, changes);
            var now = DateTimeOffset.UtcNow;
            await Parallel.ForEachAsync(Enumerable.Range(0, Nodes), new ParallelOptions { MaxDegreeOfParallelism = 200 }, async (i, ct) => await store.InsertAsync(
                new(
                    NodeId.OfHost("host-" + i), $"4C4C4544-{i:x8}", null, "linux", "5.23.1", TagSet.Of([$"site-{i % 50}", "prod"]), true, 1, now, now, true, false, false,
                    [Guid.NewGuid().ToString()], false, new Dictionary<string, string> { ["computer_name"] = "host-" + i }, new byte[1_500]),
                ct));
            GC.Collect();
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var directory = new NodeDirectory(store, changes);
            for (var i = 0; i < Nodes; i++) (await directory.FindAsync(NodeId.OfHost("host-" + i), default))!.Touch(now, new IPAddress(i));
            var heap = GC.GetTotalMemory(forceFullCollection: true) - before;
            Console.WriteLine(FormattableString.Invariant($"{directory.Count:N0} nodes: {heap / 1e6:0.0} MB of heap, {heap / directory.Count} bytes each; the process holds {Environment.WorkingSet / 1e6:0} MB"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}

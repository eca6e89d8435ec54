using System.IO.Compression;
using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Benchmarks;

/// <summary>A post of 100 lines: what a scan costs beside typed rows, and what packing costs and saves.</summary>
[MemoryDiagnoser, ShortRunJob]
public class LogParse
{
    private readonly byte[] _body = Encoding.UTF8.GetBytes(Bodies.Log(new string('k', 76), 100));
    private byte[] _lines = [];

    [GlobalSetup]
    public void SetUp() => _lines = LogBody.Scan(_body).Lines.ToArray();

    [Benchmark(Baseline = true)]
    public object TypedRows() => JsonSerializer.Deserialize(_body, BareJson.Default.BareLog)!;

    [Benchmark]
    public object Scan() => LogBody.Scan(_body);

    [Benchmark]
    public object RowsForRules() => LineReader.Read(_lines, default);

}

/// <summary>What packs lines, and how small: 100 lines with random hashes, paths and numbers. The sizes are printed by the set-up.</summary>
[ShortRunJob]
public class Packers
{
    private readonly byte[] _lines = Bodies.NoisyLines(100);
    private readonly byte[] _packed = new byte[1 << 20];

    [GlobalSetup]
    public void SetUp() => Console.WriteLine(
        $"{_lines.Length} bytes become: brotli window 16 {Brotli1Window16()}, window 18 {Brotli1Window18()}, gzip fastest {GzipFastest()}, gzip optimal {GzipOptimal()}");

    [Benchmark(Baseline = true)]
    public int Brotli1Window16() => Brotli(16);

    [Benchmark]
    public int Brotli1Window18() => Brotli(18);

    [Benchmark]
    public int GzipFastest() => Gzip(CompressionLevel.Fastest);

    [Benchmark]
    public int GzipOptimal() => Gzip(CompressionLevel.Optimal);

    private int Brotli(int window)
    {
        BrotliEncoder.TryCompress(_lines, _packed, out var written, quality: 1, window);
        return written;
    }

    private int Gzip(CompressionLevel level)
    {
        using var packed = new MemoryStream(_packed);
        using (var gzip = new GZipStream(packed, level, leaveOpen: true)) gzip.Write(_lines);
        return (int)packed.Position;
    }
}

/// <summary>Lines in osquery's event format, four columns and three decorations each, against rules that do not match them: what one line costs.</summary>
/// <remarks>100 rules over 50 query names are the mark: a million lines a second on one core. With a hundred times as many rules of other queries it must cost the same.</remarks>
[MemoryDiagnoser, ShortRunJob]
public class RuleSets
{
    private const int Lines = 1_000;
    private readonly NodeFacts _node = new(default, "host", "linux", TagSet.Of(["prod", "web"]));
    private readonly byte[] _lines = Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Range(0, Lines).Select(i => $$"""
        {"name":"pack/base/q{{i % 50}}","hostIdentifier":"0B5F4B3A-8D1C-4F0E-9D2B-7A1C3E5F9B7D","calendarTime":"Sat Nov 21 10:00:00 2026 UTC","unixTime":{{1_795_000_000 + i}},"epoch":0,"counter":{{i}},"numerics":false,"decorations":{"username":"ada","hostname":"web-{{i % 7}}","version":"5.23.1"},"columns":{"name":"ls","on_disk":"1","path":"/usr/bin/ls","pid":"{{i}}"},"action":"added"}
        """))}]");
    private Judge _judge = null!;

    [Params(100, 10_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Console.WriteLine($"{_lines.Length / Lines} bytes a line");
        _judge = new RuleSet(Enumerable.Range(0, Rules).Select(i => Compile($$"""
            {"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/base/q{{i / 2}}"},
              {"field":"action","operator":"equal","value":"added"},
              {"condition":"OR","rules":[{"field":"column","operator":"column_begins_with","value":["path","/tmp/{{i}}"]},{"field":"column","operator":"column_equal","value":["on_disk","0"]}]}]}
            """))).NewJudge();
    }

    [Benchmark(OperationsPerInvoke = Lines)]
    public int Line() => _judge.Matches(_lines, default, _node).Count;

    private static (Rule, RuleNode) Compile(string conditions)
    {
        using var json = JsonDocument.Parse(conditions);
        return (Rule.OfConditions(conditions), RuleParser.Parse(json.RootElement, Limits.Default, out _)!);
    }
}

/// <summary>Making a configuration of 20 packs with 30 queries each; and finding it again.</summary>
[MemoryDiagnoser, ShortRunJob]
public class ConfigAssembly : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
    private readonly TagSet _tags = TagSet.Of(["t"]);
    private SqliteDatabase _database = null!;
    private ConfigItems _items = null!;
    private ConfigAssembler _assembler = null!;

    [GlobalSetup]
    public async Task SetUp()
    {
        _database = new(Path.Combine(_folder, "bench.db"), Limits.Default);
        var tables = new SqliteTables(_database, TimeProvider.System);
        _items = new(tables, new ChangeFeed(tables, Limits.Default, TimeProvider.System, NullLogger<ChangeFeed>.Instance));
        for (var i = 0; i < 20; i++)
        {
            var queries = new System.Text.Json.Nodes.JsonObject();
            for (var j = 0; j < 30; j++) queries["q" + j] = new ScheduledQuery($"select * from processes where pid > {j}", 60, Description: "Some words about it").ToJson();
            await _items.Packs.PutAsync("p" + i, new("p" + i, _tags, new() { ["queries"] = queries }), null, default);
        }

        _assembler = new(_items);
    }

    [Benchmark]
    public int Assemble() => new ConfigAssembler(_items).For(_tags).Json.Length;

    [Benchmark]
    public int Find() => _assembler.For(_tags).Json.Length;

    [GlobalCleanup]
    public void Dispose()
    {
        _database?.Dispose();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }
}

/// <summary>The embedded store: one durable write, a hundred that share an fsync, a point read.</summary>
[MemoryDiagnoser, ShortRunJob]
public class Store : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
    private SqliteDatabase _database = null!;
    private ITable _table = null!;
    private long _n;

    [GlobalSetup]
    public async Task SetUp()
    {
        _database = new(Path.Combine(_folder, "bench.db"), Limits.Default);
        _table = new SqliteTables(_database, TimeProvider.System)["T"];
        await _table.WriteAsync(Write.Insert(new("p", "r"), new Columns { ["A"] = new byte[6_000] }), default);
    }

    [Benchmark]
    public async Task OneWrite() => await _table.WriteAsync(Next(), default);

    [Benchmark(OperationsPerInvoke = 100)]
    public async Task WriteOfHundredAtOnce() => await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => _table.WriteAsync(Next(), default).AsTask()));

    [Benchmark]
    public async Task<object?> PointRead() => await _table.FindAsync(new("p", "r"), default);

    [GlobalCleanup]
    public void Dispose()
    {
        _database?.Dispose();
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private Write Next() => Write.Insert(new("p", "r" + Interlocked.Increment(ref _n) + Guid.NewGuid().ToString("N")), new Columns { ["A"] = new byte[6_000] });
}

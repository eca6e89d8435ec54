using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Nodes;
using Fleet.Shared;
using Fleet.Sinks;
using Fleet.Storage;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Sinks;

/// <summary>From a node's post to a sink's target, over a server that fails on demand.</summary>
public sealed class SinkTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<string> _came = [];
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private FakeService _service = null!;
    private Func<HttpContext, string, int> _status = (_, _) => 200;

    public async Task InitializeAsync() => _service = await FakeService.StartAsync(secure: false, app => app.Run(async context =>
    {
        await using var body = context.Request.Headers.ContentEncoding == "gzip" ? new GZipStream(context.Request.Body, CompressionMode.Decompress) : context.Request.Body;
        using var reader = new StreamReader(body);
        var text = await reader.ReadToEndAsync();
        context.Response.StatusCode = _status(context, text);
        if (context.Response.StatusCode == 200) _came.Enqueue(text);
    }));

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task Lines_reach_a_sink_once_in_their_order_and_many_batches_at_a_time()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 30; i++) await world.LogAsync(key, Lines(world, ("q", i)));
        await DrainAsync(world);
        await DrainAsync(world);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"q{i}"), Names());
        Assert.Single(_came);
        var first = JsonNode.Parse(_came.First().Split('\n')[0])!;
        Assert.Equal(("q", "H1", "added", "0"), ((string)first["name"]!, (string)first["hostIdentifier"]!, (string)first["action"]!, (string)first["columns"]!["n"]!));
        Assert.Equal((30, 0, (string?)null), await StateAsync(world, "out"));
    }

    [Fact]
    public async Task Each_sink_gets_what_its_filter_lets_through_and_counts_what_it_holds_back()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "packs", sink => sink with { Queries = ["pack/*"] });
        await AddAsync(world, "prod", sink => sink with { Tags = TagSet.Of(["prod"]) });
        await AddAsync(world, "errors", sink => sink with { Results = false, StatusLogs = true, MinimumSeverity = 2 });
        await AddAsync(world, "off", sink => sink with { Enabled = false });
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2") };
        await world.TagAsync("H2", "prod");
        foreach (var key in keys)
        {
            await world.LogAsync(key, Lines(world, ("pack/base/users", 1), ("q", 2)));
            await world.LogAsync(key, """[{"severity":1,"message":"mild"},{"severity":"2","message":"bad"}]""", "status");
        }

        await DrainAsync(world);
        Assert.Equal((2, 2, (string?)null), await StateAsync(world, "packs"));
        // The node without the tag sent two.
        Assert.Equal((2, 2, (string?)null), await StateAsync(world, "prod"));
        Assert.Equal((2, 2, (string?)null), await StateAsync(world, "errors"));
        Assert.Equal((0, 0, (string?)null), await StateAsync(world, "off"));
        Assert.DoesNotContain("mild", string.Concat(_came), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sink_that_is_down_for_a_day_loses_nothing_and_delays_neither_agents_nor_other_sinks()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "down");
        await world.Get<SinkStore>().PutAsync(FileSink(world, "up"), null, null, default);
        _status = (_, _) => 503;
        var key = await world.EnrollAsync("H1");
        for (var hour = 0; hour < 24; hour++)
        {
            Assert.False((await world.LogAsync(key, Lines(world, ("q", hour)))).IsError);
            await DrainAsync(world);
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        Assert.Empty(_came);
        Assert.Equal(24, (await File.ReadAllLinesAsync(PathOf(world, "up"))).Length);
        Assert.Contains("503", (await StateAsync(world, "down")).Error, StringComparison.Ordinal);
        Assert.Equal(24, (await world.Get<SinkQueue>().LengthAsync("down", default)).Count);

        _status = (_, _) => 200;
        await DrainAsync(world);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => $"q{i}"), Names());
        Assert.Equal((24, 0, (string?)null), await StateAsync(world, "down"));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(302)]
    public async Task What_somebody_must_mend_first_is_tried_again_and_given_up_never(int status)
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        _status = (_, _) => status;
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, ("q", 1)));
        for (var i = 0; i < 20; i++)
        {
            await DrainAsync(world);
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        _status = (_, _) => 200;
        await DrainAsync(world);
        Assert.Equal(["q1"], Names());
    }

    [Fact]
    public async Task Retry_After_is_kept()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        var asked = 0;
        _status = (context, _) =>
        {
            asked++;
            context.Response.Headers.RetryAfter = "600";
            return 429;
        };
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, ("q", 1)));
        for (var i = 0; i < 9; i++)
        {
            await DrainAsync(world);
            world.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(1, asked);
        world.Clock.Advance(TimeSpan.FromMinutes(2));
        await DrainAsync(world);
        Assert.Equal(2, asked);
    }

    [Fact]
    public async Task A_line_that_the_target_refuses_is_put_aside_and_the_others_go_on()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        _status = (_, text) => text.Contains("\"5\"", StringComparison.Ordinal) ? 400 : 200;
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 10; i++) await world.LogAsync(key, Lines(world, ("q", i)));
        await DrainAsync(world);
        Assert.Equal(Enumerable.Range(0, 10).Where(i => i != 5).Select(i => $"q{i}"), Names());
        Assert.Contains("400", Assert.Single(await world.Get<SinkQueue>().RefusedAsync("out", 10, default)).Reason, StringComparison.Ordinal);

        _status = (_, _) => 200;
        Assert.Equal(1, await world.Get<SinkQueue>().RetryAsync("out", default));
        await DrainAsync(world);
        Assert.Equal("q5", Names()[^1]);
    }

    [Fact]
    public async Task One_line_that_the_target_refuses_keeps_no_other_line_of_its_batch_from_arriving()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        var asked = 0;
        _status = (_, text) =>
        {
            asked++;
            return text.Contains("\"77\"", StringComparison.Ordinal) ? 413 : 200;
        };
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, [.. Enumerable.Range(0, 100).Select(i => ("q", i))]));
        await DrainAsync(world);
        Assert.Equal(Enumerable.Range(0, 100).Where(i => i != 77).Select(i => $"q{i}").Order(StringComparer.Ordinal), Names().Order(StringComparer.Ordinal));
        Assert.InRange(asked, 2, 16);
        Assert.Equal(99, (await StateAsync(world, "out")).Sent);
        Assert.Single(await world.Get<SinkQueue>().RefusedAsync("out", 10, default));
    }

    [Fact]
    public async Task A_target_that_refuses_everything_is_not_asked_for_each_line()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        var asked = 0;
        _status = (_, _) =>
        {
            asked++;
            return 400;
        };
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, [.. Enumerable.Range(0, 900).Select(i => ("q", i))]));
        await DrainAsync(world);
        Assert.InRange(asked, 64, 150);

        // And ever less often.
        var key = await world.EnrollAsync("H2");
        await world.LogAsync(key, Lines(world, ("q", 1)));
        var before = asked;
        await DrainAsync(world);
        Assert.Equal(before, asked);
        world.Clock.Advance(TimeSpan.FromMinutes(15));
        await DrainAsync(world);
        Assert.Equal(before + 1, asked);
        Assert.Equal((0, 0), ((await StateAsync(world, "out")).Sent, (await world.Get<SinkQueue>().LengthAsync("out", default)).Count));
        Assert.Equal(2, (await world.Get<SinkQueue>().RefusedAsync("out", 10, default)).Count);
    }

    [Fact]
    public async Task A_sink_that_hangs_keeps_no_other_waiting_and_goes_on_by_itself()
    {
        var hang = new TaskCompletionSource();
        await using var slow = await FakeService.StartAsync(secure: false, app => app.Run(_ => hang.Task));
        await using var world = await World.OpenAsync();
        await AddAsync(world, "slow", sink => sink with { Fields = new Dictionary<string, string> { ["url"] = slow.Url.AbsoluteUri } });
        await AddAsync(world, "out");
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 3; i++)
        {
            await world.LogAsync(key, Lines(world, ("q", i)));
            await world.PumpAsync();
            while (Names().Count == i) await world.Get<SinkPump>().RunAsync(TimeSpan.FromMilliseconds(10), default);
        }

        Assert.Equal(["q0", "q1", "q2"], Names());
        Assert.Equal(3, (await world.Get<SinkQueue>().LengthAsync("slow", default)).Count);
        hang.SetResult();
        while ((await world.Get<SinkQueue>().LengthAsync("slow", default)).Count > 0) await world.Get<SinkPump>().RunAsync(s_patience, default);
    }

    [Fact]
    public async Task Somebody_who_mended_the_target_need_not_wait_for_the_next_try()
    {
        await using var world = await World.OpenAsync();
        await AddAsync(world, "out");
        _status = (_, _) => 503;
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, ("q", 1)));
        for (var i = 0; i < 9; i++)
        {
            await DrainAsync(world);
            world.Clock.Advance(TimeSpan.FromMinutes(10));
        }

        _status = (_, _) => 200;
        await world.Get<SinkQueue>().RetryAsync("out", default);
        await DrainAsync(world);
        Assert.Equal(["q1"], Names());
    }

    [Fact]
    public async Task A_large_batch_goes_in_pieces()
    {
        await using var world = await World.OpenAsync(("Limits:SinkLines", "100"), ("Limits:SinkBytes", "100000"));
        await AddAsync(world, "out");
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(world, [.. Enumerable.Range(0, 1_050).Select(i => ("q", i))]));
        await DrainAsync(world);
        Assert.Equal(11, _came.Count);
        Assert.Equal(1_050, Names().Count);
    }

    [Fact]
    public async Task Two_instances_do_not_send_the_same()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        await AddAsync(world, "out");
        await second.Get<ChangeFeed>().LookAsync(default);
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 200; i++) await world.LogAsync(key, Lines(world, ("q", i)));
        await world.PumpAsync();
        await Task.WhenAll(world.Get<SinkPump>().RunAsync(s_patience, default).AsTask(), second.Get<SinkPump>().RunAsync(s_patience, default).AsTask());
        await DrainAsync(world);
        Assert.Equal(200, Names().Count);
    }

    [Fact]
    public async Task A_file_is_turned_over_when_it_is_full_and_the_oldest_goes()
    {
        using var scratch = new Scratch();
        var sink = new FileSink("logs/out.ndjson", new(scratch.Path, []), mostBytes: 500, files: 3);
        for (var i = 0; i < 40; i++) await sink.SendAsync([Record("q", i, DateTimeOffset.UnixEpoch)], default);
        Assert.Equal(["out.ndjson", "out.ndjson.1", "out.ndjson.2"], Directory.GetFiles(scratch.File("logs")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Contains("\"39\"", await File.ReadAllTextAsync(scratch.File("logs/out.ndjson")), StringComparison.Ordinal);
        Assert.All(Directory.GetFiles(scratch.File("logs")), file => Assert.InRange(new FileInfo(file).Length, 1, 700));
    }

    [Fact]
    public async Task A_write_that_broke_off_spoils_no_line_after_it()
    {
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch.File("out.ndjson"), """{"name":"q","host""");
        var sink = new FileSink("out.ndjson", new(scratch.Path, []), mostBytes: 100_000, files: 1);
        for (var i = 0; i < 2; i++) await sink.SendAsync([Record("q", i, DateTimeOffset.UnixEpoch)], default);
        var lines = await File.ReadAllLinesAsync(scratch.File("out.ndjson"));
        Assert.Equal(3, lines.Length);
        Assert.All(lines.Skip(1), line => Assert.NotNull(JsonNode.Parse(line)));
    }

    [Fact]
    public async Task Blobs_are_by_kind_and_hour_and_whole_gzip()
    {
        await using var world = await World.OpenAsync();
        var sink = new BlobSink(world.Get<IBlobs>(), "osquery-logs");
        var hour = new DateTimeOffset(2026, 1, 31, 8, 0, 0, TimeSpan.Zero);
        await sink.SendAsync([Record("q", 1, hour), Record("q", 2, hour.AddHours(1))], default);
        await sink.SendAsync([Record("q", 3, hour.AddMinutes(59))], default);
        var folder = Path.Combine(world.Get<Fleet.Hosting.DataFolder>().Blobs, "osquery-logs");
        var names = Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/')).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(2, names.Count(name => name.Contains(".ndjson.gz", StringComparison.Ordinal)));
        var name = names.First(one => one.Contains("hour=08", StringComparison.Ordinal));
        Assert.StartsWith("results/date=2026-01-31/hour=08/", name, StringComparison.Ordinal);
        await using var gzip = new GZipStream((await world.Get<IBlobs>().OpenAsync(new("osquery-logs", name[..(name.IndexOf(".gz", StringComparison.Ordinal) + 3)]), default))!, CompressionMode.Decompress);
        using var reader = new StreamReader(gzip);
        Assert.Equal(2, (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    private static SinkRecord Record(string name, int n, DateTimeOffset time) =>
        new($"id{n}", time, default, "H1", name, null, Encoding.UTF8.GetBytes($$$"""{"name":"{{{name}}}","columns":{"n":"{{{n}}}"},"padding":"{{{new string('x', 100)}}}"}"""));

    private Task AddAsync(World world, string name, Func<SinkSettings, SinkSettings>? with = null)
    {
        var sink = new SinkSettings(name, "http", new Dictionary<string, string> { ["url"] = _service.Url.AbsoluteUri });
        return world.Get<SinkStore>().PutAsync(with?.Invoke(sink) ?? sink, null, null, default).AsTask();
    }

    private static SinkSettings FileSink(World world, string name) => new(name, "file", new Dictionary<string, string> { ["path"] = PathOf(world, name) });

    private static string PathOf(World world, string name) => Path.Combine(world.Get<Fleet.Hosting.DataFolder>().Out, name + ".ndjson");

    private static async Task DrainAsync(World world)
    {
        await world.PumpAsync();
        await world.Get<SinkPump>().RunAsync(s_patience, default);
    }

    private static async Task<(long Sent, long Dropped, string? Error)> StateAsync(World world, string name) => await world.Get<SinkQueue>().FindStateAsync(name, default) is var state ? (state.Sent, state.Dropped, state.Error) : default;

    private List<string> Names() => [.. _came.SelectMany(text => text.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(line => JsonNode.Parse(line)!).Select(line => (string)line["name"]! + (string)line["columns"]!["n"]!)];

    private static string Lines(World world, params (string Name, int N)[] rows) =>
        $"[{string.Join(',', rows.Select(row => $$$"""{"name":"{{{row.Name}}}","action":"added","unixTime":{{{world.Clock.Now.ToUnixTimeSeconds() - 100 + (row.N % 90)}}},"columns":{"n":"{{{row.N}}}"}}"""))}]";
}

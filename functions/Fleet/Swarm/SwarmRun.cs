using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>What a swarm does.</summary>
/// <param name="Ramp">Agents start one after another over this time.</param>
/// <param name="Lines">Lines that each agent adds before each post of logs.</param>
/// <param name="Matching">The share of lines, 0 to 1, whose query is <see cref="SwarmRun.MatchingQuery"/>.</param>
/// <param name="Connections">At most so many at once; the agents share them.</param>
internal sealed record SwarmOptions(
    Uri Url, string Secret, int Nodes, TimeSpan Duration, TimeSpan Ramp, TimeSpan ConfigEvery, TimeSpan LogEvery, TimeSpan DistributedEvery, int Lines, double Matching,
    bool KeepAlive, bool Compress, int Seed, string Prefix, int Connections);

/// <summary>Many simulated agents at once, and what came of it.</summary>
internal sealed class SwarmRun(SwarmOptions options, TimeProvider clock)
{
    /// <summary>The query that a rule would name to meet the lines that are to match.</summary>
    public const string MatchingQuery = "swarm_match";
    private const string Query = "swarm_processes";

    /// <summary>Lines that wait in all agents together, so that a server that takes none does not fill this machine's memory.</summary>
    private const int MostBuffered = 1_000_000;
    private const int LeastBuffered = 20;

    private readonly SwarmMeter _meter = new();
    private long _began;
    private long _ended;
    private TimeSpan _processorTime;
    private long _linesWaiting;

    public SwarmMeter Meter => _meter;

    /// <summary>Lines that agents had yet to send at the end.</summary>
    public long LinesWaiting => Volatile.Read(ref _linesWaiting);

    /// <summary>Whether the server did what agents need: it enrolled them, and no line was lost.</summary>
    public bool IsGood => _meter is { Enrolled: > 0, LinesLost: 0, LinesPurged: 0 } && (_meter.LinesSent == 0 || _meter.LinesAcknowledged > 0);

    /// <summary>What kept it from doing more, in sentences; none if only the server did.</summary>
    public IEnumerable<string> Limits => SwarmLimits.Of(_meter, options.Connections, options.Lines, _processorTime.TotalSeconds / Seconds / Environment.ProcessorCount);

    /// <summary>How long it has run.</summary>
    public double Seconds => clock.GetElapsedTime(_began, _ended == 0 ? clock.GetTimestamp() : _ended).TotalSeconds;

    /// <summary>Runs for the duration, and tells once a second how it goes.</summary>
    public async Task RunAsync(Action<string> progress, CancellationToken ct)
    {
        _began = clock.GetTimestamp();
        var processorTime = Environment.CpuUsage.TotalTime;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        stop.CancelAfter(options.Duration);

        using var transport = new AgentTransport(new(options.Url, options.KeepAlive, options.Prefix, Connections: options.Connections), _meter);
        var agents = Enumerable.Range(0, options.Nodes).Select(i => LiveAsync(i, transport, stop.Token)).ToList();
        var telling = TellAsync(progress, stop.Token);
        await Task.WhenAll(agents);
        _ended = clock.GetTimestamp();
        _processorTime = Environment.CpuUsage.TotalTime - processorTime;
        await stop.CancelAsync();
        await telling;
        progress(Line());
    }

    public JsonObject Report()
    {
        var seconds = Seconds;
        var calls = new JsonObject();
        foreach (var (call, meter) in _meter.Calls.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            calls[call] = new JsonObject
            {
                ["requests"] = meter.Count,
                ["perSecond"] = Math.Round(meter.Count / seconds, 1),
                ["errors"] = meter.Errors,
                ["emptyAnswers"] = meter.Empty,
                ["p50Ms"] = Math.Round(meter.Quantile(0.50), 2),
                ["p99Ms"] = Math.Round(meter.Quantile(0.99), 2),
            };
        }

        var errors = new JsonObject();
        foreach (var (error, count) in _meter.Errors) errors[error] = count;
        return new()
        {
            ["nodes"] = options.Nodes,
            ["enrolled"] = _meter.Enrolled,
            ["seconds"] = Math.Round(seconds, 1),
            ["requests"] = _meter.Calls.Values.Sum(meter => meter.Count),
            ["requestsPerSecond"] = Math.Round(_meter.Calls.Values.Sum(meter => meter.Count) / seconds, 1),
            ["errors"] = _meter.Calls.Values.Sum(meter => meter.Errors),
            ["linesWritten"] = _meter.LinesWritten,
            ["linesSent"] = _meter.LinesSent,
            ["linesAcknowledged"] = _meter.LinesAcknowledged,
            ["linesLost"] = _meter.LinesLost,
            ["linesPurged"] = _meter.LinesPurged,
            ["linesWaiting"] = LinesWaiting,
            ["calls"] = calls,
            ["errorsByText"] = errors,
            ["limits"] = new JsonArray([.. Limits.Select(limit => JsonValue.Create(limit))]),
        };
    }

    private async Task LiveAsync(int number, AgentTransport transport, CancellationToken stop)
    {
        try
        {
            await Task.Delay(options.Ramp * number / Math.Max(options.Nodes, 1), clock, stop);
            var machine = new Machine(options.Seed, number);
            var agent = new SimulatedAgent(
                machine,
                new(options.Secret, EventFormat: number % 4 != 3, options.Compress, options.ConfigEvery, options.LogEvery, options.DistributedEvery)
                {
                    BufferedLogMax = Math.Max(LeastBuffered, MostBuffered / options.Nodes),
                },
                transport, _meter, clock);
            try
            {
                await Task.WhenAll(agent.RunAsync(stop), WriteAsync(agent, stop));
            }
            finally
            {
                agent.CountLeft();
                Interlocked.Add(ref _linesWaiting, agent.Buffered);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The time is up.
        }
    }

    private async Task WriteAsync(SimulatedAgent agent, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            for (var i = 0; i < options.Lines; i++)
            {
                var matches = agent.Machine.Random.NextDouble() < options.Matching;
                agent.LogRows(matches ? MatchingQuery : Query, "added", FakeRows.Of(agent.Machine, "select * from processes", 1, clock.GetUtcNow()));
            }

            await Task.Delay(options.LogEvery, clock, stop);
        }
    }

    private async Task TellAsync(Action<string> progress, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested) progress(Line());
        }
    }

    private string Line()
    {
        var seconds = Seconds;
        var requests = _meter.Calls.Values.Sum(meter => meter.Count);
        var worst = _meter.Calls.Values.Select(meter => meter.Quantile(0.99)).DefaultIfEmpty().Max();
        return FormattableString.Invariant(
            $"{seconds,5:0} s  {requests,9:N0} requests  {requests / seconds,8:N0}/s  p99 {worst,7:0.0} ms  {_meter.Calls.Values.Sum(meter => meter.Errors)} errors  {_meter.LinesAcknowledged:N0}/{_meter.LinesSent:N0} lines{Lost()}");
    }

    private string Lost() => _meter.LinesLost == 0 ? "" : FormattableString.Invariant($", {_meter.LinesLost:N0} lost");

    public string ReportText() => Report().ToJsonString(new JsonSerializerOptions { WriteIndented = true });
}

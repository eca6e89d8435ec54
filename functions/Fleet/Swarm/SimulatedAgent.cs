using System.Text;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>A made-up osqueryd: it enrolls, fetches its configuration, runs its schedule, buffers and sends logs, and answers distributed queries.</summary>
/// <remarks>Each step can be taken alone, as tests do; <see cref="RunAsync"/> takes them by the clock. Lines leave the buffer only when the
/// answer reads as success, so they are delivered at least once: a post whose answer was lost comes again, with the lines that were added since.</remarks>
internal sealed partial class SimulatedAgent(Machine machine, AgentOptions options, AgentTransport transport, SwarmMeter? meter, TimeProvider clock)
{
    private static readonly TimeSpan s_accelerated = TimeSpan.FromSeconds(5);

    private readonly QueryRuns _runs = new();
    private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _enrolling = new(1);
    private Setup _setup = new(AgentConfig.Empty);
    private JsonObject? _unsentAnswers;
    private DateTimeOffset _acceleratedUntil;

    public Machine Machine => machine;

    /// <summary>The key it was given, or empty.</summary>
    public string NodeKey { get; private set; } = "";

    /// <summary>What it was given last; empty before.</summary>
    public AgentConfig Config => _setup.Config;

    /// <summary>How often it was given a key.</summary>
    public int Enrollments { get; private set; }

    /// <summary>What it calls itself.</summary>
    public string Identifier => (Config.Option("host_identifier") ?? options.HostIdentifier) switch
    {
        "hostname" => machine.Hostname,
        "instance" => machine.InstanceId,
        _ => machine.Uuid,
    };

    /// <summary>Carves that queries have begun and nobody has sent yet, by their guids.</summary>
    public Queue<string> Carves { get; } = new();

    /// <summary>Sends this agent's carves.</summary>
    public CarveSender CarveSender => new(transport, NodeKey, machine.OsqueryVersion);

    /// <summary>How its lines are written; made once for each configuration.</summary>
    private AgentLines Lines
    {
        get
        {
            var setup = _setup;
            return setup.Lines ??= new(Identifier, DecorationsOf(setup.Config), setup.Config.Flag("decorations_top_level", otherwise: false));
        }
    }

    /// <summary>One try to enroll; whether there is a key now.</summary>
    public async Task<bool> EnrollAsync(CancellationToken ct)
    {
        var body = new JsonObject
        {
            ["enroll_secret"] = options.Secret,
            ["host_identifier"] = Identifier,
            ["platform_type"] = machine.PlatformType,
            ["host_details"] = machine.HostDetails(),
        };
        var verdict = await transport.PostAsync("enroll", Encoding.UTF8.GetBytes(body.ToJsonString()), null, machine.OsqueryVersion, gzip: false, ct);
        NodeKey = verdict.NodeKey;
        if (NodeKey.Length == 0) return false;
        if (Enrollments++ == 0) meter?.CountEnrolled();
        return true;
    }

    /// <summary>Fetches the configuration, three tries like the agent's; whether there is one now. A failure leaves the old one in force.</summary>
    public async Task<bool> RefreshConfigAsync(CancellationToken ct, int tries = 3)
    {
        var verdict = await CallAsync("config", [], ct, tries);
        if (!verdict.IsOk) return false;
        var config = AgentConfig.Of(verdict.Bytes, verdict.Body!);
        if (!ReferenceEquals(config, Config)) _setup = new(config);
        return true;
    }

    /// <summary>Runs what is due of the schedule and the packs, and logs what it changed.</summary>
    public void RunSchedule()
    {
        var now = clock.GetUtcNow();
        foreach (var query in Config.QueriesFor(machine.Platform))
        {
            if (_due.TryGetValue(query.Name, out var due) && now < due) continue;
            _due[query.Name] = now + (query.Interval * (0.9 + (machine.Random.NextDouble() * 0.2)) / options.Pace);
            LogRun(query, FakeRows.Of(machine, query.Sql, 5, now));
            LogStatus(0, $"Executing scheduled query {query.Name}");
        }
    }

    /// <summary>Asks for distributed queries, runs them, and writes the answers; returns how many it ran. Answers that were not taken go with the next ones.</summary>
    public async Task<int> PollDistributedAsync(CancellationToken ct, int tries = 1)
    {
        var verdict = await CallAsync("distributed/read", [], ct, tries);
        var queries = verdict.IsOk ? verdict.Body!["queries"] as JsonObject ?? [] : [];
        if (verdict.IsOk && verdict.Body!["accelerate"] is JsonValue value && value.TryGetValue<int>(out var seconds)) _acceleratedUntil = clock.GetUtcNow().AddSeconds(seconds);

        // An SQL error in any discovery query drops the whole answer; one without rows drops its own query, in silence.
        var discovery = verdict.Body?["discovery"] as JsonObject ?? [];
        if (discovery.Any(query => FakeRows.MissingTable(query.Value?.ToString() ?? "") is not null)) queries = [];
        foreach (var (id, sql) in queries.Where(query => !discovery.ContainsKey(query.Key) || HasRows(discovery[query.Key])).OrderBy(query => query.Key, StringComparer.Ordinal))
        {
            Run(id, sql?.ToString() ?? "");
        }

        if (_unsentAnswers is not null)
        {
            var answers = _unsentAnswers;
            if ((await CallAsync("distributed/write", answers, ct, tries)).IsOk) _unsentAnswers = null;
        }

        return queries.Count;

        bool HasRows(JsonNode? sql) => FakeRows.Of(machine, sql?.ToString() ?? "", 1, clock.GetUtcNow()).Count > 0;
    }

    /// <summary>Lives by the clock until told to stop.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await EnsureKeyAsync(stop);
            await RefreshConfigAsync(stop);
            await Task.WhenAll(
                EveryAsync(() => options.ConfigEvery, async () => { await RefreshConfigAsync(stop); }, stop),
                EveryAsync(UntilNextQuery, () => { RunSchedule(); return Task.CompletedTask; }, stop),
                EveryAsync(() => options.LogEvery, () => FlushDueAsync(stop), stop),
                EveryAsync(DistributedWait, async () => { await PollDistributedAsync(stop, tries: 3); }, stop),
                EveryAsync(() => TimeSpan.FromSeconds(60 / options.Pace), () => SendCarvesAsync(stop), stop));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    /// <summary>osqueryd sends carves when its scheduler next ticks, one after another.</summary>
    private async Task SendCarvesAsync(CancellationToken ct)
    {
        while (Carves.TryDequeue(out var guid)) await CarveSender.SendAsync(guid, CarveSender.MakeUp(guid, machine.Hostname), blockSize: 2_000_000, ct);
    }

    /// <summary>While accelerated an agent polls every five seconds, even if it was told to poll more often.</summary>
    private TimeSpan DistributedWait() => clock.GetUtcNow() < _acceleratedUntil ? s_accelerated : options.DistributedEvery;

    /// <summary>Until a query is due, but no longer than until another configuration may be there.</summary>
    private TimeSpan UntilNextQuery()
    {
        var now = clock.GetUtcNow();
        var due = Config.QueriesFor(machine.Platform).Select(query => _due.GetValueOrDefault(query.Name, now)).Append(now + options.ConfigEvery).Min();
        return due - now > TimeSpan.FromSeconds(1) ? due - now : TimeSpan.FromSeconds(1);
    }

    private async Task EveryAsync(Func<TimeSpan> every, Func<Task> step, CancellationToken stop)
    {
        // Agents do not march in step.
        await Task.Delay(every() * machine.Random.NextDouble(), clock, stop);
        while (!stop.IsCancellationRequested)
        {
            await step();
            var (wait, began) = (every(), clock.GetTimestamp());
            await Task.Delay(wait, clock, stop);
            meter?.CountLate(clock.GetElapsedTime(began) - wait);
        }
    }

    private void Run(string id, string sql)
    {
        _unsentAnswers ??= new JsonObject { ["queries"] = new JsonObject(), ["statuses"] = new JsonObject(), ["messages"] = new JsonObject(), ["stats"] = new JsonObject() };
        var missing = FakeRows.MissingTable(sql);
        _unsentAnswers["queries"]![id] = missing is null ? new JsonArray([.. RowsOf(sql).Select(row => row.DeepClone())]) : new JsonArray();
        _unsentAnswers["statuses"]![id] = missing is null ? 0 : 1;
        _unsentAnswers["messages"]![id] = missing is null ? "" : $"no such table: {missing}";
        _unsentAnswers["stats"]![id] = new JsonObject { ["wall_time_ms"] = 1, ["user_time"] = 0, ["system_time"] = 0, ["memory"] = 0 };
    }

    private List<JsonObject> RowsOf(string sql)
    {
        if (!CarveSender.Asks(sql)) return FakeRows.Of(machine, sql, 5, clock.GetUtcNow());
        var guid = Guid.NewGuid().ToString();
        Carves.Enqueue(guid);
        return CarveSender.Announce(guid, sql);
    }

    /// <summary>Makes a call, again after 1 and 4 seconds while it fails and tries are left.</summary>
    private async Task<Verdict> CallAsync(string call, JsonObject body, CancellationToken ct, int tries = 1)
    {
        for (var i = 1; ; i++)
        {
            var verdict = await OnceAsync(call, body, ct);
            if (verdict.IsOk || i >= tries) return verdict;
            await Task.Delay(TimeSpan.FromSeconds(i * i), clock, ct);
        }
    }

    private async Task<Verdict> OnceAsync(string call, JsonObject body, CancellationToken ct)
    {
        await EnsureKeyAsync(ct);
        var sent = (JsonObject)body.DeepClone();
        sent["node_key"] = NodeKey;
        return Learn(await transport.PostAsync(call, Encoding.UTF8.GetBytes(sent.ToJsonString()), NodeKey, machine.OsqueryVersion, gzip: false, ct));
    }

    /// <summary>A key that was called invalid is forgotten; the next call enrolls.</summary>
    private Verdict Learn(Verdict verdict)
    {
        if (verdict.NodeInvalid) NodeKey = "";
        return verdict;
    }

    /// <summary>Enrolls if there is no key: tries after 1, 4, 9, … seconds. When they run out the call is made all the same, without a key.</summary>
    private async Task EnsureKeyAsync(CancellationToken ct)
    {
        if (NodeKey.Length > 0) return;
        await _enrolling.WaitAsync(ct);
        try
        {
            for (var i = 1; NodeKey.Length == 0 && i <= options.EnrollAttempts && !await EnrollAsync(ct); i++)
            {
                if (i < options.EnrollAttempts) await Task.Delay(TimeSpan.FromSeconds(Math.Min(i * i, 600)), clock, ct);
            }
        }
        finally
        {
            _enrolling.Release();
        }
    }

    /// <summary>A configuration, and how lines are written under it: both change at once.</summary>
    private sealed record Setup(AgentConfig Config)
    {
        public AgentLines? Lines { get; set; }
    }
}

using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Swarm;

/// <summary>How an agent is set up: osqueryd's flags.</summary>
/// <param name="EventFormat"><c>logger_event_type</c>: a line for each row, or one with added and removed.</param>
/// <param name="Compress"><c>logger_tls_compress</c>.</param>
internal sealed record AgentOptions(
    string Secret, bool EventFormat = true, bool Compress = false, TimeSpan? ConfigRefresh = null, TimeSpan? LogPeriod = null, TimeSpan? DistributedInterval = null,
    double Pace = 1, int EnrollAttempts = 12)
{
    public TimeSpan ConfigEvery => ConfigRefresh ?? TimeSpan.FromSeconds(60);

    public TimeSpan LogEvery => LogPeriod ?? TimeSpan.FromSeconds(10);

    public TimeSpan DistributedEvery => DistributedInterval ?? TimeSpan.FromSeconds(10);
}

/// <summary>A made-up osqueryd: it enrolls, fetches its configuration, runs its schedule, buffers and sends logs, and answers distributed queries.</summary>
/// <remarks>Each step can be taken alone, as tests do; <see cref="RunAsync"/> takes them by the clock. Lines leave the buffer only when the
/// answer reads as success, so they are delivered at least once.</remarks>
internal sealed class SimulatedAgent(Machine machine, AgentOptions options, AgentTransport transport, SwarmMeter? meter, TimeProvider clock)
{
    private const int MostLines = 1_024;
    private static readonly TimeSpan s_mostBackOff = TimeSpan.FromHours(1);
    private static readonly string[] s_logTypes = ["result", "status"];

    private readonly Dictionary<string, List<string>> _buffer = s_logTypes.ToDictionary(type => type, _ => new List<string>());
    private readonly Dictionary<string, int> _refusals = s_logTypes.ToDictionary(type => type, _ => 0);
    private readonly Dictionary<string, int> _counters = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<JsonObject>> _logged = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _due = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _enrolling = new(1);
    private readonly Lock _lines = new();
    private JsonObject? _unsentAnswers;
    private DateTimeOffset _acceleratedUntil;

    public Machine Machine => machine;

    /// <summary>The key it was given, or empty.</summary>
    public string NodeKey { get; private set; } = "";

    public JsonObject? Config { get; private set; }

    /// <summary>How often it was given a key.</summary>
    public int Enrollments { get; private set; }

    /// <summary>Carves that queries have begun and nobody has sent yet, by their guids.</summary>
    public Queue<string> Carves { get; } = new();

    /// <summary>Sends this agent's carves.</summary>
    public CarveSender CarveSender => new(transport, NodeKey, machine.OsqueryVersion);

    /// <summary>Lines that wait to be sent.</summary>
    public int Buffered
    {
        get
        {
            lock (_lines) return _buffer.Values.Sum(lines => lines.Count);
        }
    }

    /// <summary>One try to enroll; whether there is a key now.</summary>
    public async Task<bool> EnrollAsync(CancellationToken ct)
    {
        var body = new JsonObject
        {
            ["enroll_secret"] = options.Secret,
            ["host_identifier"] = machine.Uuid,
            ["platform_type"] = machine.PlatformType,
            ["host_details"] = machine.HostDetails(),
        };
        var verdict = await transport.PostAsync("enroll", Encoding.UTF8.GetBytes(body.ToJsonString()), null, machine.OsqueryVersion, gzip: false, ct);

        // Not the shared verdict: only a usable key counts, whatever else is in the answer.
        NodeKey = (verdict.Body?["node_key"] ?? verdict.Body?["id"]) is JsonValue key && key.TryGetValue<string>(out var text) ? text : "";
        if (NodeKey.Length == 0) return false;
        Enrollments++;
        return true;
    }

    /// <summary>Fetches the configuration, three tries like the agent's; whether there is one now. A failure leaves the old one in force.</summary>
    public async Task<bool> RefreshConfigAsync(CancellationToken ct, int tries = 3)
    {
        var verdict = await CallAsync("config", [], ct, tries);
        if (verdict.IsOk) Config = verdict.Body;
        return verdict.IsOk;
    }

    /// <summary>Adds a result line to the buffer.</summary>
    public void Log(string line) => Add("result", line);

    /// <summary>Adds a line of osqueryd's own to the buffer.</summary>
    public void LogStatus(int severity, string message) => Add("status", new JsonObject
    {
        ["hostIdentifier"] = machine.Uuid,
        ["calendarTime"] = CalendarTime(clock.GetUtcNow()),
        ["unixTime"] = clock.GetUtcNow().ToUnixTimeSeconds(),
        ["severity"] = severity,
        ["filename"] = "scheduler.cpp",
        ["line"] = 126,
        ["message"] = message,
        ["version"] = machine.OsqueryVersion,
    }.ToJsonString());

    /// <summary>Logs rows of a query in the agent's format.</summary>
    public void LogRows(string query, string action, IReadOnlyList<JsonObject> rows)
    {
        var counter = _counters.GetValueOrDefault(query, -1) + 1;
        _counters[query] = counter;
        var now = clock.GetUtcNow();
        if (action == "snapshot") Add("result", Line(new() { ["snapshot"] = Array(rows), ["action"] = "snapshot" }, 0));
        else if (options.EventFormat)
        {
            foreach (var row in rows) Add("result", Line(new() { ["columns"] = row.DeepClone(), ["action"] = action }, counter));
        }
        else
        {
            var (added, removed) = action == "added" ? (Array(rows), new JsonArray()) : (new JsonArray(), Array(rows));
            Add("result", Line(new() { ["diffResults"] = new JsonObject { ["removed"] = removed, ["added"] = added } }, counter));
        }

        string Line(JsonObject line, int count)
        {
            line["name"] = query;
            line["hostIdentifier"] = machine.Uuid;
            line["calendarTime"] = CalendarTime(now);
            line["unixTime"] = now.ToUnixTimeSeconds();
            line["epoch"] = 0;
            line["counter"] = count;
            line["numerics"] = false;
            return line.ToJsonString();
        }
    }

    /// <summary>Runs what is due of the schedule and the packs, and logs it.</summary>
    public void RunSchedule()
    {
        var now = clock.GetUtcNow();
        foreach (var (name, query) in Scheduled())
        {
            if (!_due.TryGetValue(name, out var due)) due = _due[name] = now;
            if (now < due) continue;
            var interval = (int?)query["interval"] ?? 3_600;
            _due[name] = now + TimeSpan.FromSeconds(interval * (0.9 + (machine.Random.NextDouble() * 0.2)) / options.Pace);
            var rows = FakeRows.Of(machine, (string?)query["query"] ?? "", 5, now);
            if ((bool?)query["snapshot"] == true) LogRows(name, "snapshot", rows);
            else
            {
                // What was there the last time and is not now is removed.
                if (_logged.TryGetValue(name, out var before) && (bool?)query["removed"] != false) LogRows(name, "removed", before);
                LogRows(name, "added", rows);
                _logged[name] = rows;
            }

            LogStatus(0, $"Executing scheduled query {name}");
        }
    }

    /// <summary>Sends what is buffered, a post for each type; whether all that was sent was taken.</summary>
    public async Task<bool> FlushLogsAsync(CancellationToken ct)
    {
        var isTaken = true;
        foreach (var type in s_logTypes) isTaken &= await FlushAsync(type, ct);
        return isTaken;
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
        foreach (var (id, sql) in queries.Where(query => !discovery.ContainsKey(query.Key) || HasRows(discovery[query.Key]))) Run(id, (string?)sql ?? "");
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
                EveryAsync(() => TimeSpan.FromSeconds(1), () => { RunSchedule(); return Task.CompletedTask; }, stop),
                EveryAsync(() => LogWait("result"), () => FlushAsync("result", stop), stop),
                EveryAsync(() => LogWait("status"), () => FlushAsync("status", stop), stop),
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

    /// <summary>Results and status logs back off apart.</summary>
    private TimeSpan LogWait(string type)
    {
        var refusals = _refusals[type];
        var wait = options.LogEvery * Math.Max(1, refusals * refusals);
        return wait < s_mostBackOff ? wait : s_mostBackOff;
    }

    private async Task<bool> FlushAsync(string type, CancellationToken ct)
    {
        List<string> lines;
        lock (_lines) lines = [.. _buffer[type].Take(MostLines)];
        if (lines.Count == 0) return true;
        var taken = (await PostLinesAsync(type, lines, ct)).IsOk;
        meter?.CountLines(lines.Count, taken ? lines.Count : 0);
        if (taken)
        {
            lock (_lines) _buffer[type].RemoveRange(0, lines.Count);
        }

        _refusals[type] = taken ? 0 : _refusals[type] + 1;
        return taken;
    }

    private TimeSpan DistributedWait()
    {
        var quick = TimeSpan.FromSeconds(5);
        return clock.GetUtcNow() < _acceleratedUntil && quick < options.DistributedEvery ? quick : options.DistributedEvery;
    }

    private async Task EveryAsync(Func<TimeSpan> every, Func<Task> step, CancellationToken stop)
    {
        // Agents do not march in step.
        await Task.Delay(every() * machine.Random.NextDouble(), clock, stop);
        while (!stop.IsCancellationRequested)
        {
            await step();
            await Task.Delay(every(), clock, stop);
        }
    }

    private IEnumerable<(string Name, JsonObject Query)> Scheduled()
    {
        foreach (var (name, query) in Config?["schedule"] as JsonObject ?? [])
        {
            if (query is JsonObject scheduled && IsForMe(scheduled)) yield return (name, scheduled);
        }

        foreach (var (pack, content) in Config?["packs"] as JsonObject ?? [])
        {
            if (content is not JsonObject json || !IsForMe(json)) continue;
            foreach (var (name, query) in json["queries"] as JsonObject ?? [])
            {
                if (query is JsonObject scheduled && IsForMe(scheduled)) yield return ($"pack/{pack}/{name}", scheduled);
            }
        }
    }

    private bool IsForMe(JsonObject item) => PlatformFilter.Includes((string?)item["platform"], machine.Platform);

    private void Run(string id, string sql)
    {
        _unsentAnswers ??= new JsonObject { ["queries"] = new JsonObject(), ["statuses"] = new JsonObject(), ["messages"] = new JsonObject(), ["stats"] = new JsonObject() };
        var missing = FakeRows.MissingTable(sql);
        if (sql.Contains("carve = 1", StringComparison.Ordinal))
        {
            Carves.Enqueue(Guid.NewGuid().ToString());
            _unsentAnswers["queries"]![id] = new JsonArray(new JsonObject { ["carve_guid"] = Carves.Last(), ["carve"] = "1", ["status"] = "SCHEDULED", ["path"] = "" });
        }
        else _unsentAnswers["queries"]![id] = missing is null ? Array(FakeRows.Of(machine, sql, 5, clock.GetUtcNow())) : new JsonArray();
        _unsentAnswers["statuses"]![id] = missing is null ? 0 : 1;
        _unsentAnswers["messages"]![id] = missing is null ? "" : $"no such table: {missing}";
        _unsentAnswers["stats"]![id] = new JsonObject { ["wall_time_ms"] = 1, ["user_time"] = 0, ["system_time"] = 0, ["memory"] = 0 };
    }

    private async Task<Verdict> PostLinesAsync(string type, List<string> lines, CancellationToken ct)
    {
        await EnsureKeyAsync(ct);

        // The order on the wire is osquery's: data first when plain, last when packed.
        var data = string.Join(',', lines);
        var key = JsonEncodedText.Encode(NodeKey);
        var body = options.Compress
            ? $$"""{"node_key":"{{key}}","log_type":"{{type}}","data":[{{data}}]}"""
            : $$"""{"data":[{{data}}],"log_type":"{{type}}","node_key":"{{key}}"}""";
        return Learn(await transport.PostAsync("log", Encoding.UTF8.GetBytes(body), NodeKey, machine.OsqueryVersion, options.Compress, ct));
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

    private void Add(string type, string line)
    {
        lock (_lines) _buffer[type].Add(line);
    }

    private static JsonArray Array(IEnumerable<JsonObject> rows) => [.. rows.Select(row => row.DeepClone())];

    /// <summary>asctime, as osquery writes it: <c>Mon May  2 22:27:32 2016 UTC</c>.</summary>
    private static string CalendarTime(DateTimeOffset time) =>
        time.UtcDateTime.ToString("ddd MMM ", CultureInfo.InvariantCulture) + time.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2) + time.UtcDateTime.ToString(" HH:mm:ss yyyy 'UTC'", CultureInfo.InvariantCulture);
}

using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>Its log: lines are written to the buffer, and the buffer is sent.</summary>
internal sealed partial class SimulatedAgent
{
    /// <summary>Lines of both kinds in one post, unless the configuration says otherwise.</summary>
    public const int MostLines = 1_024;

    private const int LongestLine = 1 << 20;
    private static readonly TimeSpan s_mostBackOff = TimeSpan.FromHours(1);

    private readonly LogBuffer _buffer = new(options.BufferedLogMax);
    private readonly Dictionary<string, (int Refusals, DateTimeOffset Due)> _backOffs = new(StringComparer.Ordinal);

    /// <summary>Lines that wait to be sent.</summary>
    public int Buffered => _buffer.Count;

    private long Epoch => Config.Number("schedule_epoch", 0);

    /// <summary>Adds a line of osqueryd's own to the buffer.</summary>
    public void LogStatus(int severity, string message) => Add(LogBuffer.Status, Lines.Status(clock.GetUtcNow(), severity, message, machine.OsqueryVersion));

    /// <summary>Logs rows of a query in the agent's format, as they would be if they alone had changed.</summary>
    public void LogRows(string query, string action, IReadOnlyList<JsonObject> rows)
    {
        var texts = rows.Select(QueryRuns.TextOf).ToList();
        if (action == "snapshot") Add(LogBuffer.Result, Lines.Snapshot(query, clock.GetUtcNow(), Epoch, texts));
        else Log(query, action == "added" ? new(texts, [], _runs.NextCounter(query), IsFirst: false) : new([], texts, _runs.NextCounter(query), IsFirst: false));
    }

    /// <summary>Sends what is buffered, a post for each type; whether all that was sent was taken.</summary>
    public Task<bool> FlushLogsAsync(CancellationToken ct) => FlushAsync(_ => true, ct);

    /// <summary>Counts what was dropped since the last post.</summary>
    public void CountLeft() => meter?.CountPurged(_buffer.TakePurged());

    /// <summary>Results and status logs back off apart.</summary>
    private Task<bool> FlushDueAsync(CancellationToken ct) => FlushAsync(type => clock.GetUtcNow() >= _backOffs.GetValueOrDefault(type).Due, ct);

    private async Task<bool> FlushAsync(Func<string, bool> isDue, CancellationToken ct)
    {
        var (results, statuses) = _buffer.Oldest(Config.Count("logger_tls_max_lines", MostLines));
        var isTaken = await SendAsync(LogBuffer.Result, results, isDue, ct);
        isTaken &= await SendAsync(LogBuffer.Status, statuses, isDue, ct);
        meter?.CountPurged(_buffer.TakePurged());
        return isTaken;
    }

    private async Task<bool> SendAsync(string type, OldestLines oldest, Func<string, bool> isDue, CancellationToken ct)
    {
        if (oldest.Lines.Count == 0 || !isDue(type)) return true;
        var longest = Config.Count("logger_tls_max_linesize", LongestLine);
        var sent = oldest.Lines.Where(line => line.Length <= longest).ToList();
        foreach (var line in oldest.Lines.Where(line => line.Length > longest)) LogStatus(1, $"Line exceeds TLS logger max: {line.Length}");
        var verdict = await PostLinesAsync(type, sent, ct);
        meter?.CountLines(sent.Count, verdict);
        if (verdict.IsOk) _buffer.RemoveTo(type, oldest.End);
        BackOff(type, verdict.IsOk);
        return verdict.IsOk;
    }

    private void BackOff(string type, bool isTaken)
    {
        var refusals = isTaken ? 0 : _backOffs.GetValueOrDefault(type).Refusals + 1;
        var wait = options.LogEvery * refusals * refusals;
        _backOffs[type] = (refusals, clock.GetUtcNow() + (wait < s_mostBackOff ? wait : s_mostBackOff));
    }

    private async Task<Verdict> PostLinesAsync(string type, List<string> lines, CancellationToken ct)
    {
        await EnsureKeyAsync(ct);

        // The order on the wire is osquery's: data first when plain, last when packed.
        var isPacked = Config.Flag("logger_tls_compress", options.Compress);
        var data = string.Join(',', lines);
        var key = JsonEncodedText.Encode(NodeKey);
        var body = isPacked
            ? $$"""{"node_key":"{{key}}","log_type":"{{type}}","data":[{{data}}]}"""
            : $$"""{"data":[{{data}}],"log_type":"{{type}}","node_key":"{{key}}"}""";
        return Learn(await transport.PostAsync("log", Encoding.UTF8.GetBytes(body), NodeKey, machine.OsqueryVersion, isPacked, ct));
    }

    private void LogRun(ScheduledQuery query, List<JsonObject> rows)
    {
        if (query.Snapshot)
        {
            Add(LogBuffer.Result, Lines.Snapshot(query.Name, clock.GetUtcNow(), Epoch, rows.Select(QueryRuns.TextOf)));
            return;
        }

        var run = _runs.Next(query.Name, query.Sql, Epoch, rows);
        Log(query.Name, query.Removed ? run : run with { Removed = [] });
    }

    private void Log(string query, RunDifference run)
    {
        var now = clock.GetUtcNow();
        if (!Config.Flag("logger_event_type", options.EventFormat))
        {
            // A first run without rows is a line too.
            if (run.IsFirst || run.Added.Count + run.Removed.Count > 0) Add(LogBuffer.Result, Lines.Batch(query, now, Epoch, run));
            return;
        }

        foreach (var row in run.Removed) Add(LogBuffer.Result, Lines.Event(query, now, Epoch, run.Counter, "removed", row));
        foreach (var row in run.Added) Add(LogBuffer.Result, Lines.Event(query, now, Epoch, run.Counter, "added", row));
    }

    private void Add(string type, string line)
    {
        meter?.CountWritten();
        _buffer.Add(type, line, Config.Count("buffered_log_max", int.MaxValue));
    }

    private Dictionary<string, string> DecorationsOf(AgentConfig config)
    {
        var decorations = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in config.Decorators.SelectMany(sql => FakeRows.Of(machine, sql, 1, clock.GetUtcNow()).Take(1)))
        {
            foreach (var (column, value) in row) decorations[column] = value?.ToString() ?? "";
        }

        return decorations;
    }
}

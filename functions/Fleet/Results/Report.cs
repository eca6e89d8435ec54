using System.Globalization;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>The rows of one query in one batch.</summary>
/// <param name="Id">The batch's: what was applied is not applied again.</param>
/// <param name="ReceivedAt">By the server's clock.</param>
internal sealed record BatchRows(string Id, DateTimeOffset ReceivedAt, IReadOnlyList<ResultRow> Rows);

/// <summary>What one node holds now for one query: added and removed rows applied, snapshots replaced. Equal rows count each, as osquery's results do.</summary>
/// <remarks>
/// Batches may come twice and in another order. Within the runs that follow one start, a removal takes away a row that was added before it, by counter, and
/// by time where lines have none. A start (a snapshot, or the run with counter 0) replaces all that was received before it: agents' clocks jump.
/// </remarks>
internal sealed class Report
{
    /// <summary>A message may be handled twice, though not after so many others.</summary>
    private const int MostApplied = 64;

    /// <summary>Removals whose row has not come, at most.</summary>
    private const int MostOwed = 100;

    private readonly Dictionary<string, ReportRow> _rows = new(StringComparer.Ordinal);
    private readonly List<string> _applied = [];
    private long? _epoch;
    private ReportStart? _start;

    /// <summary>The whole snapshot that is being read: its rows belong together.</summary>
    private WholeLine? _line;
    private string? _sql;
    private long _counter;

    /// <summary>The agent's clock at the newest row.</summary>
    public DateTimeOffset UpdatedAt { get; private set; }

    /// <summary>When the first of what it holds was received; null if it holds nothing.</summary>
    public DateTimeOffset? BeganAt { get; private set; }

    /// <summary>A digest of the SQL that it is of: as the query stood in the configuration at the start. Null if no configuration had it.</summary>
    public string? Sql { get; private set; }

    /// <summary>Older rows were let go to stay under the limit: an event table's report, mostly.</summary>
    public bool IsTruncated { get; private set; }

    public IEnumerable<IReadOnlyList<KeyValuePair<string, ColumnValue>>> Rows =>
        _rows.Values.OrderBy(row => row.Place).SelectMany(row => Enumerable.Repeat(row.Columns, row.Added.Total));

    /// <summary>Applies batches of this node and query, in the order in which they were received.</summary>
    /// <param name="batches">The batches.</param>
    /// <param name="most">How many rows may be held.</param>
    /// <param name="latest">No row counts as later than this: an agent's clock may be ahead.</param>
    /// <param name="sql">The query's SQL as the node has it; null if no configuration has it.</param>
    public void Apply(IEnumerable<BatchRows> batches, int most, DateTimeOffset latest, string? sql = null)
    {
        if (UpdatedAt > latest) UpdatedAt = latest;
        _sql = sql is null ? null : SqlOf(sql);
        if (_rows.Count == 0 && _start is null) Sql = _sql;
        var count = 0;
        foreach (var batch in batches.OrderBy(batch => batch.ReceivedAt))
        {
            if (_applied.Contains(batch.Id)) continue;
            _applied.Add(batch.Id);
            count++;
            _line = null;

            // Within a batch lines are not always in the order of their runs. Snapshots have nothing but their order.
            foreach (var row in batch.Rows.OrderBy(row => row.Epoch ?? 0).ThenBy(row => row.Action == "snapshot" ? default : MomentOf(row))) Apply(row, batch.ReceivedAt, latest);
        }

        if (_applied.Count > Math.Max(MostApplied, count)) _applied.RemoveRange(0, _applied.Count - Math.Max(MostApplied, count));
        Trim(most);
    }

    /// <summary>What <see cref="Sql"/> is of a text.</summary>
    public static string SqlOf(string sql) => Digest.Of(sql)[..16];

    /// <summary>Forgets all: what is held is of an agent that is no more.</summary>
    public void Clear()
    {
        _rows.Clear();
        (_start, _epoch, _counter, BeganAt, IsTruncated) = (null, null, 0, null, false);
    }

    /// <summary>Lets go of the oldest rows, and of the oldest removals that wait for theirs.</summary>
    public void Trim(int most)
    {
        TrimSide(row => row.Owed, Math.Min(most, MostOwed));
        IsTruncated |= TrimSide(row => row.Added, most);
        foreach (var (identity, _) in _rows.Where(row => row.Value.IsEmpty).ToList()) _rows.Remove(identity);
    }

    public byte[] Write()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            if (_epoch is { } epoch) json.WriteNumber("epoch", epoch);
            _start?.Write(json);
            if (BeganAt is { } began) json.WriteString("began", began.ToString("O", CultureInfo.InvariantCulture));
            json.WriteNumber("counter", _counter);
            if (Sql is not null) json.WriteString("sql", Sql);
            json.WriteNumber("updatedAt", UpdatedAt.ToUnixTimeSeconds());
            json.WriteBoolean("truncated", IsTruncated);
            json.WriteStartArray("applied");
            foreach (var id in _applied) json.WriteStringValue(id);
            json.WriteEndArray();
            json.WriteStartArray("rows");
            foreach (var row in _rows.Values.OrderBy(row => row.Place)) row.Write(json);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    public static Report Read(ReadOnlyMemory<byte> json)
    {
        var report = new Report();
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        if (root.TryGetProperty("epoch", out var epoch)) report._epoch = epoch.GetInt64();
        report._start = ReportStart.Read(root);
        if (root.TryGetProperty("began", out var began)) report.BeganAt = DateTimeOffset.Parse(began.GetString()!, CultureInfo.InvariantCulture);
        if (root.TryGetProperty("counter", out var counter)) report._counter = counter.GetInt64();
        report.Sql = root.TryGetProperty("sql", out var sql) ? sql.GetString() : null;
        report.UpdatedAt = DateTimeOffset.FromUnixTimeSeconds(root.GetProperty("updatedAt").GetInt64());
        report.IsTruncated = root.GetProperty("truncated").GetBoolean();
        if (root.TryGetProperty("applied", out var applied)) report._applied.AddRange(applied.EnumerateArray().Select(id => id.GetString()!));
        foreach (var row in root.GetProperty("rows").EnumerateArray())
        {
            var read = ReportRow.Read(row, report._rows.Count);
            report._rows[RowJson.Identity(read.Columns)] = read;
        }

        return report;
    }

    private void Apply(ResultRow row, DateTimeOffset received, DateTimeOffset latest)
    {
        var at = MomentOf(row);

        // The first run of new SQL may have found nothing and said nothing: then only the counter tells.
        if (Sql is not null && _sql is not null && Sql != _sql && row.Counter < _counter)
        {
            Clear();
            Sql = _sql;
        }

        if (row.Counter is null && at.Time > latest.ToUnixTimeSeconds()) at = at with { Time = latest.ToUnixTimeSeconds() };
        var startsAnew = row.Action == "snapshot" || (row.Counter == 0 && row.Action == "added");
        if (!IsOfEpoch(row, startsAnew, received) || !(startsAnew ? Start(row, at, received) : IsAfterStart(at, received))) return;

        var time = row.Time < latest ? row.Time : latest;
        if (time > UpdatedAt) UpdatedAt = time;
        BeganAt ??= received;
        _counter = Math.Max(_counter, row.Counter ?? 0);
        if (row.IsEmpty) return;
        var identity = RowJson.Identity(row.Columns);
        if (!_rows.TryGetValue(identity, out var held)) _rows[identity] = held = new(row.Columns, _rows.Count);
        if (row.Action == "removed") held.Remove(at);
        else held.Add(at);
        if (held.IsEmpty) _rows.Remove(identity);
    }

    /// <summary>A greater epoch is a later one; a smaller one counts only if a start says that the agent began anew.</summary>
    private bool IsOfEpoch(ResultRow row, bool startsAnew, DateTimeOffset received)
    {
        if (row.Epoch is not { } epoch || epoch == _epoch) return true;
        if (_epoch is not null)
        {
            if (epoch < _epoch && !(startsAnew && received >= _start?.ReceivedAt)) return false;
            Clear();
        }

        _epoch = epoch;
        return true;
    }

    /// <summary>Begins anew, unless the row is of the start that is known, or of one that was received before it.</summary>
    private bool Start(ResultRow row, Moment at, DateTimeOffset received)
    {
        var kind = row.Action != "snapshot" ? StartKind.FirstRun : row.IsWholeSnapshot ? StartKind.Snapshot : StartKind.SnapshotRows;
        var isSame = kind == StartKind.Snapshot ? ReferenceEquals(row.Whole, _line) : _start is { } start && start.Kind == kind && start.Time == at.Time;
        if (isSame) return true;
        if (received < _start?.ReceivedAt) return false;

        // Rows of later runs may have come before their first.
        if (_start is not null || kind != StartKind.FirstRun || (Sql is not null && Sql != _sql)) Clear();
        _start = new(kind, at.Time, received);
        Sql = _sql;
        _epoch = row.Epoch ?? _epoch;
        _line = kind == StartKind.Snapshot ? row.Whole : null;
        return true;
    }

    private bool IsAfterStart(Moment at, DateTimeOffset received) => _start is not { } start || received >= start.ReceivedAt || at.Time >= start.Time;

    private bool TrimSide(Func<ReportRow, Moments> side, int most)
    {
        var total = _rows.Values.Sum(row => side(row).Total);
        if (total <= most) return false;
        foreach (var (row, at, number) in _rows.Values.SelectMany(row => side(row).All.Select(one => (row, one.At, one.Count))).OrderBy(one => one.At).ToList())
        {
            if (total <= most) break;
            var gone = Math.Min(number, total - most);
            side(row).Take(at, gone);
            total -= gone;
        }

        return true;
    }

    private static Moment MomentOf(ResultRow row) => new(row.Counter ?? -1, row.Time.ToUnixTimeSeconds());
}

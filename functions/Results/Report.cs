using System.Text.Json;

namespace Fleet.Results;

/// <summary>What one node holds now for one query: added and removed rows applied, snapshots replaced.</summary>
/// <remarks>Rows may come twice and late. Each row remembers when it was last spoken of, and what is older than that changes nothing.</remarks>
internal sealed class Report
{
    private readonly Dictionary<string, Entry> _rows = new(StringComparer.Ordinal);
    private Moment _startedAt;

    /// <summary>The agent's clock at the newest row.</summary>
    public DateTimeOffset UpdatedAt { get; private set; }

    /// <summary>Older rows were let go to stay under the limit: an event table's report, mostly.</summary>
    public bool IsTruncated { get; private set; }

    public IEnumerable<IReadOnlyList<KeyValuePair<string, ColumnValue>>> Rows =>
        _rows.Values.Where(entry => entry.IsHeld).OrderBy(entry => entry.Place).Select(entry => entry.Columns);

    /// <summary>Applies rows of this node and query, in the order of their time.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="most">How many rows may be held.</param>
    /// <param name="latest">No row counts as later than this: an agent whose clock was ahead must not outdate its own right rows.</param>
    public void Apply(IEnumerable<ResultRow> rows, int most, DateTimeOffset latest)
    {
        var last = latest.ToUnixTimeSeconds();
        if (_startedAt.Time > last) _startedAt = new(0, 0);
        if (UpdatedAt > latest) UpdatedAt = latest;
        foreach (var (row, at) in rows.Select(row => (row, at: MomentOf(row, last))).OrderBy(pair => pair.at)) Apply(row, at);
        Trim(most);
    }

    /// <summary>Lets go of removed rows first (they only serve against late repeats), then of the oldest.</summary>
    public void Trim(int most)
    {
        var gone = _rows.Where(row => !row.Value.IsHeld).OrderByDescending(row => row.Value.At).Skip(Math.Min(most, 100)).Select(row => row.Key).ToList();
        foreach (var key in gone) _rows.Remove(key);

        var held = _rows.Where(row => row.Value.IsHeld).OrderByDescending(row => row.Value.At).Skip(most).Select(row => row.Key).ToList();
        foreach (var key in held) _rows.Remove(key);
        IsTruncated |= held.Count > 0;
    }

    public byte[] Write()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("startedAt", _startedAt.Time);
            json.WriteNumber("startedCounter", _startedAt.Counter);
            json.WriteNumber("updatedAt", UpdatedAt.ToUnixTimeSeconds());
            json.WriteBoolean("truncated", IsTruncated);
            json.WriteStartArray("rows");
            foreach (var entry in _rows.Values.OrderBy(entry => entry.Place))
            {
                json.WriteStartObject();
                json.WriteNumber("t", entry.At.Time);
                json.WriteNumber("n", entry.At.Counter);
                json.WriteBoolean("h", entry.IsHeld);
                json.WritePropertyName("c");
                RowJson.WriteColumns(json, entry.Columns);
                json.WriteEndObject();
            }

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
        report._startedAt = new(root.GetProperty("startedAt").GetInt64(), root.GetProperty("startedCounter").GetInt64());
        report.UpdatedAt = DateTimeOffset.FromUnixTimeSeconds(root.GetProperty("updatedAt").GetInt64());
        report.IsTruncated = root.GetProperty("truncated").GetBoolean();
        foreach (var row in root.GetProperty("rows").EnumerateArray())
        {
            var columns = LineReader.ReadRow(row.GetProperty("c").GetRawText());
            var at = new Moment(row.GetProperty("t").GetInt64(), row.GetProperty("n").GetInt64());
            report._rows[RowJson.Identity(columns)] = new(columns, at, row.GetProperty("h").GetBoolean(), report._rows.Count);
        }

        return report;
    }

    private void Apply(ResultRow row, Moment at)
    {
        var time = DateTimeOffset.FromUnixTimeSeconds(at.Time);
        if (time > UpdatedAt) UpdatedAt = time;

        // A snapshot, and the first run of a query (counter 0), say all that there is; their rows share one moment.
        var startsAnew = row.Action == "snapshot" || (row.Counter == 0 && row.Action == "added");
        if (startsAnew && at.CompareTo(_startedAt) > 0)
        {
            foreach (var identity in _rows.Where(entry => entry.Value.At.CompareTo(at) < 0).Select(entry => entry.Key).ToList()) _rows.Remove(identity);
            IsTruncated = false;
            _startedAt = at;
        }

        if (row.IsEmpty || at.CompareTo(_startedAt) < 0) return;
        var key = RowJson.Identity(row.Columns);
        var isKnown = _rows.TryGetValue(key, out var seen);
        if (isKnown && at.CompareTo(seen!.At) < 0) return;
        _rows[key] = new(row.Columns, at, row.Action is not "removed", isKnown && seen!.IsHeld ? seen.Place : _rows.Count);
    }

    private static Moment MomentOf(ResultRow row, long latest) => new(Math.Min(row.Time.ToUnixTimeSeconds(), latest), row.Counter ?? 0);

    private sealed record Entry(IReadOnlyList<KeyValuePair<string, ColumnValue>> Columns, Moment At, bool IsHeld, int Place);

    /// <summary>Seconds by the agent's clock, then its counter.</summary>
    private readonly record struct Moment(long Time, long Counter) : IComparable<Moment>
    {
        public int CompareTo(Moment other) => Time != other.Time ? Time.CompareTo(other.Time) : Counter.CompareTo(other.Counter);
    }
}

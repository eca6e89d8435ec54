using System.Globalization;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Sinks;

/// <summary>Lines of a batch as a sink wants them: those that its filter lets through, in its format.</summary>
internal static class SinkRecords
{
    /// <summary>Bytes of one batch's records: each has its line's decorations, so that a small line may become much.</summary>
    private static readonly long s_most = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 6, 64 << 20, 512 << 20);

    /// <param name="batch">Results or status lines.</param>
    /// <param name="sink">Filter and format.</param>
    /// <param name="host">The node's host identifier.</param>
    /// <param name="tags">Its tags.</param>
    /// <param name="dropped">How many lines the filter held back.</param>
    /// <exception cref="FormatException">They are more than memory is for.</exception>
    public static List<SinkRecord> Of(Batch batch, SinkSettings sink, string host, TagSet tags, out int dropped)
    {
        var records = new List<SinkRecord>();
        var all = 0;
        var bytes = 0L;
        var key = batch.Key.ToString();
        if (batch.Key.IsStatus)
        {
            foreach (var line in StatusLine.Read(batch.Lines, batch.Key.Time))
            {
                var place = all++;
                if (line.Severity < sink.MinimumSeverity) continue;
                var id = IdOf(place);
                Add(new(id, line.Time, batch.Key.Node, host, "", line.Severity, Status(line, sink.Format, id, batch.Key.Node, host, tags)));
            }
        }
        else
        {
            foreach (var row in LineReader.Read(batch.Lines, batch.Key.Time))
            {
                var place = all++;
                if (!sink.WantsQuery(row.Name)) continue;
                var id = IdOf(place);
                Add(new(id, row.Time, batch.Key.Node, host, row.Name, null, Result(row, sink.Format, id, batch.Key.Node, host, tags)));
            }
        }

        dropped = all - records.Count;
        return records;

        void Add(SinkRecord record)
        {
            if ((bytes += record.Json.Length) > s_most) throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"Its records would have more than {s_most >> 20} MB."));
            records.Add(record);
        }

        string IdOf(int place) => Digest.Of(key, place.ToString(CultureInfo.InvariantCulture));
    }

    private static byte[] Result(ResultRow row, string format, string id, NodeId node, string host, TagSet tags) => Write(json =>
    {
        if (format == SinkSettings.Ecs)
        {
            Common(json, row.Time, id, node, host, tags, "osquery.result", row.HostIdentifier);
            json.WriteStartObject("osquery");
            json.WriteStartObject("result");
            json.WriteString("name", row.Name);
            json.WriteString("action", row.Action);
            if (row.Epoch is { } inEpoch) json.WriteNumber("epoch", inEpoch);
            if (row.Counter is { } count) json.WriteNumber("counter", count);
            Body(json, row);
            json.WriteEndObject();
            json.WriteEndObject();
            return;
        }

        json.WriteString("name", row.Name);
        json.WriteString("hostIdentifier", host.Length > 0 ? host : row.HostIdentifier);
        json.WriteString("calendarTime", row.Time.UtcDateTime.ToString("ddd MMM d HH:mm:ss yyyy 'UTC'", CultureInfo.InvariantCulture));
        json.WriteNumber("unixTime", row.Time.ToUnixTimeSeconds());
        if (row.Epoch is { } epoch) json.WriteNumber("epoch", epoch);
        if (row.Counter is { } counter) json.WriteNumber("counter", counter);
        Body(json, row);
        json.WriteString("action", row.Action);
        Node(json, node, tags);
    });

    /// <summary>Columns and decorations; of a line that is no result, the line.</summary>
    private static void Body(Utf8JsonWriter json, ResultRow row)
    {
        if (row.Fault is not null)
        {
            json.WriteString("fault", row.Fault);
            json.WriteString("raw", row.Whole.Text.Span);
            return;
        }

        if (row.Decorations is { Count: > 0 } decorations)
        {
            json.WritePropertyName("decorations");
            RowJson.WriteColumns(json, decorations.DistinctBy(one => one.Key));
        }

        json.WritePropertyName("columns");
        RowJson.WriteColumns(json, row.Columns);
    }

    private static byte[] Status(StatusLine line, string format, string id, NodeId node, string host, TagSet tags) => Write(json =>
    {
        if (format == SinkSettings.Ecs)
        {
            Common(json, line.Time, id, node, host, tags, "osquery.status", host);
            json.WriteString("message", line.Message);
            json.WriteStartObject("log");
            json.WriteString("level", line.Severity switch { 0 => "info", 1 => "warning", 2 => "error", _ => "fatal" });
            json.WriteStartObject("origin");
            json.WriteStartObject("file");
            json.WriteString("name", line.Filename);
            json.WriteNumber("line", line.Line);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteStartObject("agent");
            json.WriteString("type", "osquery");
            json.WriteString("version", line.Version);
            json.WriteEndObject();
            return;
        }

        json.WriteString("log_type", "status");
        json.WriteString("hostIdentifier", host);
        json.WriteNumber("unixTime", line.Time.ToUnixTimeSeconds());
        json.WriteNumber("severity", line.Severity);
        json.WriteString("filename", line.Filename);
        json.WriteNumber("line", line.Line);
        json.WriteString("message", line.Message);
        json.WriteString("version", line.Version);
        if (line.Decorations.Count > 0)
        {
            json.WritePropertyName("decorations");
            RowJson.WriteColumns(json, line.Decorations);
        }

        Node(json, node, tags);
    });

    private static void Node(Utf8JsonWriter json, NodeId node, TagSet tags)
    {
        json.WriteString("nodeId", node.ToString());
        Tags(json, tags);
    }

    private static void Common(Utf8JsonWriter json, DateTimeOffset time, string id, NodeId node, string host, TagSet tags, string dataset, string said)
    {
        json.WriteString("@timestamp", TimeText.Milliseconds(time));
        json.WriteStartObject("ecs");
        json.WriteString("version", "8.11.0");
        json.WriteEndObject();
        json.WriteStartObject("event");
        json.WriteString("kind", "event");
        json.WriteString("module", "osquery");
        json.WriteString("dataset", dataset);
        json.WriteString("id", id);
        json.WriteEndObject();
        json.WriteStartObject("host");
        json.WriteString("id", node.ToString());
        json.WriteString("name", host.Length > 0 ? host : said);
        json.WriteEndObject();
        Tags(json, tags);
    }

    private static void Tags(Utf8JsonWriter json, TagSet tags)
    {
        json.WriteStartArray("tags");
        foreach (var tag in tags.Tags) json.WriteStringValue(tag);
        json.WriteEndArray();
    }

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}

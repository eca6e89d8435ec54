using System.Text;
using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Sinks;

/// <summary>A message of RFC 5424 for each line, whose text is the line's JSON.</summary>
internal sealed class SyslogSink(Uri server, Outbound outbound) : ISink
{
    /// <summary>Facility 'local0', RFC 5424 6.2.1.</summary>
    private const int Facility = 16;

    public async ValueTask<Delivery> SendAsync(IReadOnlyList<SinkRecord> records, CancellationToken ct)
    {
        await Syslog.SendAsync(server, outbound, [.. records.Select(MessageOf)], ct);
        return Delivery.Ok;
    }

    private static byte[] MessageOf(SinkRecord record)
    {
        var severity = !record.IsStatus ? 6 : record.Severity switch { 0 => 6, 1 => 4, 2 => 3, _ => 2 };
        return Syslog.Message(
            $"<{(Facility * 8) + severity}>1 {TimeText.Milliseconds(record.Time)} {Syslog.Word(record.Host)} osquery - {record.Kind} [fleet@32473 id=\"{record.Id}\" node=\"{record.Node}\" query=\"{Syslog.Value(record.Name)}\"] ",
            Encoding.UTF8.GetString(record.Json));
    }
}

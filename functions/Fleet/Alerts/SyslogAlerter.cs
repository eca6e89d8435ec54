using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>A message of RFC 5424 for each notice.</summary>
internal sealed class SyslogAlerter(Uri server, Outbound outbound) : IAlerter
{
    /// <summary>Facility 'security', RFC 5424 6.2.1.</summary>
    private const int Facility = 4;

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        await Syslog.SendAsync(server, outbound, [MessageOf(notice)], ct);
        return Delivery.Ok;
    }

    private static byte[] MessageOf(Notice notice)
    {
        var alert = notice.Alert;
        var severity = alert.Severity switch { "critical" => 2, "high" => 3, "medium" => 4, "low" => 5, _ => 6 };
        var header = $"<{(Facility * 8) + severity}>1 {TimeText.Milliseconds(alert.RaisedAt)} {Syslog.Word(alert.Host)} fleet - alert-{notice.What.ToString().ToLowerInvariant()} "
            + $"[fleet@32473 id=\"{alert.Id}\" rule=\"{Syslog.Value(alert.RuleName)}\" ruleId=\"{Syslog.Value(alert.RuleId)}\" severity=\"{alert.Severity}\" node=\"{alert.Node}\" query=\"{Syslog.Value(Notice.QueryOf(alert))}\" count=\"{alert.Count}\"] ";
        return Syslog.Message(header, $"{notice.Title}: {notice.Text}");
    }
}

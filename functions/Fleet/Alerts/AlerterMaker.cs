using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Makes alerters of their settings.</summary>
/// <param name="limits">How long an alerter may take.</param>
/// <param name="clock">The time.</param>
/// <param name="outbound">Where connections may lead.</param>
/// <param name="folders">Where log files may lie.</param>
/// <param name="tokenOf">Gets a token of this server's own identity, for a scope.</param>
internal sealed class AlerterMaker(Limits limits, TimeProvider clock, Outbound outbound, OutFolders folders, Func<string, CancellationToken, ValueTask<string>> tokenOf)
{
    private readonly HttpClient _http = HttpDelivery.Client(limits.AlerterTimeout, outbound);

    public IAlerter Make(AlerterSettings settings, string? secret)
    {
        Uri Url(string otherwise) => new(settings.Field("url") ?? otherwise);
        return settings.Type switch
        {
            Alerters.Log => new LogAlerter(settings.Field("path"), folders),
            Alerters.Webhook => Http(notice => WebhookAlerter.RequestOf(notice, Url(""), secret)),
            "pagerduty" => Http(notice => PagerDutyAlerter.RequestOf(notice, Url(PagerDutyAlerter.Url), secret!)),
            "opsgenie" => Http(notice => OpsgenieAlerter.RequestOf(notice, Url(OpsgenieAlerter.Url), secret!)),
            "slack" => Http(notice => SlackAlerter.RequestOf(notice, new(secret!))),
            "teams" => Http(notice => TeamsAlerter.RequestOf(notice, new(secret!))),
            "sentry" => Http(notice => SentryAlerter.RequestOf(notice, secret!)),
            "eventgrid" => new HttpAlerter(_http, (notice, ct) => EventGridAlerter.RequestOfAsync(notice, Url(""), secret, tokenOf, ct), clock),
            "syslog" => new SyslogAlerter(new(settings.Field("server")!), outbound),
            "email" => new EmailAlerter(settings, secret, outbound),
            _ => throw new InvalidOperationException($"There is no type '{settings.Type}' of alerters."),
        };
    }

    private HttpAlerter Http(Func<Notice, HttpRequestMessage> requestOf) => new(_http, (notice, _) => new(requestOf(notice)), clock);
}

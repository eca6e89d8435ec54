using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;

namespace Fleet.Alerts;

/// <summary>A message of text and HTML by SMTP, under STARTTLS unless the server is said to be plain. What follows an alert is its answer, so that programs show them together.</summary>
internal sealed class EmailAlerter(AlerterSettings settings, string? password) : IAlerter
{
    private const int MostSubject = 200;
    private const int MostText = 500_000;
    private const int DefaultPort = 587;

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        var server = new Uri(settings.Field("server")!);
        using var client = new SmtpClient(server.Host, server.Port > 0 ? server.Port : DefaultPort) { EnableSsl = server.Scheme == "smtp" };
        if (settings.Field("user") is { } user) client.Credentials = new NetworkCredential(user, password);
        using var message = MessageOf(notice);
        try
        {
            await client.SendMailAsync(message, ct);
            return Delivery.Ok;
        }
        catch (SmtpException fault)
        {
            var reason = fault.InnerException is { } inner ? $"{fault.Message} {inner.Message}" : fault.Message;

            // 5xx is for good (RFC 5321, 4.2.1), but for a connection that did not come about.
            return (int)fault.StatusCode is >= 500 and < 600 ? new Delivery.Rejected(reason) : new Delivery.RetryAfter(null, reason);
        }
    }

    private MailMessage MessageOf(Notice notice)
    {
        var from = new MailAddress(settings.Field("from")!);
        var message = new MailMessage { From = from, Subject = AlertText.Cut(notice.Title, MostSubject), SubjectEncoding = Encoding.UTF8, BodyEncoding = Encoding.UTF8 };
        message.To.Add(settings.Field("to")!);
        var thread = $"<{notice.Alert.Id}@{from.Host}>";
        message.Headers.Add("Message-ID", notice.What == AlertEvent.Opened && !notice.IsDigest ? thread : $"<{notice.Alert.Id}-{notice.Alert.Events.Length}{(notice.IsDigest ? "-digest" : "")}@{from.Host}>");
        if (notice.What != AlertEvent.Opened) message.Headers.Add("In-Reply-To", thread);
        message.Headers.Add("Auto-Submitted", "auto-generated");
        if (Severity.RankOf(notice.Alert.Severity) >= 3 && notice.IsCall) message.Priority = MailPriority.High;
        var text = AlertText.Cut(notice.Text, MostText);
        message.AlternateViews.Add(AlternateView.CreateAlternateViewFromString(text, Encoding.UTF8, MediaTypeNames.Text.Plain));
        message.AlternateViews.Add(AlternateView.CreateAlternateViewFromString(HtmlOf(notice, text), Encoding.UTF8, MediaTypeNames.Text.Html));
        return message;
    }

    private static string HtmlOf(Notice notice, string text)
    {
        var colour = notice.IsEnd ? "#107c10" : Severity.RankOf(notice.Alert.Severity) >= 3 ? "#c50f1f" : "#0f6cbd";
        var link = !notice.IsDigest && notice.LinkOf(notice.Alert) is { } url ? $"<p><a href=\"{WebUtility.HtmlEncode(url)}\">Open in Fleet</a></p>" : "";
        return $"""
            <!doctype html><html><body style="font-family:Segoe UI,system-ui,sans-serif;margin:0;padding:16px">
            <h1 style="font-size:18px;border-left:4px solid {colour};padding-left:12px;margin:0 0 16px">{WebUtility.HtmlEncode(notice.Title)}</h1>
            <pre style="font-family:Consolas,monospace;font-size:13px;white-space:pre-wrap">{WebUtility.HtmlEncode(text)}</pre>{link}</body></html>
            """;
    }
}

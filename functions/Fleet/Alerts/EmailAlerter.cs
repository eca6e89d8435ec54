using System.Net;
using System.Net.Security;
using Fleet.Kernel;
using MimeKit;

namespace Fleet.Alerts;

/// <summary>A message of text and HTML by SMTP. What follows an alert is its answer, so that programs show them together.</summary>
/// <param name="settings">Server, sender, recipients.</param>
/// <param name="password">Of the user.</param>
/// <param name="outbound">Where connections may lead.</param>
/// <param name="trust">Whose certificate to trust; null for whom the system trusts.</param>
internal sealed class EmailAlerter(AlerterSettings settings, string? password, Outbound outbound, RemoteCertificateValidationCallback? trust = null) : IAlerter
{
    private const int MostSubject = 200;
    private const int MostText = 500_000;

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        using var message = MessageOf(notice);
        using var client = new MailClient(trust);
        try
        {
            var user = settings.Field("user") is { } name ? new NetworkCredential(name, password ?? "") : null;

            // Those who have it would have it as often as it is sent again.
            return new Delivery.Delivered(string.Join(' ', await client.DeliverAsync(new(settings.Field("server")!), user, message, outbound, ct)));
        }
        catch (SmtpRefusalException refusal) when (refusal.IsForGood)
        {
            return new Delivery.Rejected(refusal.Message);
        }
    }

    private MimeMessage MessageOf(Notice notice)
    {
        var from = MailboxAddress.Parse(settings.Field("from")!);
        var text = AlertText.Cut(notice.Text, MostText);
        var message = new MimeMessage
        {
            Subject = AlertText.Cut(notice.Title, MostSubject),
            Body = new BodyBuilder { TextBody = text, HtmlBody = HtmlOf(notice, text) }.ToMessageBody(),
            MessageId = notice.What == AlertEvent.Opened && !notice.IsDigest ? IdOf("") : IdOf($"-{notice.Alert.Events.Length}{(notice.IsDigest ? "-digest" : "")}"),
        };
        message.From.Add(from);
        message.To.AddRange(InternetAddressList.Parse(settings.Field("to")!));
        if (notice.What != AlertEvent.Opened) message.InReplyTo = IdOf("");
        message.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        if (Severity.RankOf(notice.Alert.Severity) >= 3 && notice.IsCall) message.XPriority = XMessagePriority.Highest;
        return message;

        string IdOf(string end) => $"{notice.Alert.Id}{end}@{from.Domain}";
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

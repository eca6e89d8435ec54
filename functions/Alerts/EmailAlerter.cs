using System.Globalization;
using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Net.Security;
using System.Text;
using Fleet.Kernel;

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

    /// <summary>What <see cref="SmtpClient"/> says on top of a message that it writes to a folder, in lines that may be folded.</summary>
    private static readonly string[] s_envelope = ["X-Sender:", "X-Receiver:", " ", "\t"];

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        using var message = MessageOf(notice);
        var text = await TextOfAsync(message, ct);
        try
        {
            await using var server = await SmtpConnection.OpenAsync(new(settings.Field("server")!), outbound, trust, ct);
            if (settings.Field("user") is { } user) await server.SignInAsync(user, password ?? "", ct);
            var refused = await server.SendAsync(AddressOf(message.From!), [.. message.To.Select(AddressOf)], text, ct);
            await server.QuitAsync();

            // The others have it, and would have it as often as it is sent again.
            return new Delivery.Delivered(string.Join(' ', refused));
        }
        catch (SmtpRefusalException refusal) when (refusal.IsForGood)
        {
            return new Delivery.Rejected(refusal.Message);
        }
    }

    private static string AddressOf(MailAddress address) => $"{address.User}@{new IdnMapping().GetAscii(address.Host)}";

    /// <summary>Headers and parts as they are sent. .NET writes them to nothing but a server or a folder.</summary>
    private static async Task<string> TextOfAsync(MailMessage message, CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("fleet-mail-");
        try
        {
            using (var writer = new SmtpClient { DeliveryMethod = SmtpDeliveryMethod.SpecifiedPickupDirectory, PickupDirectoryLocation = folder.FullName }) await writer.SendMailAsync(message, ct);
            var lines = (await File.ReadAllTextAsync(folder.GetFiles()[0].FullName, ct)).Split("\r\n");
            return string.Join("\r\n", lines.SkipWhile(line => Array.Exists(s_envelope, name => line.StartsWith(name, StringComparison.Ordinal))));
        }
        finally
        {
            folder.Delete(recursive: true);
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

using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Fleet.Kernel;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Fleet.Alerts;

/// <summary>What an SMTP server answered, and was not asked for: 4xx for now, 5xx for good (RFC 5321, 4.2.1).</summary>
internal sealed class SmtpRefusalException(int code, string message) : IOException(message)
{
    public bool IsForGood => code is >= 500 and < 600;
}

/// <summary>Sends one message, by MailKit: only where connections may lead, to those whom the server takes, and without the server's own words in what is said of it.</summary>
internal sealed partial class MailClient : SmtpClient
{
    private static readonly TimeSpan s_goodBye = TimeSpan.FromSeconds(1);

    private readonly List<SmtpRefusalException> _refusals = [];

    /// <param name="trust">Whose certificate to trust; null for whom the system trusts.</param>
    public MailClient(RemoteCertificateValidationCallback? trust)
    {
        ServerCertificateValidationCallback = trust;
        SslCipherSuitesPolicy = TlsSuites.Outgoing;

        // It would ask addresses that the server's certificate names.
        CheckCertificateRevocation = false;
        var name = Dns.GetHostName();
        LocalDomain = name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.') ? name : "localhost";
    }

    /// <summary>Sends a message to those whom the server takes.</summary>
    /// <param name="server">smtp:// with STARTTLS, smtps:// with TLS from the start, smtp-plain:// with neither.</param>
    /// <param name="user">Name and password, or null where the server asks for none.</param>
    /// <param name="message">From, to, and what.</param>
    /// <param name="outbound">Where connections may lead.</param>
    /// <param name="ct">Stops it; then it is not known whether the message was sent.</param>
    /// <returns>Whom it did not take, and why.</returns>
    /// <exception cref="SmtpRefusalException">It does not take the message, or nobody.</exception>
    /// <exception cref="IOException">It cannot be reached, does not speak so, or its certificate is not trusted.</exception>
    public async Task<IReadOnlyList<string>> DeliverAsync(Uri server, NetworkCredential? user, MimeMessage message, Outbound outbound, CancellationToken ct)
    {
        try
        {
            await OpenAsync(server, outbound, ct);
            if (user is not null) await AuthenticateAsync(user, ct);
            await SendAsync(message, ct);
            await SayGoodByeAsync();
            return _refusals.ConvertAll(refusal => refusal.Message);
        }
        catch (Exception fault) when (InOurWords(server, fault) is { } told)
        {
            throw told;
        }
    }

    /// <summary>Others may be taken: what is said of this one is kept.</summary>
    protected override void OnRecipientNotAccepted(MimeMessage message, MailboxAddress mailbox, SmtpResponse response) =>
        _refusals.Add(Refusal($"the recipient {mailbox.Address}", (int)response.StatusCode, response.Response));

    protected override void OnNoRecipientsAccepted(MimeMessage message) => throw (_refusals.Find(refusal => !refusal.IsForGood) ?? _refusals[0]);

    private async Task OpenAsync(Uri server, Outbound outbound, CancellationToken ct)
    {
        var isSecure = server.Scheme == "smtps";
        var port = server.Port > 0 ? server.Port : isSecure ? 465 : 587;
        var socket = await outbound.ConnectAsync(server.IdnHost, port, ct);
        var security = isSecure ? SecureSocketOptions.SslOnConnect : server.Scheme == "smtp" ? SecureSocketOptions.StartTls : SecureSocketOptions.None;
        await ConnectAsync(socket, server.IdnHost, port, security, ct);
    }

    /// <summary>The message is sent whatever the server says to that, and if it says nothing.</summary>
    private async Task SayGoodByeAsync()
    {
        using var time = new CancellationTokenSource(s_goodBye);
        try
        {
            await DisconnectAsync(quit: true, time.Token);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or ProtocolException or CommandException)
        {
        }
    }

    /// <summary>What went wrong, without words that a server chose which somebody entered; null for what says it well enough.</summary>
    private static IOException? InOurWords(Uri server, Exception fault) => fault switch
    {
        SmtpRefusalException => null,
        SmtpCommandException command => Refusal(WhatOf(command), (int)command.StatusCode, command.Message),
        AuthenticationException { InnerException: SmtpCommandException command } => Refusal("the password", (int)command.StatusCode, command.Message),
        AuthenticationException => Refusal("the password", CodeOf(fault.Message) ?? 535, fault.Message),
        SslHandshakeException => new IOException($"TLS with {server.Host} failed, or its certificate is not trusted, or is for another name.", fault),
        NotSupportedException when server.Scheme == "smtp" && fault.Message.Contains("STARTTLS", StringComparison.Ordinal) =>
            new IOException("The server has no STARTTLS: with TLS from the start it is smtps://; smtp-plain:// sends in the clear.", fault),
        NotSupportedException => new IOException("The server asks for no password: leave the user out.", fault),
        ProtocolException => new IOException("The server does not speak SMTP, or ended the connection.", fault),
        SocketException => new IOException($"{server.Host} cannot be reached: {fault.Message}", fault),
        _ => null,
    };

    private static string WhatOf(SmtpCommandException fault) => fault.ErrorCode switch
    {
        SmtpErrorCode.SenderNotAccepted => "the sender",
        SmtpErrorCode.MessageNotAccepted => "the message",
        _ => "a command",
    };

    private static int? CodeOf(string text) => text.Length >= 3 && int.TryParse(text.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : null;

    /// <summary>Its status and its length: the words of a server that somebody entered are not shown.</summary>
    private static SmtpRefusalException Refusal(string what, int code, string said)
    {
        var status = EnhancedStatus().Match(said) is { Success: true } match ? " " + match.Value : "";
        return new(code, string.Create(CultureInfo.InvariantCulture, $"The server answered to {what}: {code}{status}, and {said.Length} characters. Its own log tells more."));
    }

    /// <summary>As in RFC 3463: 5.7.1 says that relaying is denied.</summary>
    [GeneratedRegex(@"^[245]\.\d{1,3}\.\d{1,3}(?= |$)")]
    private static partial Regex EnhancedStatus();
}

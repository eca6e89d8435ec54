using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Fleet.Alerts;

/// <summary>RFC 5424 messages over TCP, or TLS (RFC 5425), each with its length before it (RFC 6587). What a collector refuses it cannot say: delivered means that it took the bytes.</summary>
internal sealed class SyslogAlerter(Uri server) : IAlerter
{
    /// <summary>rsyslog's own limit.</summary>
    private const int MostBytes = 8_000;

    /// <summary>Facility 'security', RFC 5424 6.2.1.</summary>
    private const int Facility = 4;

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(server.Host, server.Port, ct);
        await using Stream stream = server.Scheme == "tls" ? new SslStream(tcp.GetStream()) : tcp.GetStream();
        if (stream is SslStream tls) await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = server.Host }, ct);
        var message = MessageOf(notice);
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{message.Length} "), ct);
        await stream.WriteAsync(message, ct);
        await stream.FlushAsync(ct);

        // The other side closes when it has read to the end.
        if (stream is SslStream secured) await secured.ShutdownAsync();
        tcp.Client.Shutdown(SocketShutdown.Send);
        var rest = new byte[256];
        while (await ReadAsync() > 0)
        {
        }

        return Delivery.Ok;

        async ValueTask<int> ReadAsync()
        {
            try
            {
                return await stream.ReadAsync(rest, ct);
            }
            catch (IOException)
            {
                // It closed at once, as some do.
                return 0;
            }
        }
    }

    private static byte[] MessageOf(Notice notice)
    {
        var alert = notice.Alert;
        var severity = alert.Severity switch { "critical" => 2, "high" => 3, "medium" => 4, "low" => 5, _ => 6 };
        var header = $"<{(Facility * 8) + severity}>1 {alert.RaisedAt.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Word(alert.Host)} fleet - alert-{notice.What.ToString().ToLowerInvariant()} "
            + $"[fleet@32473 id=\"{alert.Id}\" rule=\"{Value(alert.RuleName)}\" ruleId=\"{Value(alert.RuleId)}\" severity=\"{alert.Severity}\" node=\"{alert.Node}\" query=\"{Value(Notice.QueryOf(alert))}\" count=\"{alert.Count}\"] ";
        var text = $"{notice.Title}: {notice.Text}".ReplaceLineEndings(" ");
        byte[] message = [.. Encoding.UTF8.GetBytes(header), .. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text)];
        if (message.Length <= MostBytes) return message;
        var end = MostBytes;
        while ((message[end] & 0xC0) == 0x80) end--;
        return message[..end];
    }

    /// <summary>A host name without spaces, in ASCII; <c>-</c> for none.</summary>
    private static string Word(string text) => text.Length == 0 ? "-" : AlertText.Cut(string.Concat(text.Select(c => c is > ' ' and < '\u007f' ? c : '_')), 255).Replace('…', '_');

    private static string Value(string text) => AlertText.Cut(text, 500).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal).ReplaceLineEndings(" ");
}

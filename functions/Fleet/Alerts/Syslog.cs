using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>RFC 5424 messages over TCP, or TLS (RFC 5425), each with its length before it (RFC 6587). What a collector refuses it cannot say: sent means that it took the bytes.</summary>
internal static class Syslog
{
    /// <summary>rsyslog's own limit.</summary>
    private const int MostBytes = 8_000;

    public static async ValueTask SendAsync(Uri server, Outbound outbound, IReadOnlyList<byte[]> messages, CancellationToken ct)
    {
        using var tcp = await outbound.ConnectAsync(server.IdnHost, server.Port, ct);
        await using var plain = new NetworkStream(tcp);
        await using Stream stream = server.Scheme == "tls" ? new SslStream(plain) : plain;
        if (stream is SslStream tls) await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = server.Host, CipherSuitesPolicy = TlsSuites.Outgoing }, ct);
        using var framed = new MemoryStream();
        foreach (var message in messages)
        {
            framed.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{message.Length} ")));
            framed.Write(message);
        }

        await stream.WriteAsync(framed.GetBuffer().AsMemory(0, (int)framed.Length), ct);
        await stream.FlushAsync(ct);

        // The other side closes when it has read to the end. If it breaks off instead, as one does that refuses us, it is not known what it has: a repeat is better than a loss.
        if (stream is SslStream secured) await secured.ShutdownAsync();
        tcp.Shutdown(SocketShutdown.Send);
        var rest = new byte[256];
        while (await stream.ReadAsync(rest, ct) > 0)
        {
        }
    }

    /// <summary>A header and its text as UTF-8, cut where a collector would.</summary>
    public static byte[] Message(string header, string text)
    {
        byte[] message = [.. Encoding.UTF8.GetBytes(header), .. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Plain(text))];
        if (message.Length <= MostBytes) return message;
        var end = MostBytes;
        while ((message[end] & 0xC0) == 0x80) end--;
        return message[..end];
    }

    /// <summary>A host name without spaces, in ASCII; <c>-</c> for none.</summary>
    public static string Word(string text) => text.Length == 0 ? "-" : string.Concat(text.Take(255).Select(c => c is > ' ' and < '\u007f' ? c : '_'));

    /// <summary>Without control characters, which a terminal that shows the log would obey.</summary>
    private static string Plain(string text) => string.Concat(text.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? ' ' : c));

    /// <summary>A value of structured data.</summary>
    public static string Value(string text) => AlertText.Cut(Plain(text), 500).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);
}

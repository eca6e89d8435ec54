using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>What an SMTP server answered, and was not asked for: 4xx for now, 5xx for good (RFC 5321, 4.2.1).</summary>
internal sealed class SmtpRefusalException(int code, string message) : IOException(message)
{
    public bool IsForGood => code is >= 500 and < 600;
}

/// <summary>A conversation with an SMTP server (RFC 5321): under STARTTLS (RFC 3207), TLS from the start or in the clear, signed in by PLAIN or LOGIN (RFC 4954).</summary>
/// <remarks>.NET's own client knows neither PLAIN, which is all that many servers offer, nor TLS from the start. It sets no limits of time: whoever calls does.</remarks>
internal sealed partial class SmtpConnection : IAsyncDisposable
{
    /// <summary>RFC 5321 has 512 bytes.</summary>
    private const int MostLine = 4_096;
    private const int MostLines = 200;

    private static readonly TimeSpan s_goodBye = TimeSpan.FromSeconds(1);

    private readonly byte[] _read = new byte[MostLine];
    private Stream _stream = Stream.Null;
    private int _next;
    private int _end;
    private string[] _offers = [];

    private SmtpConnection()
    {
    }

    /// <summary>Connects, and says who is there.</summary>
    /// <param name="server">smtp:// with STARTTLS, smtps:// with TLS from the start, smtp-plain:// with neither.</param>
    /// <param name="outbound">Where connections may lead.</param>
    /// <param name="trust">Whom to trust; null for whom the system does.</param>
    /// <param name="ct">Stops it.</param>
    /// <exception cref="IOException">It cannot be reached, or does not speak so.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">Its certificate is not trusted, or is for another name.</exception>
    public static async Task<SmtpConnection> OpenAsync(Uri server, Outbound outbound, RemoteCertificateValidationCallback? trust, CancellationToken ct)
    {
        var connection = new SmtpConnection();
        try
        {
            await connection.GreetAsync(server, outbound, trust, ct);
            return connection;
        }
        catch (SocketException fault)
        {
            await connection.DisposeAsync();
            throw new IOException($"{server.Host} cannot be reached: {fault.Message}", fault);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task SignInAsync(string user, string password, CancellationToken ct)
    {
        var ways = _offers.FirstOrDefault(offer => offer.StartsWith("AUTH ", StringComparison.OrdinalIgnoreCase))?.ToUpperInvariant().Split(' ')[1..] ?? [];
        if (ways.Contains("PLAIN"))
        {
            await AskAsync($"AUTH PLAIN {Base64($"\0{user}\0{password}")}", "the password", 235, ct);
        }
        else if (ways.Contains("LOGIN"))
        {
            await AskAsync("AUTH LOGIN", "AUTH LOGIN", 334, ct);
            await AskAsync(Base64(user), "the user", 334, ct);
            await AskAsync(Base64(password), "the password", 235, ct);
        }
        else
        {
            throw new IOException(ways.Length == 0 ? "The server asks for no password: leave the user out." : $"The server takes a password by {string.Join(", ", ways)} only, and not by PLAIN or LOGIN.");
        }
    }

    /// <summary>Sends a message to those whom the server takes.</summary>
    /// <param name="from">An address.</param>
    /// <param name="to">Addresses.</param>
    /// <param name="message">Headers and body, in lines that end with CR LF.</param>
    /// <param name="ct">Stops it; then it is not known whether the message was sent.</param>
    /// <returns>Whom it did not take, and why.</returns>
    /// <exception cref="SmtpRefusalException">It does not take the message, or nobody.</exception>
    public async Task<IReadOnlyList<string>> SendAsync(string from, IReadOnlyList<string> to, string message, CancellationToken ct)
    {
        await AskAsync($"MAIL FROM:<{from}>", $"the sender {from}", 250, ct);
        var refusals = new List<SmtpRefusalException>();
        foreach (var one in to)
        {
            try
            {
                await AskAsync($"RCPT TO:<{one}>", $"the recipient {one}", 250, ct);
            }
            catch (SmtpRefusalException refusal)
            {
                refusals.Add(refusal);
            }
        }

        if (refusals.Count == to.Count) throw refusals.Find(refusal => !refusal.IsForGood) ?? refusals[0];
        await AskAsync("DATA", "a message", 354, ct);

        // A line that begins with a dot has one more, so that none is the end (RFC 5321, 4.5.2).
        var dotted = message.StartsWith('.') ? "." + message : message;
        await AskAsync(dotted.Replace("\r\n.", "\r\n..", StringComparison.Ordinal) + (message.EndsWith("\r\n", StringComparison.Ordinal) ? "." : "\r\n."), "the message", 250, ct);
        return refusals.ConvertAll(refusal => refusal.Message);
    }

    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    /// <summary>Says good-bye. The message is sent whatever the server says to that, and if it says nothing.</summary>
    public async Task QuitAsync()
    {
        using var time = new CancellationTokenSource(s_goodBye);
        try
        {
            await AskAsync("QUIT", "QUIT", 221, time.Token);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException)
        {
        }
    }

    private async Task GreetAsync(Uri server, Outbound outbound, RemoteCertificateValidationCallback? trust, CancellationToken ct)
    {
        var isSecure = server.Scheme == "smtps";
        _stream = new NetworkStream(await outbound.ConnectAsync(server.IdnHost, server.Port > 0 ? server.Port : isSecure ? 465 : 587, ct), ownsSocket: true);
        if (isSecure) await SecureAsync(server.Host, trust, ct);
        await AnswerAsync("a connection", 220, ct);
        await HelloAsync(ct);
        if (server.Scheme != "smtp") return;
        if (!_offers.Contains("STARTTLS", StringComparer.OrdinalIgnoreCase)) throw new IOException("The server has no STARTTLS: with TLS from the start it is smtps://; smtp-plain:// sends in the clear.");
        await AskAsync("STARTTLS", "STARTTLS", 220, ct);
        if (_next < _end) throw new IOException("The server went on in the clear after STARTTLS: somebody may have put that in.");
        await SecureAsync(server.Host, trust, ct);
        await HelloAsync(ct);
    }

    private async Task SecureAsync(string host, RemoteCertificateValidationCallback? trust, CancellationToken ct)
    {
        var secure = new SslStream(_stream, leaveInnerStreamOpen: false, trust);
        _stream = secure;
        await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host, CipherSuitesPolicy = TlsSuites.Outgoing }, ct);
    }

    private async Task HelloAsync(CancellationToken ct)
    {
        var name = Dns.GetHostName();
        var lines = await AskAsync($"EHLO {(name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.') && name.Length > 0 ? name : "localhost")}", "EHLO", 250, ct);
        _offers = [.. lines.Skip(1)];
    }

    /// <param name="command">What to say: one line.</param>
    /// <param name="what">What that is, for people: a command may hold a password.</param>
    /// <param name="wanted">The answer's code; its first digit is what counts.</param>
    /// <param name="ct">Stops it.</param>
    private async Task<IReadOnlyList<string>> AskAsync(string command, string what, int wanted, CancellationToken ct)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), ct);
        await _stream.FlushAsync(ct);
        return await AnswerAsync(what, wanted, ct);
    }

    /// <returns>The answer's lines, without the code.</returns>
    private async Task<IReadOnlyList<string>> AnswerAsync(string what, int wanted, CancellationToken ct)
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await LineAsync(ct);
            if (line.Length < 3 || !int.TryParse(line.AsSpan(0, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var code) || lines.Count == MostLines) throw new IOException("The server does not speak SMTP.");
            lines.Add(line.Length > 4 ? line[4..] : "");
            if (line.Length > 3 && line[3] == '-') continue;
            return code / 100 == wanted / 100 ? lines : throw new SmtpRefusalException(code, Refusal(what, code, lines));
        }
    }

    /// <summary>Its status and its length: the words of a server that somebody entered are not shown.</summary>
    private static string Refusal(string what, int code, List<string> lines)
    {
        var status = EnhancedStatus().Match(lines[0]) is { Success: true } match ? " " + match.Value : "";
        return string.Create(CultureInfo.InvariantCulture, $"The server answered to {what}: {code}{status}, and {lines.Sum(line => line.Length)} characters. Its own log tells more.");
    }

    /// <summary>As in RFC 3463: 5.7.1 says that relaying is denied.</summary>
    [GeneratedRegex(@"^[245]\.\d{1,3}\.\d{1,3}(?= |$)")]
    private static partial Regex EnhancedStatus();

    private async Task<string> LineAsync(CancellationToken ct)
    {
        while (true)
        {
            if (_read.AsSpan(_next.._end).IndexOf((byte)'\n') is >= 0 and var length)
            {
                var line = Encoding.UTF8.GetString(_read, _next, length).TrimEnd('\r');
                _next += length + 1;
                return line;
            }

            _read.AsSpan(_next.._end).CopyTo(_read);
            (_next, _end) = (0, _end - _next);
            if (_end == _read.Length) throw new IOException("The server does not speak SMTP.");
            if (await _stream.ReadAsync(_read.AsMemory(_end), ct) is not (> 0 and var count)) throw new IOException("The server ended the connection.");
            _end += count;
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}

using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Fleet.Shared;

/// <summary>rsyslog as a process of its own, which takes syslog by TCP and by TLS and writes what it understood to a file.</summary>
internal sealed class Rsyslog : IAsyncDisposable
{
    public const string Program = "/usr/sbin/rsyslogd";
    public const string TlsModule = "/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so";

    private readonly Scratch _scratch = new();
    private readonly TestAuthority _authority = new("Fleet tests' logs");
    private readonly int _plainPort = Ports.Free();
    private readonly int _securePort = Ports.Free();
    private Process? _process;
    private int _read;

    private Rsyslog()
    {
    }

    public Uri Plain => new($"tcp://127.0.0.1:{_plainPort}");

    /// <summary>Its certificate is for <c>localhost</c>, by an authority of its own.</summary>
    public Uri Secure => new($"tls://localhost:{_securePort}");

    /// <summary>That authority's certificate, in PEM.</summary>
    public string AuthorityPath => _scratch.File("ca.pem");

    public static async Task<Rsyslog> StartAsync()
    {
        if (!File.Exists(Program)) throw new InvalidOperationException($"{Program} is missing: apt-get install --no-install-recommends rsyslog rsyslog-gnutls.");
        var rsyslog = new Rsyslog();
        await rsyslog.RunAsync();
        return rsyslog;
    }

    /// <summary>The next message that was understood: <c>severity|facility|host|app|msgid|structured data|message</c>.</summary>
    public async Task<string> NextAsync()
    {
        // It writes as messages come, and says nothing when it has.
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            if (File.Exists(_scratch.File("out")))
            {
                await using var file = new FileStream(_scratch.File("out"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                using var reader = new StreamReader(file);
                var lines = (await reader.ReadToEndAsync(late.Token)).Split('\n');
                if (lines.Length - 1 > _read) return lines[_read++];
            }

            await Task.Delay(20, late.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
        _authority.Dispose();
        _scratch.Dispose();
    }

    private async Task RunAsync()
    {
        using var certificate = _authority.Issue("CN=localhost", usage: TestAuthority.ForServers, dns: "localhost");
        await File.WriteAllTextAsync(_scratch.File("ca.pem"), _authority.Pem);
        await File.WriteAllTextAsync(_scratch.File("server.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(_scratch.File("server.key"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(_scratch.File("rsyslog.conf"), $"""
            global(workDirectory="{_scratch.Path}" defaultNetstreamDriverCAFile="{_scratch.File("ca.pem")}" defaultNetstreamDriverCertFile="{_scratch.File("server.pem")}" defaultNetstreamDriverKeyFile="{_scratch.File("server.key")}" parser.escapeControlCharactersOnReceive="off")
            module(load="imtcp")
            input(type="imtcp" address="127.0.0.1" port="{_plainPort}" streamDriver.name="ptcp" ruleset="all")
            input(type="imtcp" address="127.0.0.1" port="{_securePort}" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon" ruleset="all")
            template(name="line" type="string" string="%syslogseverity%|%syslogfacility-text%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\n")
            ruleset(name="all") {"{"} action(type="omfile" file="{_scratch.File("out")}" template="line") {"}"}
            """);
        _process = Process.Start(new ProcessStartInfo(Program, ["-n", "-f", _scratch.File("rsyslog.conf"), "-i", _scratch.File("pid")]) { RedirectStandardError = true })!;
        while (true)
        {
            if (_process.HasExited) throw new InvalidOperationException($"rsyslog did not start: {await _process.StandardError.ReadToEndAsync()}");
            try
            {
                foreach (var port in new[] { _plainPort, _securePort })
                {
                    using var tcp = new TcpClient();
                    await tcp.ConnectAsync("127.0.0.1", port);
                }

                return;
            }
            catch (SocketException)
            {
                await Task.Delay(20);
            }
        }
    }
}

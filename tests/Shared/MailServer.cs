using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Fleet.Shared;

/// <summary>A real SMTP server (<c>tests/smtp.js</c>) as a process of its own, with the certificate of <see cref="TestCertificate"/>.</summary>
internal sealed class MailServer : IAsyncDisposable
{
    private readonly Process _process;
    private bool _isStopped;

    private MailServer(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    /// <param name="modes">Of <c>tests/smtp.js</c>; without them it asks for STARTTLS, and for a password by PLAIN.</param>
    public static async Task<MailServer> StartAsync(params string[] modes)
    {
        var certificate = TestCertificate.Instance;
        var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(RepositoryRoot.Path, "tests", "smtp.js"), certificate.Path, certificate.KeyPath, string.Join(',', modes)])
        {
            RedirectStandardOutput = true,
            WorkingDirectory = Path.Combine(RepositoryRoot.Path, "tests"),
        })!;
        var first = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The mail server did not start: run ./test, or 'npm ci --ignore-scripts' in tests.");
        return new(process, (int)JsonNode.Parse(first)!["port"]!);
    }

    /// <summary>The next message: <c>from</c>, <c>to</c>, <c>secure</c>, <c>user</c> and <c>data</c>, the message as it came.</summary>
    public async Task<JsonNode> NextAsync() => JsonNode.Parse((await _process.StandardOutput.ReadLineAsync())!)!;

    public async ValueTask DisposeAsync()
    {
        if (_isStopped) return;
        _isStopped = true;
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}

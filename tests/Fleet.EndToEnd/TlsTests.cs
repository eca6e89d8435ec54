using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Authentication;

namespace Fleet.EndToEnd;

/// <summary>The suites are a default of the whole process, which only the program itself sets.</summary>
[SupportedOSPlatform("linux")]
public sealed class TlsTests
{
    [Fact]
    public async Task The_program_speaks_TLS_without_CBC_and_resumes_sessions()
    {
        if (!OperatingSystem.IsLinux()) return;
        await using var fleet = new ProgramUnderTest();
        await fleet.StartAsync();
        foreach (var older in new[] { TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA })
            await Assert.ThrowsAnyAsync<AuthenticationException>(() => SpeakAsync(fleet.Url.Port, SslProtocols.Tls12, older));
        foreach (var strong in new[] { TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 })
            Assert.Equal(strong, await SpeakAsync(fleet.Url.Port, SslProtocols.Tls12, strong));
        Assert.Equal(TlsCipherSuite.TLS_AES_256_GCM_SHA384, await SpeakAsync(fleet.Url.Port, SslProtocols.Tls13, TlsCipherSuite.TLS_AES_256_GCM_SHA384));
        Assert.Contains("Reused, TLSv1.2", await ReconnectAsync(fleet.Url.Port), StringComparison.Ordinal);
    }

    /// <summary>What OpenSSL's own client tells about five further connections with the session of the first.</summary>
    private static async Task<string> ReconnectAsync(int port)
    {
        using var client = Process.Start(new ProcessStartInfo("openssl", ["s_client", "-tls1_2", "-reconnect", "-connect", $"localhost:{port}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        client.StandardInput.Close();
        var errors = client.StandardError.ReadToEndAsync();
        var output = await client.StandardOutput.ReadToEndAsync();
        await client.WaitForExitAsync();
        return output + await errors;
    }

    private static async Task<TlsCipherSuite> SpeakAsync(int port, SslProtocols protocol, TlsCipherSuite suite)
    {
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(tcp.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = protocol, CipherSuitesPolicy = new([suite]) });
        return tls.NegotiatedCipherSuite;
    }
}

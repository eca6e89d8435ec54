using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Fleet.Alerts;
using Fleet.Cli;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Tests.Support;

namespace Fleet.Tests.Hosting;

/// <summary>What goes out of the server: where connections may lead, where files may lie, and what answers and logs say.</summary>
public sealed class OutboundTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.9.9.9")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("10.1.2.3")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.0.1")]
    [InlineData("100.100.100.200")]
    [InlineData("169.254.169.254")]
    [InlineData("168.63.129.16")]
    [InlineData("fe80::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:7f00:1::")]
    [InlineData("224.0.0.1")]
    [InlineData("localhost")]
    public async Task Inner_addresses_are_not_connected_to(string host)
    {
        var outbound = new Outbound([]);
        if (host != "localhost") Assert.NotNull(outbound.FaultOf(host));
        await Assert.ThrowsAsync<AddressRefusedException>(async () => await outbound.ConnectAsync(host, 9, default));
        using var http = new HttpClient(outbound.Handler());
        var url = host.Contains(':', StringComparison.Ordinal) ? $"http://[{host}]:9/" : $"http://{host}:9/";
        var fault = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri(url)));
        Assert.IsType<AddressRefusedException>(fault.InnerException);
    }

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("172.32.0.1")]
    [InlineData("2606:4700::1111")]
    [InlineData("example.org")]
    public void Others_are(string host) => Assert.Null(new Outbound([]).FaultOf(host));

    [Theory]
    [InlineData("127.0.0.0/8", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "::ffff:127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.0.0.2", false)]
    [InlineData("localhost", "localhost", true)]
    [InlineData("localhost", "127.0.0.1", false)]
    [InlineData("*", "127.0.0.1", true)]
    public async Task A_setting_allows_them(string allowed, string host, bool isAllowed)
    {
        using var listener = new TcpListener(IPAddress.IPv6Any, 0);
        listener.Server.DualMode = true;
        listener.Start();
        var outbound = new Outbound([allowed]);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        if (isAllowed) (await outbound.ConnectAsync(host, port, default)).Dispose();
        else await Assert.ThrowsAsync<AddressRefusedException>(async () => await outbound.ConnectAsync(host, port, default));
    }

    [Fact]
    public async Task Alerters_and_sinks_to_inner_addresses_are_refused_when_they_are_saved_or_at_the_first_try()
    {
        await using var server = await RunningServer.StartAsync(("Outbound:Allow", ""));
        using var api = await server.SignInAsync(Fleet.Manager.Role.Admin);
        foreach (var (path, body, field) in new[]
        {
            ("/api/alerters/a", """{"type":"webhook","url":"http://169.254.169.254/latest"}""", "url"), ("/api/alerters/a", """{"type":"slack","secret":"https://[::1]/hook"}""", "secret"),
            ("/api/alerters/a", """{"type":"syslog","server":"tcp://10.0.0.1:514"}""", "server"), ("/api/alerters/a", """{"type":"email","server":"smtp://192.168.1.1","from":"a@example.org","to":"b@example.org"}""", "server"),
            ("/api/alerters/a", """{"type":"log","path":"/etc/cron.d/x.log"}""", "path"), ("/api/alerters/a", """{"type":"log","path":"../../x.log"}""", "path"), ("/api/alerters/a", """{"type":"log","path":"a\u0000b.log"}""", "path"),
            ("/api/sinks/s", """{"type":"splunk","url":"https://127.0.0.1:8088","secret":"x"}""", "url"), ("/api/sinks/s", """{"type":"file","path":"/dev/shm/x.ndjson"}""", "path"),
        })
        {
            var problem = await api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", path, body, ifMatch: "*");
            Assert.Equal(field, (string?)problem["errors"]![0]!["path"]);
        }

        await api.OkAsync("PUT", "/api/alerters/named", """{"type":"webhook","url":"http://localhost:9/"}""");
        var test = await api.OkAsync("POST", "/api/alerters/named/test");
        Assert.Contains("Fleet__Outbound__Allow", test.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_are_written_in_out_alone_and_through_no_link()
    {
        using var scratch = new Scratch();
        var (own, other) = (scratch.File("out"), scratch.File("other"));
        Directory.CreateDirectory(other);
        var folders = new OutFolders(own, [other]);
        Assert.Equal(Path.Combine(own, "a", "b.log"), folders.Prepare("a/b.log"));
        Assert.Equal(Path.Combine(other, "b.log"), folders.Prepare(Path.Combine(other, "b.log")));
        foreach (var path in new[] { "../x.log", scratch.File("x.log"), own + "side/x.log", "/dev/null", "a/../../x.log", "x\0.log", own }) Assert.Throws<AddressRefusedException>(() => folders.Prepare(path));

        File.CreateSymbolicLink(Path.Combine(own, "link.log"), scratch.File("target"));
        Directory.CreateSymbolicLink(Path.Combine(own, "folder"), scratch.Path);
        foreach (var path in new[] { "link.log", "folder/x.log", "folder/deeper/x.log" })
        {
            var sink = new LogAlerter(path, folders);
            Assert.IsType<Delivery.Rejected>(await Delivery.OfAsync(sink, Notice.Of(AlertEvent.Opened, Drafts.Of("h").Alert with { Events = "o" }, new("a", "log", new Dictionary<string, string>()), null), Limits.Default, default));
        }

        Assert.False(File.Exists(scratch.File("target")));
        Assert.False(Directory.Exists(scratch.File("deeper")));
    }

    [Theory]
    [InlineData("plain text, ÄÖ 😀", "plain text, ÄÖ 😀")]
    [InlineData("a\nfail: forged[0] x", "a\\nfail: forged[0] x")]
    [InlineData("\u001b[31mred\u0007", "\\u001b[31mred\\u0007")]
    [InlineData("a\u202eb\u2028c\u009bd\tf\r\n", "a\\u202eb\\u2028c\\u009bd\\tf\\n")]
    public void A_log_entry_is_one_line_whatever_was_sent(string text, string line) => Assert.Equal(line, PlainConsole.Escaped(text));

    [Fact]
    public async Task Every_answer_forbids_to_guess_types_and_over_TLS_asks_for_TLS()
    {
        await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"));
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null } }) { BaseAddress = server.Url };
        foreach (var path in new[] { "/", "/healthz", "/api/nodes", "/config", "/nothing", "/assets/none.js" })
        {
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
        }

        using var named = new HttpRequestMessage(HttpMethod.Get, "/healthz") { Headers = { Host = "fleet.example.org" } };
        using var strict = await http.SendAsync(named);
        Assert.StartsWith("max-age=", strict.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_a_proxy_that_speaks_TLS_answers_ask_for_TLS_too()
    {
        await using var server = await RunningServer.StartAsync(("Http:TrustedProxies:0", "127.0.0.1"));
        using var http = new HttpClient { BaseAddress = server.Url };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz") { Headers = { Host = "fleet.example.org" } };
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Forwarded-For", "192.0.2.1");
        using var answer = await http.SendAsync(request);
        Assert.StartsWith("max-age=", answer.Headers.GetValues("Strict-Transport-Security").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_whose_key_is_gone_is_not_made_anew()
    {
        using var scratch = new Scratch();
        var folder = new DataFolder(scratch.File("data"));
        folder.Make();
        await Certificates.EnsureAsync(folder, new("https://localhost"), default);
        var known = await File.ReadAllTextAsync(folder.Certificate);
        File.Delete(folder.CertificateKey);
        await Assert.ThrowsAsync<SettingsException>(() => Certificates.EnsureAsync(folder, new("https://localhost"), default));
        Assert.Equal(known, await File.ReadAllTextAsync(folder.Certificate));
    }

    [Theory]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, false)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, false)]
    [InlineData(TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true)]
    public async Task TLS_is_spoken_without_CBC(TlsCipherSuite suite, bool isSpoken)
    {
        await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"));
        using var tcp = new TcpClient();
        await tcp.ConnectAsync(IPAddress.Loopback, server.Url.Port);
        await using var tls = new SslStream(tcp.GetStream(), false, (_, shown, _, _) => shown is not null);
        if (OperatingSystem.IsWindows()) return;
        var options = new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = SslProtocols.Tls12, CipherSuitesPolicy = new([suite]) };
        if (isSpoken) await tls.AuthenticateAsClientAsync(options);
        else await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(options));
    }

    [Fact]
    public void Aliases_that_name_aliases_are_bounded()
    {
        var yaml = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + string.Concat(Enumerable.Range(1, 9).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        Assert.Throws<FormatException>(() => YamlJson.Read(yaml, "bomb.yml").ToList());
    }

    [Fact]
    public async Task The_data_folder_is_its_owners_alone_whatever_it_was()
    {
        if (OperatingSystem.IsWindows()) return;
        using var scratch = new Scratch();
        var folder = new DataFolder(scratch.File("data"));
        folder.Make();
        foreach (var file in new[] { folder.Database, folder.Secrets, folder.EnrollSecret, folder.CertificateKey })
        {
            await File.WriteAllTextAsync(file, "");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        File.SetUnixFileMode(folder.Path, File.GetUnixFileMode(folder.Path) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        folder.Make();
        Assert.Equal("700", Convert.ToString((int)File.GetUnixFileMode(folder.Path), 8));
        foreach (var file in new[] { folder.Database, folder.Secrets, folder.EnrollSecret, folder.CertificateKey }) Assert.Equal("600", Convert.ToString((int)File.GetUnixFileMode(file), 8));
    }
}

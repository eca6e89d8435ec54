using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Agents;
using Fleet.Hosting;
using Fleet.Nodes;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Agents;

public sealed class ClientCertificateTests : IDisposable
{
    private readonly TestAuthority _authority = new("Fleet test authority");
    private readonly ManualClock _clock = new();
    private readonly Scratch _scratch = new();

    public void Dispose()
    {
        _authority.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public void A_good_certificate_is_its_common_name_or_its_DNS_name()
    {
        Assert.Equal("laptop-7", NameIn(_authority.Issue("CN=laptop-7, O=Fleet")));
        Assert.Equal("laptop-8.example.org", NameIn(_authority.Issue("", dns: "laptop-8.example.org")));
        Assert.Equal("laptop-9.example.org", NameIn(_authority.Issue("C=DE, O=Acme, OU=Laptops", dns: "laptop-9.example.org")));
        Assert.Null(NameIn(_authority.Issue("C=DE, O=Acme")));
        Assert.Null(NameIn(certificate: null));
    }

    [Fact]
    public void One_of_another_authority_before_or_after_its_time_or_for_servers_is_none()
    {
        using var other = new TestAuthority("Fleet test authority");
        Assert.Null(NameIn(other.Issue("CN=laptop-7")));
        Assert.Null(NameIn(_authority.Issue("CN=laptop-7", to: _clock.Now.AddSeconds(-1))));
        Assert.Null(NameIn(_authority.Issue("CN=laptop-7", from: _clock.Now.AddSeconds(1))));
        Assert.Null(NameIn(_authority.Issue("CN=laptop-7", usage: TestAuthority.ForServers)));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Null(NameIn(new CertificateRequest("CN=laptop-7", key, HashAlgorithmName.SHA256).CreateSelfSigned(_clock.Now.AddDays(-1), _clock.Now.AddDays(1))));
    }

    [Fact]
    public void One_that_runs_out_is_good_until_then_and_not_longer()
    {
        var certificate = _authority.Issue("CN=laptop-7", to: _clock.Now.AddMinutes(2));
        var certificates = Certificates();
        Assert.Equal("laptop-7", NameIn(certificate, certificates));
        _clock.Advance(TimeSpan.FromMinutes(3));
        Assert.Null(NameIn(certificate, certificates));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_was_revoked_is_none_from_the_moment_that_the_list_says_so(bool pem)
    {
        var (good, bad) = (_authority.Issue("CN=good"), _authority.Issue("CN=bad"));
        var list = _scratch.File("revoked.crl");
        Write();
        var certificates = Certificates(list);
        Assert.Equal(("good", "bad"), (NameIn(good, certificates), NameIn(bad, certificates)));
        _authority.Revoke(bad);
        Write();
        File.SetLastWriteTimeUtc(list, DateTime.UtcNow.AddSeconds(5));
        Assert.Equal(("good", null), (NameIn(good, certificates), NameIn(bad, certificates)));

        void Write() => File.WriteAllBytes(list, pem ? Encoding.ASCII.GetBytes(PemEncoding.WriteString("X509 CRL", _authority.RevocationList())) : _authority.RevocationList());
    }

    [Fact]
    public void The_header_counts_only_where_a_platform_writes_it()
    {
        var certificate = _authority.Issue("CN=laptop-7");
        var header = Convert.ToBase64String(certificate.RawData);
        Assert.Null(NameIn(certificate: null, Certificates(), header));
        var behind = new ClientCertificates(new(_authority.Pem, null, [], ByHeader: true), _clock);
        Assert.Equal("laptop-7", NameIn(certificate: null, behind, header));
        foreach (var forged in new[] { "", "nonsense", "AAAA", Convert.ToBase64String(new TestAuthority("Fleet test authority").Issue("CN=laptop-7").RawData) }) Assert.Null(NameIn(certificate: null, behind, forged));
        Assert.Null(NameIn(certificate, behind));
        Assert.Null(NameIn(certificate, new ClientCertificates(new(null, null, [], ByHeader: true), _clock), header));
    }

    [Fact]
    public async Task An_agent_that_does_not_enroll_is_known_by_its_certificate_alone()
    {
        await using var world = await World.OpenAsync(("Certificates:Authorities", _authority.Pem), ("Certificates:Tags", "certified"));
        await world.PutQueryAsync("q", "select 1", "certified");
        var certificate = _authority.Issue("CN=laptop-7");
        const string Blank = """{"node_key":""}""";
        Assert.True((await world.PostAsync("config", Blank)).IsInvalid);
        Assert.True((await world.PostAsync("config", Blank, With(new TestAuthority("other").Issue("CN=laptop-7")))).IsInvalid);
        Assert.NotNull((await world.PostAsync("config", Blank, With(certificate))).Json["schedule"]!["q"]);
        Assert.False((await world.PostAsync("log", """{"node_key":"","log_type":"status","data":[{"severity":1,"message":"m","unixTime":1772452800}]}""", With(certificate))).IsError);

        // Who knows a secret is another node, whatever it calls itself; and an idle check-in touches no storage.
        await world.EnrollAsync("laptop-7");
        Assert.Equal(2, (await world.Get<NodeStore>().PageAsync(10, null, default)).Items.Count);
        world.Tables.Reset();
        for (var i = 0; i < 100; i++) Assert.False((await world.PostAsync("distributed/read", Blank, With(certificate))).IsError);
        Assert.Equal(0, world.Tables.Operations);

        await world.Get<NodeStore>().ChangeAsync(Kernel.NodeId.OfCertificate("laptop-7"), node => node with { Active = false }, default);
        Assert.True((await world.PostAsync("config", Blank, With(certificate))).IsInvalid);
    }

    [Fact]
    public async Task A_certificate_stands_for_the_secret_and_its_name_for_the_hosts()
    {
        await using var world = await World.OpenAsync(("Certificates:Authorities", _authority.Pem));
        var reply = await world.PostAsync("enroll", """{"enroll_secret":"","host_identifier":"I call myself so"}""", With(_authority.Issue("CN=laptop-7")));
        var key = (string)reply.Json["node_key"]!;
        Assert.Equal("laptop-7", (await world.Get<NodeStore>().FindAsync(Kernel.NodeId.OfCertificate("laptop-7"), default))!.HostIdentifier);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
        Assert.True((await world.PostAsync("enroll", """{"enroll_secret":"","host_identifier":"x"}""", With(new TestAuthority("other").Issue("CN=laptop-7")))).IsInvalid);
    }

    [Fact]
    public async Task Over_TLS_the_certificate_is_asked_for_and_without_one_all_goes_on_as_ever()
    {
        await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"), ("Certificates:Authorities", _authority.Pem));
        using var handler = NewHandler();
        handler.SslOptions.ClientCertificates = [_authority.Issue("CN=laptop-7")];
        using var http = new HttpClient(handler) { BaseAddress = server.Url };
        Assert.False(await IsInvalidAsync(http));
        using var plain = NewHandler();
        using var nobody = new HttpClient(plain) { BaseAddress = server.Url };
        Assert.True(await IsInvalidAsync(nobody));

        // A header forged by a client is nothing here.
        nobody.DefaultRequestHeaders.Add("X-ARR-ClientCert", Convert.ToBase64String(_authority.Issue("CN=laptop-7").RawData));
        Assert.True(await IsInvalidAsync(nobody));

        static SocketsHttpHandler NewHandler() => new() { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null } };

        static async Task<bool> IsInvalidAsync(HttpClient http)
        {
            using var response = await http.PostAsync(new Uri("/config", UriKind.Relative), new StringContent("""{"node_key":""}"""));
            return ((JsonObject)JsonNode.Parse(await response.Content.ReadAsStringAsync())!)["node_invalid"]?.GetValue<bool>() == true;
        }
    }

    [Theory]
    [InlineData("Certificates:Authorities", "/none.pem")]
    [InlineData("Certificates:Authorities", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----")]
    [InlineData("Certificates:RevocationList", "/none.crl")]
    [InlineData("Certificates:RevocationList", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")]
    public async Task What_cannot_be_read_stops_the_start(string key, string value)
    {
        var fault = await Assert.ThrowsAsync<SettingsException>(() => RunningServer.StartAsync((key, value)));
        Assert.Contains("Fleet__" + key.Replace(":", "__", StringComparison.Ordinal), fault.Message, StringComparison.Ordinal);
    }

    private ClientCertificates Certificates(string? list = null) => new(new(_authority.Pem, list, [], ByHeader: false), _clock);

    [Fact]
    public void Why_a_certificate_is_not_good_is_said()
    {
        using var other = new TestAuthority("Another authority");
        Assert.Contains("CN=Another authority", FaultIn(other.Issue("CN=laptop-7")), StringComparison.Ordinal);
        Assert.Contains("expired", FaultIn(_authority.Issue("CN=laptop-7", to: _clock.Now.AddSeconds(-1))), StringComparison.Ordinal);
        Assert.Contains("client authentication", FaultIn(_authority.Issue("CN=laptop-7", usage: TestAuthority.ForServers)), StringComparison.Ordinal);
        Assert.Contains("name", FaultIn(_authority.Issue("C=DE, O=Acme")), StringComparison.Ordinal);
        Assert.Null(FaultIn(_authority.Issue("CN=laptop-7")));

        string? FaultIn(X509Certificate2 certificate)
        {
            var context = new DefaultHttpContext();
            context.Connection.ClientCertificate = certificate;
            return Certificates().Read(context).Fault;
        }
    }

    private string? NameIn(X509Certificate2? certificate, ClientCertificates? certificates = null, string? header = null)
    {
        var context = new DefaultHttpContext();
        context.Connection.ClientCertificate = certificate;
        if (header is not null) context.Request.Headers["X-ARR-ClientCert"] = header;
        return (certificates ?? Certificates()).NameIn(context);
    }

    private static Action<HttpRequest> With(X509Certificate2 certificate) => request => request.HttpContext.Connection.ClientCertificate = certificate;
}

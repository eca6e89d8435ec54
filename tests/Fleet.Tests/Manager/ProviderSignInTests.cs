using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fleet.Shared;
using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

/// <summary>The whole server with an issuer: what the provider lets in becomes a session that is listed, audited and ended like any other.</summary>
public sealed class ProviderSignInTests
{
    [Fact]
    public async Task A_person_of_a_provider_gets_a_session_of_their_own()
    {
        await using var issuer = await FakeIssuer.StartAsync(secure: false);
        using var scratch = new Scratch();
        var (certificate, key) = (scratch.File("fleet.crt"), scratch.File("fleet.key"));
        await File.WriteAllTextAsync(certificate, TestCertificate.Instance.Certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(key, TestCertificate.Instance.Certificate.GetRSAPrivateKey()?.ExportPkcs8PrivateKeyPem() ?? TestCertificate.Instance.Certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await using var server = await RunningServer.StartAsync(
            ("Url", "https://127.0.0.1:0"), ("Http:Certificate", certificate), ("Http:CertificateKey", key),
            ("Auth:Method", "local,oauth"), ("Auth:Oidc:Issuer", issuer.Issuer), ("Auth:Oidc:ClientId", FakeIssuer.ClientId), ("Auth:Oidc:ClientSecret", FakeIssuer.ClientSecret),
            ("Auth:Oidc:AllowedDomains", "example.com"), ("Auth:Oidc:DefaultRole", "operator"));
        var handler = TestCertificate.Instance.NewHandler();
        (handler.UseCookies, handler.AllowAutoRedirect) = (true, false);
        using var browser = new HttpClient(handler) { BaseAddress = server.Url };

        Assert.Equal("""{"open":false,"password":true,"providers":["oidc"]}""", await browser.GetStringAsync(new Uri("/api/session/methods", UriKind.Relative)));
        var provider = (await browser.GetAsync(new Uri("/api/session/oauth/oidc?returnTo=/nodes", UriKind.Relative))).Headers.Location!;
        var back = (await browser.GetAsync(provider)).Headers.Location!;
        using var landed = await browser.GetAsync(back);
        Assert.Equal((HttpStatusCode.Redirect, "/nodes"), (landed.StatusCode, landed.Headers.Location!.OriginalString));
        Assert.Equal("""{"name":"alice@example.com","role":"operator","method":"oidc"}""", await browser.GetStringAsync(new Uri("/api/session", UriKind.Relative)));
        Assert.Equal(HttpStatusCode.NotFound, (await browser.GetAsync(new Uri("/api/session/oauth/cookies", UriKind.Relative))).StatusCode);

        using var ended = new HttpRequestMessage(HttpMethod.Delete, "/api/session");
        ended.Headers.Add("X-Fleet-Csrf", "1");
        Assert.Equal(HttpStatusCode.NoContent, (await browser.SendAsync(ended)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync(new Uri("/api/session", UriKind.Relative))).StatusCode);
    }
}

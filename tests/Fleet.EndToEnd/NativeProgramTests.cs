using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Fleet.Shared;

namespace Fleet.EndToEnd;

/// <summary>What calls libraries in C, or asks types about themselves: it may work where the program is compiled as it runs, and fail where it was compiled ahead.</summary>
public sealed class NativeProgramTests
{
    [NeedsTheory(Slapd.Program)]
    [InlineData("ldaps")]
    [InlineData("starttls")]
    [InlineData("ldap")]
    public async Task A_person_of_a_directory_signs_in_with_the_role_of_their_group(string how)
    {
        await using var directory = await Slapd.StartAsync();
        await using var fleet = new ContainerUnderTest(
            ("Fleet__Auth__Method", "local,ldap"), ("Fleet__Auth__Ldap__Url", (how == "ldaps" ? directory.Secure : directory.Plain).ToString()), ("Fleet__Auth__Ldap__BaseDn", Slapd.BaseDn),
            ("Fleet__Auth__Ldap__Authorities", directory.Authority), ("Fleet__Auth__Ldap__StartTls", how == "starttls" ? "true" : "false"),
            ("Fleet__Auth__Ldap__BindDn", Slapd.ServiceDn), ("Fleet__Auth__Ldap__BindPassword", Slapd.ServicePassword),
            ("Fleet__Auth__Ldap__GroupBaseDn", Slapd.GroupBaseDn), ("Fleet__Auth__Ldap__Admins", Slapd.GroupDn("fleet-admins")), ("Fleet__Auth__Ldap__Viewers", Slapd.GroupDn("fleet-viewers")));
        await fleet.StartAsync();
        foreach (var (name, password, role) in new[] { ("ada", "correct horse", "admin"), ("zoë", "pässwörd ☃", "viewer") })
        {
            var who = await fleet.SendAsync("POST", "/api/session", new JsonObject { ["username"] = name, ["password"] = password }.ToJsonString());
            Assert.Equal((role, "ldap"), ((string?)who["role"], (string?)who["method"]));
        }

        Assert.Equal(401, (await fleet.TryAsync("POST", "/api/session", """{"username":"ada","password":"wrong"}""")).Status);
        Assert.Equal(401, (await fleet.TryAsync("POST", "/api/session", """{"username":"nobody","password":"wrong"}""")).Status);
    }

    [Fact]
    public async Task A_person_of_a_provider_signs_in()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var fleet = new ContainerUnderTest(
            ("Fleet__Auth__Method", "local,oauth"), ("Fleet__Auth__Oidc__Issuer", issuer.Issuer), ("Fleet__Auth__Oidc__ClientId", FakeIssuer.ClientId), ("Fleet__Auth__Oidc__ClientSecret", FakeIssuer.ClientSecret),
            ("Fleet__Auth__Oidc__Admins", "alice@example.com"), ("SSL_CERT_FILE", TestCertificate.Instance.Path));
        await fleet.StartAsync();
        using var handler = new HttpClientHandler { AllowAutoRedirect = false, ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using var browser = new HttpClient(handler) { BaseAddress = fleet.Url };
        var at = new Uri(fleet.Url, "/api/session/oauth/oidc");
        for (var i = 0; i < 3; i++)
        {
            using var answer = await browser.GetAsync(at);
            Assert.True(answer.StatusCode == HttpStatusCode.Redirect, $"{at}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}\n{fleet.Output}");
            at = new(at, answer.Headers.Location!);
        }

        var who = await browser.GetStringAsync("/api/session");
        Assert.True(JsonNode.Parse(who)!["role"]?.ToString() == "admin", $"{at} {who}\n{fleet.Output}");
    }

    [Fact]
    public async Task A_client_certificate_is_a_node()
    {
        using var authority = new TestAuthority("Fleet test authority");
        await using var fleet = new ContainerUnderTest(("Fleet__Certificates__Authorities", authority.Pem));
        await fleet.StartAsync();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(fleet.Certificate);
        handler.SslOptions.ClientCertificates = [authority.Issue("CN=laptop-7")];
        using var http = new HttpClient(handler) { BaseAddress = fleet.Url };
        using var content = new StringContent("""{"node_key":""}""");
        using var response = await http.PostAsync("/config", content);
        Assert.NotEqual(true, (bool?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["node_invalid"]);
    }

    [Fact]
    public async Task Rules_come_from_CSV_and_a_slip_in_JSON_is_named()
    {
        await using var fleet = new ContainerUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        const string File = """"
            id,name,alerters,description,conditions,updated_at
            7,A,"{log,""email""}",d,"{""condition"": ""AND"", ""rules"": [{""id"": ""query_name"", ""field"": ""query_name"", ""operator"": ""equal"", ""value"": ""processes""}]}",2019-01-01 00:00:00
            8,B,{},,,
            """";
        Assert.Equal(["added", "refused"], (await fleet.SendAsync("POST", "/api/import/doorman-rules", File))["rules"]!.AsArray().Select(rule => (string?)rule!["change"]));
        var (status, text, _) = await fleet.TryAsync("POST", "/api/campaigns", """{"sqll":"select 1","targets":{"all":true}}""");
        Assert.Equal(400, status);
        Assert.Contains("Did you mean 'sql'?", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_backed_up_can_be_restored()
    {
        await using var fleet = new ContainerUnderTest();
        await fleet.StartAsync();
        var backup = Path.Combine(fleet.Folder, "backup.tar");
        var made = await fleet.RunAsync("backup", backup, "--data", fleet.Data);
        Assert.True(made.Code == 0, made.Errors);
        var restored = await fleet.RunAsync("restore", backup, "--data", Path.Combine(fleet.Folder, "again"));
        Assert.True(restored.Code == 0, restored.Errors);
    }
}

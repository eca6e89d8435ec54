using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Shared;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class OAuthTests : IAsyncLifetime
{
    private const string Tenant = "ab1f708d-50f6-404c-a006-d71b2ac7a606";

    private FakeIssuer _issuer = null!;

    public async Task InitializeAsync() => _issuer = await FakeIssuer.StartAsync();

    public async Task DisposeAsync() => await _issuer.DisposeAsync();

    [Theory]
    [InlineData("google")]
    [InlineData("entra")]
    [InlineData("oidc")]
    public async Task A_person_signs_in_by_each_provider(string provider)
    {
        await using var site = await StartAsync();
        Become(("tid", Tenant), ("hd", "example.com"), ("preferred_username", "alice@example.com"));

        Assert.Equal("/nodes?tag=mac", await site.SignInAsync(provider, "/nodes?tag=mac"));
        Assert.Equal("alice@example.com viewer", await site.WhoAsync());
    }

    [Fact]
    public async Task The_start_asks_nothing_of_the_network_and_the_first_sign_in_asks_once()
    {
        await using var site = await StartAsync();
        Assert.Equal("nobody", await site.WhoAsync());
        Assert.Equal(0, _issuer.Questions);

        // For its configuration, and for its keys.
        await site.BeginAsync("oidc");
        await site.BeginAsync("oidc");
        Assert.Equal(2, _issuer.Questions);
    }

    [Fact]
    public async Task A_challenge_carries_pkce_and_asks_for_the_callback_of_its_provider()
    {
        await using var site = await StartAsync();
        var query = QueryHelpers.ParseQuery((await site.BeginAsync("google")).Query);

        Assert.Equal("S256", query["code_challenge_method"]);
        Assert.Equal("openid email profile", query["scope"]);
        Assert.Equal($"{site.Url}api/session/oauth/google/callback", query["redirect_uri"]);
        Assert.DoesNotContain("verifier", query["state"].ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_cookies_of_a_sign_in_under_way_are_lax_and_secure_and_go_to_the_callback_alone()
    {
        await using var site = await StartAsync();
        using var begun = await site.GetAsync("/api/session/oauth/oidc");
        Assert.All(begun.Headers.GetValues("Set-Cookie"), cookie =>
        {
            Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("secure", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
            Assert.Contains("path=/api/session/oauth/oidc/callback", cookie, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public async Task An_address_that_is_the_servers_to_browsers_is_told_to_the_provider_instead_of_the_requests()
    {
        await using var site = await StartAsync(publicUrl: new("https://fleet.example.com/"));
        Assert.Equal("https://fleet.example.com/api/session/oauth/oidc/callback", QueryHelpers.ParseQuery((await site.BeginAsync("oidc")).Query)["redirect_uri"]);

        // And again with the code, or the provider would refuse.
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));
        Assert.Equal("/", await site.FinishAsync(new(site.Url, back.PathAndQuery)));
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("Cookies")]
    [InlineData("GOOGLE")]
    public async Task A_provider_that_is_not_set_up_is_not_found(string provider)
    {
        await using var site = await StartAsync();
        using var answer = await site.GetAsync("/api/session/oauth/" + provider);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_wrong_state_is_refused()
    {
        await using var site = await StartAsync();
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));

        Assert.Equal("/sign-in?error=state", await site.FinishAsync(new(back.AbsoluteUri.Replace("state=", "state=x", StringComparison.Ordinal))));
        Assert.Equal("/sign-in?error=state", await site.FinishAsync(new(site.Url, "/api/session/oauth/oidc/callback")));
        Assert.Equal("nobody", await site.WhoAsync());
    }

    [Fact]
    public async Task A_sign_in_that_another_browser_began_is_refused()
    {
        await using var site = await StartAsync();
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));
        site.ForgetCookies();

        Assert.Equal("/sign-in?error=state", await site.FinishAsync(back));
    }

    [Fact]
    public async Task A_state_of_one_provider_is_refused_by_another()
    {
        await using var site = await StartAsync();
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));

        Assert.Equal("/sign-in?error=state", await site.FinishAsync(new(back.AbsoluteUri.Replace("/oidc/", "/google/", StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("access_denied", "cancelled")]
    [InlineData("unauthorized_client", "provider-refused")]
    [InlineData("temporarily_unavailable", "provider-down")]
    public async Task What_the_provider_says_instead_of_yes_becomes_a_short_word(string refusal, string code)
    {
        await using var site = await StartAsync();
        _issuer.Refusal = refusal;

        Assert.Equal("/sign-in?error=" + code, await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task An_answer_is_good_once()
    {
        await using var site = await StartAsync();
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));

        Assert.Equal("/", await site.FinishAsync(back));
        Assert.Equal("/sign-in?error=state", await site.FinishAsync(back));
    }

    [Fact]
    public async Task A_code_of_one_sign_in_is_refused_in_another()
    {
        await using var site = await StartAsync();
        var first = await site.ConsentAsync(await site.BeginAsync("oidc"));
        var second = await site.ConsentAsync(await site.BeginAsync("oidc"));
        var code = QueryHelpers.ParseQuery(first.Query)["code"].ToString();

        // Not yet used, but its verifier is another's.
        Assert.Equal("/sign-in?error=provider-refused", await site.FinishAsync(WithCode(second, code)));
        var third = await site.ConsentAsync(await site.BeginAsync("oidc"));
        Assert.Equal("/sign-in?error=provider-refused", await site.FinishAsync(WithCode(third, code)));
    }

    [Theory]
    [InlineData("google", "bob@gmail.com", null, "/")]
    [InlineData("google", "BOB@gmail.com", null, "/")]
    [InlineData("google", "eve@gmail.com", null, "/sign-in?error=not-allowed")]
    [InlineData("google", "carol@example.com", "example.com", "/")]
    [InlineData("google", "carol@sub.example.com", "Example.com", "/")]
    [InlineData("google", "carol@example.com", null, "/sign-in?error=not-allowed")]
    [InlineData("google", "carol@other.com", "other.com", "/sign-in?error=not-allowed")]
    public async Task Google_lets_in_who_is_listed_or_of_a_listed_organization(string provider, string email, string? organization, string end)
    {
        await using var site = await StartAsync();
        Become(("email", email), ("hd", organization));

        Assert.Equal(end, await site.SignInAsync(provider));
    }

    [Fact]
    public async Task Google_lets_nobody_in_who_is_not_verified()
    {
        await using var site = await StartAsync();
        Become(("email_verified", false), ("hd", "example.com"));

        Assert.Equal("/sign-in?error=unverified", await site.SignInAsync("google"));
    }

    [Fact]
    public async Task Google_lets_nobody_in_without_a_list()
    {
        await using var site = await StartAsync(provider => provider with { AllowedDomains = [], AllowedUsers = [] });
        Become(("hd", "example.com"));

        Assert.Equal("/sign-in?error=not-allowed", await site.SignInAsync("google"));
    }

    [Fact]
    public async Task A_domain_that_is_not_allowed_is_refused()
    {
        await using var site = await StartAsync(provider => provider with { AllowedDomains = ["example.org"] });
        Assert.Equal("/sign-in?error=not-allowed", await site.SignInAsync("oidc"));

        Become(("email", "alice@example.org"));
        Assert.Equal("/", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task An_address_that_nobody_vouches_for_counts_for_nothing()
    {
        var roles = new Dictionary<Role, IReadOnlyList<string>> { [Role.Admin] = ["alice@example.com"] };
        await using var site = await StartAsync(provider => provider with { DefaultRole = Role.Viewer, Roles = roles });
        Assert.Equal("/", await site.SignInAsync("oidc"));
        Assert.Equal("alice@example.com admin", await site.WhoAsync());

        Become(("email_verified", null));
        Assert.Equal("/", await site.SignInAsync("oidc"));
        Assert.Equal("alice@example.com viewer", await site.WhoAsync());
    }

    [Theory]
    [InlineData("roles", """["Fleet.Operate"]""", "operator")]
    [InlineData("roles", "\"Fleet.Operate\"", "operator")]
    [InlineData("groups", """["7d9e","0b1c"]""", "admin")]
    [InlineData("groups", """["7D9E"]""", null)]
    [InlineData("groups", """[7,{"a":1},"fleet-viewers"]""", "viewer")]
    [InlineData("realm_access", """{"roles":["kc-admin"]}""", "admin")]
    [InlineData("other", """["7d9e"]""", null)]
    public async Task A_group_or_an_app_role_brings_a_role(string claim, string values, string? role)
    {
        await using var site = await StartAsync(Mapped);
        Become((claim, JsonNode.Parse(values)), ("tid", Tenant), ("preferred_username", "alice@example.com"));

        foreach (var provider in new[] { "oidc", "entra" })
        {
            site.ForgetCookies();
            Assert.Equal(role is null ? "/sign-in?error=no-role" : "/", await site.SignInAsync(provider));
            Assert.Equal(role is null ? "nobody" : "alice@example.com " + role, await site.WhoAsync());
        }
    }

    [Fact]
    public async Task The_biggest_role_wins()
    {
        await using var site = await StartAsync(Mapped);
        Become(("groups", new JsonArray("fleet-viewers", "7d9e", "Fleet.Operate")));

        Assert.Equal("/", await site.SignInAsync("oidc"));
        Assert.Equal("alice@example.com admin", await site.WhoAsync());
    }

    [Fact]
    public async Task Who_has_no_role_stays_outside()
    {
        await using var site = await StartAsync(Mapped);
        Become(("groups", new JsonArray("marketing")));

        Assert.Equal("/sign-in?error=no-role", await site.SignInAsync("oidc"));
        Assert.Equal("nobody", await site.WhoAsync());
    }

    [Fact]
    public async Task What_the_token_does_not_tell_is_asked_of_the_userinfo_endpoint()
    {
        await using var site = await StartAsync(Mapped);
        _issuer.Person = new() { ["sub"] = "1001" };
        _issuer.UserInfo = new() { ["email"] = "alice@example.com", ["email_verified"] = true, ["groups"] = new JsonArray("7d9e") };
        Assert.Equal("/", await site.SignInAsync("oidc"));
        Assert.Equal("alice@example.com admin", await site.WhoAsync());

        _issuer.UserInfo["sub"] = "1002";
        Assert.Equal("/sign-in?error=identity", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task Entra_speaks_for_its_tenant_alone_and_its_email_claim_is_not_believed()
    {
        await using var site = await StartAsync(provider => provider with { AllowedUsers = ["alice@example.com"] });
        Become(("tid", "00000000-50f6-404c-a006-d71b2ac7a606"), ("preferred_username", "alice@example.com"));
        Assert.Equal("/sign-in?error=identity", await site.SignInAsync("entra"));

        Become(("tid", Tenant), ("preferred_username", "eve@evil.example"), ("email", "alice@example.com"));
        Assert.Equal("/sign-in?error=not-allowed", await site.SignInAsync("entra"));

        Become(("xms_edov", true));
        Assert.Equal("/", await site.SignInAsync("entra"));
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("/\t/evil.example/")]
    [InlineData("evil.example")]
    [InlineData("javascript:alert(1)")]
    [InlineData("/api/carves/1")]
    [InlineData("/API")]
    [InlineData("")]
    public async Task A_way_back_that_leads_elsewhere_is_ignored(string returnTo)
    {
        await using var site = await StartAsync();

        Assert.Equal("/", await site.SignInAsync("oidc", returnTo));
        Assert.Equal("alice@example.com viewer", await site.WhoAsync());
    }

    [Theory]
    [InlineData("/.well-known/openid-configuration")]
    [InlineData("/token")]
    public async Task A_provider_that_is_down_is_told_and_asked_again_the_next_time(string path)
    {
        await using var site = await StartAsync();
        _issuer.Down.Add(path);
        Assert.Equal("/sign-in?error=provider-down", await site.SignInAsync("oidc"));

        _issuer.Down.Clear();
        Assert.Equal("/", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task A_provider_that_cannot_be_reached_is_told()
    {
        await using var site = await StartAsync();
        await _issuer.DisposeAsync();
        Assert.Equal("/sign-in?error=provider-down", await site.SignInAsync("oidc"));

        _issuer = await FakeIssuer.StartAsync();
    }

    [Fact]
    public async Task A_discovery_document_of_another_issuer_is_refused()
    {
        await using var site = await StartAsync(provider => provider with { Issuer = provider.Issuer.Replace("127.0.0.1", "localhost", StringComparison.Ordinal) });

        Assert.Equal("/sign-in?error=provider-down", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task A_stand_in_on_loopback_needs_no_tls()
    {
        await _issuer.DisposeAsync();
        _issuer = await FakeIssuer.StartAsync(secure: false);
        await using var site = await StartAsync();

        Assert.Equal("/", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task A_wrong_secret_is_the_settings_fault()
    {
        await using var site = await StartAsync(provider => provider with { ClientSecret = "guess" });

        Assert.Equal("/sign-in?error=provider-refused", await site.SignInAsync("oidc"));
    }

    [Theory]
    [InlineData("aud", "\"another\"", false)]
    [InlineData("aud", "null", false)]
    [InlineData("aud", "[\"fleet-at-the-issuer\"]", true)]
    [InlineData("aud", "[\"fleet-at-the-issuer\",\"another\"]", false)]
    [InlineData("azp", "\"another\"", false)]
    [InlineData("azp", "\"fleet-at-the-issuer\"", true)]
    [InlineData("exp", "1700000000", false)]
    [InlineData("exp", "null", false)]
    [InlineData("exp", "\"never\"", false)]
    [InlineData("exp", "1e300", false)]
    [InlineData("nbf", "4100000000", false)]
    [InlineData("iss", "\"https://other.example\"", false)]
    [InlineData("iss", "null", false)]
    [InlineData("nonce", "\"another\"", false)]
    [InlineData("nonce", "null", false)]
    [InlineData("sub", "null", false)]
    public async Task A_token_that_is_not_for_this_program_and_now_is_refused(string claim, string value, bool isGood)
    {
        await using var site = await StartAsync();
        _issuer.Twist = claims => claims[claim] = JsonNode.Parse(value);

        Assert.Equal(isGood ? "/" : "/sign-in?error=identity", await site.SignInAsync("oidc"));
        Assert.Equal(isGood ? "alice@example.com viewer" : "nobody", await site.WhoAsync());
    }

    [Fact]
    public async Task A_token_that_somebody_else_signed_is_refused()
    {
        await using var site = await StartAsync();
        _issuer.SignsWith = RSA.Create(2048);

        Assert.Equal("/sign-in?error=identity", await site.SignInAsync("oidc"));
        Assert.Equal("nobody", await site.WhoAsync());
    }

    [Fact]
    public async Task A_key_that_the_provider_has_changed_costs_one_sign_in_at_most()
    {
        await using var site = await StartAsync();
        Assert.Equal("/", await site.SignInAsync("oidc"));
        _issuer.ChangeKey();

        // Whoever meets it has it looked up, which those who come meanwhile do not wait for.
        Assert.Equal("/sign-in?error=identity", await site.SignInAsync("oidc"));
        for (var i = 0; i < 100 && await site.SignInAsync("oidc") != "/"; i++) Assert.True(i < 99, "The new key was not learned.");
    }

    [Fact]
    public async Task A_userinfo_endpoint_that_is_down_matters_to_who_needs_it_alone()
    {
        await using var site = await StartAsync(Mapped);
        _issuer.Down.Add("/userinfo");
        Become(("groups", new JsonArray("7d9e")));
        Assert.Equal("/", await site.SignInAsync("oidc"));

        _issuer.Person = new() { ["sub"] = "1001" };
        Assert.Equal("/sign-in?error=provider-down", await site.SignInAsync("oidc"));
    }

    [Fact]
    public async Task A_provider_that_is_gone_before_the_code_is_exchanged_is_told()
    {
        await using var site = await StartAsync();
        var back = await site.ConsentAsync(await site.BeginAsync("oidc"));
        await _issuer.DisposeAsync();
        Assert.Equal("/sign-in?error=provider-down", await site.FinishAsync(back));

        _issuer = await FakeIssuer.StartAsync();
    }

    [Fact]
    public async Task The_program_may_turn_a_person_away_and_may_fail()
    {
        await using var turned = await StartAsync(welcome: (_, _) => Task.FromResult<ClaimsPrincipal?>(null));
        Assert.Equal("/sign-in?error=not-allowed", await turned.SignInAsync("oidc"));

        await using var broken = await StartAsync(welcome: (_, _) => throw new InvalidOperationException("The store is down."));
        Assert.Equal("/sign-in?error=internal", await broken.SignInAsync("oidc"));
    }

    [Fact]
    public void Settings_that_let_nobody_in_or_name_no_issuer_are_told()
    {
        Assert.Equal(["ClientSecret", "AllowedUsers", "Roles"], OAuthProvider.Google("id", "").Faults().Select(fault => fault.Key));
        Assert.Equal(["Tenant", "Roles"], OAuthProvider.Entra("common", "id", "secret").Faults().Select(fault => fault.Key));
        Assert.Equal(["Issuer"], (OAuthProvider.Oidc("http://sso.example", "id", "secret") with { DefaultRole = Role.Viewer }).Faults().Select(fault => fault.Key));
        Assert.Empty((OAuthProvider.Oidc("http://127.0.0.1:81", "id", "secret") with { DefaultRole = Role.Viewer }).Faults());
    }

    private static OAuthProvider Mapped(OAuthProvider provider) => provider with
    {
        DefaultRole = null,
        RoleClaims = [.. provider.RoleClaims, "roles", "realm_access.roles"],
        Roles = new Dictionary<Role, IReadOnlyList<string>> { [Role.Viewer] = ["fleet-viewers"], [Role.Admin] = ["7d9e", "kc-admin"], [Role.Operator] = ["Fleet.Operate"] },
    };

    private static Uri WithCode(Uri back, string code) =>
        new(QueryHelpers.AddQueryString(back.GetLeftPart(UriPartial.Path), new Dictionary<string, string?> { ["code"] = code, ["state"] = QueryHelpers.ParseQuery(back.Query)["state"] }));

    private void Become(params ReadOnlySpan<(string Claim, JsonNode? Value)> claims)
    {
        foreach (var (claim, value) in claims)
        {
            if (value is null) _issuer.Person.Remove(claim);
            else _issuer.Person[claim] = value;
        }
    }

    private Task<OAuthSite> StartAsync(Func<OAuthProvider, OAuthProvider>? change = null, Uri? publicUrl = null, OAuthWelcome? welcome = null)
    {
        OAuthProvider[] providers =
        [
            OAuthProvider.Google(FakeIssuer.ClientId, FakeIssuer.ClientSecret, _issuer.Issuer) with { AllowedUsers = ["bob@gmail.com"], AllowedDomains = ["example.com"], DefaultRole = Role.Viewer },
            OAuthProvider.Entra(Tenant, FakeIssuer.ClientId, FakeIssuer.ClientSecret, _issuer.Issuer) with { DefaultRole = Role.Viewer },
            OAuthProvider.Oidc(_issuer.Issuer, FakeIssuer.ClientId, FakeIssuer.ClientSecret) with { DefaultRole = Role.Viewer },
        ];
        return OAuthSite.StartAsync(new([.. providers.Select(change ?? (provider => provider))], publicUrl), welcome);
    }
}

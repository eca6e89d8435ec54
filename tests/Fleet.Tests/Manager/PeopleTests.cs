using System.Net;
using Fleet.Hosting;
using Fleet.Manager;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class PeopleTests : ApiTest
{
    private const string Password = "correct horse";

    [Fact]
    public async Task Accounts_are_made_changed_and_removed_and_the_last_admin_stays()
    {
        await Api.OkAsync("POST", "/api/users", """{"name":"root","password":"correct horse","role":"admin"}""");
        await Api.OkAsync("POST", "/api/users", """{"name":"ada","password":"correct horse","role":"operator"}""");
        await Api.RefusedAsync(HttpStatusCode.Conflict, "POST", "/api/users", """{"name":"ADA","password":"correct horse","role":"viewer"}""");
        foreach (var (body, field) in new[] { ("""{"name":"x","password":"short","role":"viewer"}""", "password"), ("""{"name":"x","password":"long enough","role":"king"}""", "role"), ("""{"name":" ","password":"long enough","role":"viewer"}""", "name") })
        {
            Assert.Equal(field, (string?)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/users", body))["errors"]![0]!["path"]);
        }

        using var ada = await BrowserAsync("ada");
        using var token = new Api(Server.Url, (string)(await ada.OkAsync("POST", "/api/tokens", """{"name":"t","role":"operator"}"""))["token"]!);
        await token.GetAsync("/api/nodes");
        Assert.Equal("viewer", (string?)(await Api.OkAsync("PATCH", "/api/users/ada", """{"role":"viewer"}"""))["role"]);
        await ada.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
        await token.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");
        Assert.DoesNotContain("assword", (await Api.GetAsync("/api/users")).ToJsonString(), StringComparison.Ordinal);
        await Api.OkAsync("DELETE", "/api/users/ada");
        await Api.RefusedAsync(HttpStatusCode.Conflict, "DELETE", "/api/users/root");
        await Api.RefusedAsync(HttpStatusCode.Conflict, "PATCH", "/api/users/root", """{"role":"viewer"}""");
    }

    [Fact]
    public async Task People_change_their_own_password_and_their_other_sessions_end()
    {
        await AddAsync("ada", Role.Viewer);
        using var here = await BrowserAsync("ada");
        using var elsewhere = await BrowserAsync("ada");
        Assert.Equal("current", (string?)(await here.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/session/password", """{"current":"wrong","password":"battery staple"}"""))["errors"]![0]!["path"]);
        await here.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/session/password", """{"current":"correct horse","password":"short"}""");
        await here.OkAsync("PUT", "/api/session/password", """{"current":"correct horse","password":"battery staple"}""");
        await here.GetAsync("/api/session");
        await elsewhere.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
        using var again = await BrowserAsync("ada", "battery staple");
        await Api.RefusedAsync(HttpStatusCode.Conflict, "PUT", "/api/session/password", """{"current":"x","password":"battery staple"}""");
    }

    [Fact]
    public async Task Sessions_are_listed_and_ended_by_their_owner_and_by_admins()
    {
        await AddAsync("ada", Role.Viewer);
        await AddAsync("grace", Role.Viewer);
        using var ada = await BrowserAsync("ada");
        using var laptop = await BrowserAsync("ada");
        using var grace = await BrowserAsync("grace");
        var own = (await ada.GetAsync("/api/sessions"))["items"]!.AsArray();
        Assert.Equal(2, own.Count);
        var other = (string)own.Single(session => !(bool)session!["current"]!)!["id"]!;
        await grace.RefusedAsync(HttpStatusCode.NotFound, "DELETE", $"/api/sessions/{other}");
        await ada.OkAsync("DELETE", $"/api/sessions/{other}");
        await laptop.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
        await ada.RefusedAsync(HttpStatusCode.Forbidden, "GET", "/api/sessions?all=true");
        foreach (var session in (await Api.GetAsync("/api/sessions?all=true"))["items"]!.AsArray()) await Api.OkAsync("DELETE", $"/api/sessions/{(string)session!["id"]!}");
        await ada.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
        await grace.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
    }

    [Fact]
    public async Task A_session_ends_when_it_is_not_used_and_when_it_is_old()
    {
        await using var world = await World.OpenAsync(("Auth:SessionIdle", "1h"), ("Auth:SessionLife", "3h"));
        var sessions = world.Get<SessionStore>();
        var idle = await sessions.StartAsync("local:a", "a", "local", Role.Viewer, null, null, default);
        var used = await sessions.StartAsync("local:a", "a", "local", Role.Viewer, null, null, default);
        for (var i = 0; i < 5; i++)
        {
            world.Clock.Advance(TimeSpan.FromMinutes(30));
            Assert.NotNull(await sessions.UseAsync("local:a", used.Id, default));
        }

        Assert.Null(await sessions.UseAsync("local:a", idle.Id, default));
        world.Clock.Advance(TimeSpan.FromMinutes(30));
        Assert.Null(await sessions.UseAsync("local:a", used.Id, default));
        Assert.Empty(await sessions.ListAsync(null, default));

        // The next sign-in clears away what is over.
        await sessions.StartAsync("local:a", "a", "local", Role.Viewer, null, null, default);
        Assert.Single((await world.Tables[Fleet.Storage.Schema.Sessions].PageAsync(Fleet.Storage.KeyRange.Everything, 10, null, default)).Items);
    }

    [Fact]
    public async Task A_token_is_shown_once_listed_limited_to_its_routes_and_revoked()
    {
        var made = await Api.OkAsync("POST", "/api/tokens", """{"name":"inventory","role":"viewer","expiresAt":"2099-01-01T00:00:00Z","routes":["GET /api/nodes*"]}""");
        using var script = new Api(Server.Url, (string)made["token"]!);
        await script.GetAsync("/api/nodes?take=1");
        Assert.Equal("urn:fleet:problem:out-of-scope", (string?)(await script.RefusedAsync(HttpStatusCode.Forbidden, "GET", "/api/queries"))["type"]);
        await script.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/nodes/lookup", """{"identifier":"x"}""");
        await script.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/tokens", """{"name":"more","role":"viewer"}""");
        var listed = (await Api.GetAsync("/api/tokens"))["items"]!.AsArray().Single(token => (string?)token!["name"] == "inventory")!;
        Assert.Null((string?)listed["token"]);
        Assert.NotNull((string?)listed["usedAt"]);
        await Api.OkAsync("DELETE", $"/api/tokens/{(string)listed["id"]!}");
        await script.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");

        foreach (var (body, field) in new[] { ("""{"name":"x","role":"viewer","routes":["FETCH /api/x"]}""", "routes[0]"), ("""{"name":"x","role":"viewer","routes":["/else"]}""", "routes[0]"), ("""{"name":"x","role":"boss"}""", "role"), ("""{"name":"x","role":"viewer","expiresAt":"2001-01-01T00:00:00Z"}""", "expiresAt") })
        {
            Assert.Equal(field, (string?)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/tokens", body))["errors"]![0]!["path"]);
        }
    }

    [Fact]
    public async Task Nobody_makes_a_token_that_may_do_more_than_they_and_each_sees_their_own()
    {
        await AddAsync("ada", Role.Operator);
        using var ada = await BrowserAsync("ada");
        await ada.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/tokens", """{"name":"x","role":"admin"}""");
        await ada.OkAsync("POST", "/api/tokens", """{"name":"mine","role":"viewer"}""");
        Assert.Equal(["mine"], (await ada.GetAsync("/api/tokens"))["items"]!.AsArray().Select(token => (string?)token!["name"]));
        var admins = (await Api.GetAsync("/api/tokens"))["items"]!.AsArray();
        Assert.Contains("mine", admins.Select(token => (string?)token!["name"]));
        await ada.RefusedAsync(HttpStatusCode.NotFound, "DELETE", $"/api/tokens/{(string)admins.Single(token => (string?)token!["name"] == "Admin")!["id"]!}");
    }

    [Fact]
    public async Task Tokens_that_were_made_with_a_token_end_with_their_account_and_their_maker()
    {
        await Api.OkAsync("POST", "/api/users", """{"name":"root","password":"correct horse","role":"admin"}""");
        await AddAsync("eve", Role.Admin);
        using var eve = await BrowserAsync("eve");
        using var first = new Api(Server.Url, (string)(await eve.OkAsync("POST", "/api/tokens", """{"name":"a","role":"admin","expiresAt":"2098-01-01T00:00:00Z"}"""))["token"]!);
        await first.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/tokens", """{"name":"b","role":"admin"}""");
        using var second = new Api(Server.Url, (string)(await first.OkAsync("POST", "/api/tokens", """{"name":"b","role":"admin","expiresAt":"2097-01-01T00:00:00Z"}"""))["token"]!);
        await second.GetAsync("/api/users");

        // One that leaked is revoked, and what was made with it is too; the account's others stay.
        var leaked = await eve.OkAsync("POST", "/api/tokens", """{"name":"leaked","role":"admin"}""");
        using var thief = new Api(Server.Url, (string)leaked["token"]!);
        using var child = new Api(Server.Url, (string)(await thief.OkAsync("POST", "/api/tokens", """{"name":"kid","role":"admin"}"""))["token"]!);
        await eve.OkAsync("DELETE", $"/api/tokens/{(string)leaked["id"]!}");
        foreach (var token in new[] { thief, child }) await token.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/users");
        await second.GetAsync("/api/users");
        await Api.OkAsync("DELETE", "/api/users/eve");
        foreach (var token in new[] { first, second }) await token.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/users");

        // One of the command line has no account; what it made ends with it.
        var made = await Api.OkAsync("POST", "/api/tokens", """{"name":"c","role":"viewer"}""");
        using var third = new Api(Server.Url, (string)made["token"]!);
        var own = (await Api.GetAsync("/api/tokens"))["items"]!.AsArray().Single(token => (string?)token!["name"] == "Admin")!;
        await Server.Services.GetRequiredService<TokenStore>().RemoveAsync((string)own["id"]!, default);
        await third.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");
    }

    [Fact]
    public async Task Many_guesses_at_once_are_as_many_as_one_after_another()
    {
        await AddAsync("bob", Role.Viewer);
        using var stranger = new Api(Server.Url, null);
        var all = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => stranger.SendAsync("POST", "/api/session", $$"""{"username":"b ob","password":"guess{{i}}"}""")));
        Assert.InRange(all.Count(one => one.Status == HttpStatusCode.Unauthorized), 1, 10 * 2);
        Assert.Contains(all, one => one.Status == HttpStatusCode.TooManyRequests);
    }

    [Theory]
    [InlineData("GET /api/nodes*", "GET", "/api/nodes/1/config", true)]
    [InlineData("GET /api/nodes*", "HEAD", "/api/nodes", true)]
    [InlineData("GET /api/nodes*", "PATCH", "/api/nodes/1", false)]
    [InlineData("/api/nodes/*/config", "GET", "/api/nodes/1/config", true)]
    [InlineData("/api/nodes/*/config", "GET", "/api/nodes/1/configs", false)]
    [InlineData("/api/nodes", "GET", "/api/nodes/1", false)]
    [InlineData("POST /api/campaigns", "POST", "/API/campaigns", true)]
    [InlineData("/api/a*a", "GET", "/api/a", false)]
    public void A_route_pattern_means_what_it_says(string pattern, string method, string path, bool matches) => Assert.Equal(matches, RoutePatterns.Matches(pattern, method, path));

    [Fact]
    public async Task An_account_that_is_tried_out_is_throttled_and_a_stranger_is_told_the_same_as_a_known_one()
    {
        await AddAsync("ada", Role.Viewer);
        await AddAsync("grace", Role.Viewer);
        using var first = await new Api(Server.Url, null).Http.PostAsync(new Uri("/api/session", UriKind.Relative), new StringContent("""{"username":"ada","password":"correct horse"}""", null, "application/json"));
        var device = first.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet-device=", StringComparison.Ordinal)).Split(';')[0];
        using var stranger = new Api(Server.Url, null);
        var known = await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"ada","password":"wrong"}""");
        var unknown = await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"nobody","password":"wrong"}""");
        Assert.Equal((string?)known["detail"], (string?)unknown["detail"]);

        // Ten a minute; a minute may begin meanwhile, and they are counted anew.
        var tries = 1;
        while ((await stranger.SendAsync("POST", "/api/session", """{"username":"ada","password":"wrong"}""")).Status != HttpStatusCode.TooManyRequests) Assert.True(++tries <= 20);
        Assert.InRange(tries, 10, 20);
        await stranger.RefusedAsync(HttpStatusCode.TooManyRequests, "POST", "/api/session", """{"username":"Ada","password":"correct horse"}""");
        await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"grace","password":"wrong"}""");

        // Ada's own browser is not locked out by what others try; it opens no other account, and what is tried from it is counted too.
        using var own = new Api(Server.Url, null);
        own.Http.DefaultRequestHeaders.Add("Cookie", device);
        await own.OkAsync("POST", "/api/session", """{"username":"ada","password":"correct horse"}""");
        while ((await stranger.SendAsync("POST", "/api/session", """{"username":"grace","password":"wrong"}""")).Status != HttpStatusCode.TooManyRequests) Assert.True(++tries <= 50);
        await own.RefusedAsync(HttpStatusCode.TooManyRequests, "POST", "/api/session", """{"username":"grace","password":"correct horse"}""");
        var ownTries = 0;
        while ((await own.SendAsync("POST", "/api/session", """{"username":"ada","password":"wrong"}""")).Status != HttpStatusCode.TooManyRequests) Assert.True(++ownTries <= 20);

        using var forged = new Api(Server.Url, null);
        forged.Http.DefaultRequestHeaders.Add("Cookie", device[..^4] + "AAAA");
        await forged.RefusedAsync(HttpStatusCode.TooManyRequests, "POST", "/api/session", """{"username":"ada","password":"correct horse"}""");
    }

    [Fact]
    public async Task Strangers_that_call_without_a_pause_keep_nobody_out_who_signed_in_before()
    {
        await AddAsync("ada", Role.Viewer);
        const string Right = """{"username":"ada","password":"correct horse"}""";
        using var first = await new Api(Server.Url, null).Http.PostAsync(new Uri("/api/session", UriKind.Relative), new StringContent(Right, null, "application/json"));
        var device = first.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet-device=", StringComparison.Ordinal)).Split(';')[0];
        using var stranger = new Api(Server.Url, null);
        using var own = new Api(Server.Url, null);
        own.Http.DefaultRequestHeaders.Add("Cookie", device);

        // A minute may end meanwhile: until both were seen within one.
        for (var left = 3_000; left > 0; left--)
        {
            if ((await stranger.SendAsync("GET", "/api/session")).Status != HttpStatusCode.TooManyRequests) continue;
            await own.OkAsync("POST", "/api/session", Right);
            return;
        }

        Assert.Fail("The strangers were never told to wait.");
    }

    [Fact]
    public async Task An_open_server_is_refused_where_others_could_reach_it_and_serves_only_its_own_names()
    {
        foreach (var (url, allowed, isFine) in new[] { ("https://localhost:0", false, false), ("https://127.0.0.1:0", false, true), ("http://localhost:0", false, true), ("https://0.0.0.0:0", false, false), ("https://fleet.example.org:0", true, true) })
        {
            var settings = new Dictionary<string, string?> { ["Fleet:Auth:Method"] = "none", ["Fleet:Url"] = url, ["Fleet:Auth:AllowOpenManager"] = allowed ? "true" : null };
            var read = Record.Exception(() => Fleet.Hosting.Settings.Read(new Microsoft.Extensions.Configuration.ConfigurationBuilder().Add(new Microsoft.Extensions.Configuration.Memory.MemoryConfigurationSource { InitialData = settings }).Build()));
            Assert.Equal(isFine, read is not SettingsException);
        }

        await using var server = await RunningServer.StartAsync(("Auth:Method", "none"));
        using var anybody = new Api(server.Url, null);
        Assert.Equal(("anonymous", "admin", "open"), await WhoAsync(anybody));
        await anybody.RefusedAsync(HttpStatusCode.Forbidden, "PUT", "/api/queries/q", """{"sql":"select 1"}""");
        anybody.Http.DefaultRequestHeaders.Add("X-Fleet-Csrf", "1");
        await anybody.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        anybody.Http.DefaultRequestHeaders.Host = "evil.example.org";
        await anybody.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/queries");
        Assert.False((bool)(await Api.GetAsync("/api/session/methods"))["open"]!);
    }

    [Fact]
    public async Task Expired_credentials_of_every_kind_are_refused()
    {
        using var soon = await Server.SignInAsync(Role.Admin, TimeSpan.FromMilliseconds(1));
        await soon.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");
        await AddAsync("ada", Role.Viewer);
        using var ada = await BrowserAsync("ada");
        var sessions = Server.Services.GetRequiredService<SessionStore>();
        await sessions.EndAllAsync("local:ada", null, default);
        await ada.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");
    }

    private async Task AddAsync(string name, Role role) => await Server.Services.GetRequiredService<UserStore>().AddAsync(name, Password, role, default);

    private async Task<Api> BrowserAsync(string name, string password = Password) => await Browser.SignInAsync(Server.Url, name, password);

    private static async Task<(string?, string?, string?)> WhoAsync(Api api)
    {
        var who = await api.GetAsync("/api/session");
        return ((string?)who["name"], (string?)who["role"], (string?)who["method"]);
    }
}

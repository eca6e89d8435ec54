using System.Net;
using Fleet.Manager;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

/// <summary>The whole server with a real directory, beside its own accounts.</summary>
public sealed class DirectorySignInTests : IAsyncLifetime
{
    private Slapd _slapd = null!;
    private RunningServer _server = null!;

    public async Task InitializeAsync()
    {
        _slapd = await Slapd.StartAsync();
        _server = await RunningServer.StartAsync(
            ("Auth:Method", "local,ldap"), ("Auth:Ldap:Url", _slapd.Secure.ToString()), ("Auth:Ldap:BaseDn", Slapd.BaseDn), ("Auth:Ldap:Authorities", _slapd.Authority),
            ("Auth:Ldap:BindDn", Slapd.ServiceDn), ("Auth:Ldap:BindPassword", Slapd.ServicePassword),
            ("Auth:Ldap:Admins", Slapd.GroupDn("fleet-admins")), ("Auth:Ldap:Viewers", Slapd.GroupDn("fleet-viewers")));
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _slapd.DisposeAsync();
    }

    [NeedsFact(Slapd.Program)]
    public async Task People_of_the_directory_sign_in_with_the_role_of_their_group_beside_accounts_that_are_kept_here()
    {
        using var ada = await Browser.SignInAsync(_server.Url, "ada", "correct horse");
        var who = await ada.GetAsync("/api/session");
        Assert.Equal(("ada", "admin", "ldap"), ((string?)who["name"], (string?)who["role"], (string?)who["method"]));
        await ada.RefusedAsync(HttpStatusCode.Conflict, "PUT", "/api/session/password", """{"current":"correct horse","password":"battery staple"}""");
        Assert.Equal("ldap", (string?)(await ada.GetAsync("/api/sessions"))["items"]![0]!["method"]);

        // A token of hers ends, and does not make one that ends later.
        await ada.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/tokens", """{"name":"endless","role":"admin"}""");
        using var token = new Api(_server.Url, (string)(await ada.OkAsync("POST", "/api/tokens", Token("first", 1)))["token"]!);
        await token.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/tokens", Token("second", 80 * 24));
        await token.OkAsync("POST", "/api/tokens", Token("third", 0.5));

        await _server.Services.GetRequiredService<UserStore>().AddAsync("kept", "another one", Role.Viewer, default);
        using var kept = await Browser.SignInAsync(_server.Url, "kept", "another one");
        Assert.Equal("local", (string?)(await kept.GetAsync("/api/session"))["method"]);
        using var stranger = new Api(_server.Url, null);
        await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"ada","password":"wrong"}""");
        Assert.Equal("""{"open":false,"password":true,"providers":[]}""", (await stranger.GetAsync("/api/session/methods")).ToJsonString());
    }

    private static string Token(string name, double hours) => $$"""{"name":"{{name}}","role":"admin","expiresAt":"{{DateTimeOffset.UtcNow.AddHours(hours):O}}"}""";

    [NeedsFact(Slapd.Program)]
    public async Task An_account_that_is_kept_here_is_not_opened_by_the_directorys_password_of_the_same_name()
    {
        await _server.Services.GetRequiredService<UserStore>().AddAsync("ada", "another one", Role.Viewer, default);
        using var stranger = new Api(_server.Url, null);
        await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"ada","password":"correct horse"}""");
    }
}

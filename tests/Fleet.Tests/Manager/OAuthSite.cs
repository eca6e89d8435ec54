using System.Net;
using System.Security.Claims;
using Fleet.Manager;
using Fleet.Shared;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fleet.Tests.Manager;

/// <summary>A server with sign-in by OAuth alone, and a browser.</summary>
internal sealed class OAuthSite : IAsyncDisposable
{
    private readonly WebApplication _app;
    private HttpClient _browser = NewBrowser();

    private OAuthSite(WebApplication app) => _app = app;

    public Uri Url => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");

    public static async Task<OAuthSite> StartAsync(OAuthSettings settings, OAuthWelcome? welcome)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(TestCertificate.Instance.Certificate)));
        builder.Services.AddAuthorization().AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme)
            .AddCookie(options => (options.Cookie.Name, options.Cookie.SameSite, options.Cookie.SecurePolicy) = ("fleet", SameSiteMode.Strict, CookieSecurePolicy.Always))
            .AddOAuthSignIn(settings, new([]), CookieAuthenticationDefaults.AuthenticationScheme, welcome ?? WelcomeAsync, TestCertificate.Instance.NewHandler);
        var app = builder.Build();
        app.UseRouting().UseAuthentication().UseAuthorization();
        var api = app.MapGroup("/api");
        api.MapOAuth();
        api.MapGet("/session", (ClaimsPrincipal user) => user.Identity?.IsAuthenticated == true ? $"{user.Identity.Name} {user.FindFirstValue(ClaimTypes.Role)}" : "nobody");
        await app.StartAsync();
        return new(app);
    }

    public Task<HttpResponseMessage> GetAsync(string path) => _browser.GetAsync(new Uri(Url, path));

    public Task<string> WhoAsync() => _browser.GetStringAsync(new Uri(Url, "/api/session"));

    /// <summary>Where the provider is, with the question to it; or the sign-in page.</summary>
    public async Task<Uri> BeginAsync(string provider, string? returnTo = null)
    {
        using var answer = await GetAsync($"/api/session/oauth/{provider}" + (returnTo is null ? "" : "?returnTo=" + Uri.EscapeDataString(returnTo)));
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return new(Url, answer.Headers.Location!);
    }

    /// <summary>Where the provider sends the browser.</summary>
    public async Task<Uri> ConsentAsync(Uri provider)
    {
        using var answer = await _browser.GetAsync(provider);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return answer.Headers.Location!;
    }

    /// <summary>Where the browser ends.</summary>
    public async Task<string> FinishAsync(Uri back)
    {
        using var answer = await _browser.GetAsync(back);
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return answer.Headers.Location!.OriginalString;
    }

    public async Task<string> SignInAsync(string provider, string? returnTo = null)
    {
        var begun = await BeginAsync(provider, returnTo);
        return begun.AbsolutePath == "/sign-in" ? begun.PathAndQuery : await FinishAsync(await ConsentAsync(begun));
    }

    public void ForgetCookies()
    {
        _browser.Dispose();
        _browser = NewBrowser();
    }

    public async ValueTask DisposeAsync()
    {
        _browser.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private static HttpClient NewBrowser()
    {
        var handler = TestCertificate.Instance.NewHandler();
        (handler.UseCookies, handler.AllowAutoRedirect) = (true, false);
        return new(handler);
    }

    private static Task<ClaimsPrincipal?> WelcomeAsync(HttpContext context, OAuthPerson person) => Task.FromResult<ClaimsPrincipal?>(new(new ClaimsIdentity(
        [new Claim(ClaimTypes.Name, person.Email ?? person.Subject), new Claim(ClaimTypes.Role, Fleet.Manager.Roles.NameOf(person.Role))], CookieAuthenticationDefaults.AuthenticationScheme)));
}

using System.Net;
using System.Text.RegularExpressions;
using Fleet.Tests.Support;

namespace Fleet.Tests.Portal;

/// <summary>How the single-page app reaches browsers, and nothing else does.</summary>
public sealed partial class PortalTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private HttpClient _browser = null!;

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartAsync();
        _browser = BrowserOf(_server);
    }

    public async Task DisposeAsync()
    {
        _browser.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/nodes")]
    [InlineData("/nodes/0123456789abcdef0123456789abcdef")]
    [InlineData("/rules/+new?query=processes")]
    [InlineData("/device/token")]
    [InlineData("/enroll-link/token")]
    public async Task A_browser_gets_the_page_wherever_it_goes(string path)
    {
        using var answer = await _browser.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
        Assert.Contains("<div id=\"root\">", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("no-cache", answer.Headers.CacheControl!.ToString());
    }

    [Fact]
    public async Task The_page_has_no_script_of_its_own_and_asks_nobody_else()
    {
        using var answer = await _browser.GetAsync("/");
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'self'; script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        var page = await answer.Content.ReadAsStringAsync();
        Assert.All(Script().Matches(page), script => Assert.Matches("src=\"/assets/[^\"]+\"[^>]*></script>", script.Value));
        Assert.DoesNotContain("://", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_files_are_compressed_and_kept_for_good()
    {
        var script = Asset().Match(await _browser.GetStringAsync(new Uri("/", UriKind.Relative))).Value;
        using var request = new HttpRequestMessage(HttpMethod.Get, script);
        request.Headers.AcceptEncoding.ParseAdd("gzip");
        using var answer = await _browser.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, "gzip"), (answer.StatusCode, answer.Content.Headers.ContentEncoding.Single()));
        Assert.Contains("immutable", answer.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_not_the_page()
    {
        using var answer = await _browser.GetAsync("/assets/old-1234.js");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("/enroll")]
    [InlineData("/config")]
    [InlineData("/log")]
    [InlineData("/distributed/read")]
    [InlineData("/carve/start")]
    public async Task What_agents_call_is_never_the_page(string path)
    {
        using var answer = await _browser.GetAsync(path);
        Assert.NotEqual("text/html", answer.Content.Headers.ContentType?.MediaType);
        Assert.Contains("error", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_agent_that_goes_astray_is_told_so_and_not_shown_a_page()
    {
        using var agent = new Api(_server.Url, null);
        Assert.Equal(HttpStatusCode.NotFound, (await agent.SendAsync("GET", "/v1/x")).Status);
        Assert.NotNull((await agent.SendAsync("POST", "/nodes", "{}")).Json!["error"]);
    }

    [Fact]
    public async Task A_browser_that_asks_the_API_for_what_is_not_there_gets_a_problem()
    {
        using var answer = await _browser.GetAsync("/api/nothing");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
    }

    [Fact]
    public async Task Links_that_are_handed_out_answer_scripts_in_JSON()
    {
        using var script = new Api(_server.Url, null);
        await script.RefusedAsync(HttpStatusCode.NotFound, "GET", "/device/token");
        await script.RefusedAsync(HttpStatusCode.NotFound, "GET", "/enroll-link/token");
    }

    [Fact]
    public async Task Monitors_that_ask_for_the_head_alone_get_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, "/");
        using var answer = await _browser.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Where_the_manager_is_switched_off_there_is_no_portal()
    {
        await using var server = await RunningServer.StartAsync(("Manager:Enabled", "false"));
        using var browser = BrowserOf(server);
        using var root = await browser.GetAsync("/");
        using var page = await browser.GetAsync("/nodes");
        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NotFound), (root.StatusCode, page.StatusCode));
    }

    private static HttpClient BrowserOf(RunningServer server)
    {
        var browser = new HttpClient { BaseAddress = server.Url };
        browser.DefaultRequestHeaders.Accept.ParseAdd("text/html,application/xhtml+xml,*/*;q=0.8");
        return browser;
    }

    [GeneratedRegex("<script.*?</script>", RegexOptions.Singleline)]
    private static partial Regex Script();

    [GeneratedRegex("/assets/index-[^\"]+\\.js")]
    private static partial Regex Asset();
}

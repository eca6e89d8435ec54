using Microsoft.Playwright;

namespace Fleet.EndToEnd.Portal;

/// <summary>The program with a browser before it.</summary>
internal sealed class PortalUnderTest : IAsyncDisposable
{
    public const string Password = "correct horse battery";

    private readonly Chromium _chromium;
    private readonly List<IBrowserContext> _windows = [];

    private PortalUnderTest(Chromium chromium, ProgramUnderTest fleet) => (_chromium, Fleet) = (chromium, fleet);

    public ProgramUnderTest Fleet { get; }

    /// <summary>A server without anything, and an admin called <c>admin</c>.</summary>
    public static async Task<PortalUnderTest> StartAsync(Chromium chromium, params (string Name, string Value)[] environment)
    {
        var fleet = new ProgramUnderTest([("FLEET_ADMIN_PASSWORD", Password), ("Fleet__Limits__CallsPerMinute", "100000"), .. environment]);
        await fleet.StartAsync();
        await fleet.SignInAsync();
        return new(chromium, fleet);
    }

    /// <summary>A window of its own, which nobody has signed in with.</summary>
    public async Task<IPage> WindowAsync(ColorScheme scheme = ColorScheme.Light, int width = 1400, int height = 950)
    {
        var window = await _chromium.OpenAsync(Fleet.Url, scheme, width, height);
        _windows.Add(window);
        return await window.NewPageAsync();
    }

    /// <summary>A window in which somebody is signed in, at a page.</summary>
    public async Task<IPage> SignedInAsync(string path = "/", string name = "admin", ColorScheme scheme = ColorScheme.Light, int width = 1400, int height = 950)
    {
        var page = await WindowAsync(scheme, width, height);
        await page.GotoAsync(path);
        await SignInAsync(page, name);
        await page.Locator("#page-title").WaitForAsync();
        return page;
    }

    public static async Task SignInAsync(IPage page, string name = "admin", string password = Password)
    {
        var form = page.Locator("form.signin");
        await form.GetByLabel("Name").FillAsync(name);
        await form.GetByLabel("Password").FillAsync(password);
        await form.GetByRole(AriaRole.Button, new() { Name = "Sign in", Exact = true }).ClickAsync();
    }

    /// <summary>Somebody with another role, with the same password.</summary>
    public Task AddAsync(string name, string role) => Fleet.SendAsync("POST", "/api/users", $$"""{"name":"{{name}}","password":"{{Password}}","role":"{{role}}"}""");

    public static async Task SignOutAsync(IPage page)
    {
        await page.GetByRole(AriaRole.Button, new() { Name = "Account of admin" }).ClickAsync();
        await page.GetByRole(AriaRole.Menuitem, new() { Name = "Sign out" }).ClickAsync();
        await page.WaitForURLAsync(address => new Uri(address).PathAndQuery == "/");
        await page.GetByRole(AriaRole.Heading, new() { Name = "Sign in to Fleet" }).WaitForAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // A window that does not close must not keep all tests waiting.
        foreach (var window in _windows) await window.CloseAsync().WaitAsync(TimeSpan.FromSeconds(30));
        await Fleet.DisposeAsync();
    }
}

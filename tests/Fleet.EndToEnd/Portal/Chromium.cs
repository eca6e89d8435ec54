using Fleet.Shared;
using Microsoft.Playwright;

namespace Fleet.EndToEnd.Portal;

/// <summary>Debian's Chromium, started once for all tests of the portal; they take turns.</summary>
[CollectionDefinition(Name)]
public sealed class Chromium : IAsyncLifetime, ICollectionFixture<Chromium>
{
    public const string Name = "portal";
    public const string Program = "/usr/bin/chromium";

    /// <summary>No sandbox for root, as in containers; nothing that would ask for a network.</summary>
    private static readonly string[] s_flags =
        ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (Programs.ReasonToSkip(Program) is not null) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = s_flags });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.CloseAsync();
        _playwright?.Dispose();
    }

    /// <summary>A window of somebody who has none of the others' cookies.</summary>
    internal async Task<IBrowserContext> OpenAsync(Uri server, ColorScheme scheme = ColorScheme.Light, int width = 1400, int height = 950)
    {
        var context = await _browser!.NewContextAsync(new()
        {
            BaseURL = server.ToString(),
            ColorScheme = scheme,
            ViewportSize = new() { Width = width, Height = height },
            IgnoreHTTPSErrors = true, // the server's certificate is its own
            Locale = "en-GB",
            TimezoneId = "Europe/Berlin",
            AcceptDownloads = true,
        });
        context.SetDefaultTimeout(30_000);
        return context;
    }
}

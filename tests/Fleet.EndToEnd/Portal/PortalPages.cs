using System.Text.Json;
using Fleet.Shared;
using Microsoft.Playwright;

namespace Fleet.EndToEnd.Portal;

/// <summary>Every page as it looks: held to WCAG by axe-core, and written as pictures to <c>artifacts/screenshots</c> for a person to look at.</summary>
[Collection(Chromium.Name)]
public sealed class PortalPages(Chromium chromium)
{
    /// <summary>Pages under a name for their pictures. What is in braces is the first of its kind.</summary>
    private static readonly string[] s_pages =
    [
        "/", "/nodes", "/nodes/{nodes}", "/nodes/{nodes}?tab=config", "/nodes/{nodes}?tab=results", "/nodes/{nodes}?tab=logs", "/nodes/{nodes}?tab=alerts", "/nodes/{nodes}?tab=activity",
        "/tags", "/tags/demo", "/enrollment", "/live?sql=select+*+from+processes", "/campaigns", "/campaigns?tab=schedules", "/campaigns/{campaigns}", "/campaigns/{campaigns}?tab=about", "/carves",
        "/queries", "/queries/uptime", "/queries/+new", "/packs", "/packs?import=1", "/packs/demo", "/file-paths", "/file-paths/etc", "/options", "/options/base",
        "/results", "/reports", "/reports/pack%2Fdemo%2Fprocesses", "/status-logs", "/sinks", "/alerts", "/alerts/{alerts}", "/rules", "/rules/demo", "/rules/quiet", "/rules/+new", "/mutes", "/alerters", "/dead-letters",
        "/people", "/tokens", "/audit", "/health", "/settings", "/account", "/about", "/nothing-here",
    ];

    private static readonly string s_axe = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "tests", "node_modules", "axe-core", "axe.min.js"));

    [NeedsTheory(Chromium.Program)]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Every_page_with_something_on_it_is_for_everyone(ColorScheme scheme)
    {
        await using var fleet = new ProgramUnderTest(("FLEET_ADMIN_PASSWORD", PortalUnderTest.Password), ("Fleet__Limits__CallsPerMinute", "100000"), ("Fleet__Transparency__Enabled", "true"));
        await fleet.StartDemoAsync(24);
        await fleet.SignInAsync();
        await FurnishAsync(fleet);
        var first = new Dictionary<string, string>();
        foreach (var kind in new[] { "nodes", "campaigns", "alerts" })
        {
            await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/" + kind)).Count > 0, () => fleet.Output);
            first[kind] = (string)(await fleet.ListAsync("/api/" + kind))[0]["id"]!;
        }

        await fleet.SendAsync("POST", $"/api/alerts/{first["alerts"]}/acknowledge", """{"note":"looking into it"}""");

        var open = await OpenPagesAsync(fleet, first["nodes"]);
        await LookAsync(fleet, scheme, "full", [.. s_pages.Select(path => (path, first.Aggregate(path, (text, pair) => text.Replace($"{{{pair.Key}}}", pair.Value, StringComparison.Ordinal)))), .. open]);
    }

    [NeedsFact(Chromium.Program)]
    public async Task Every_page_of_a_server_that_is_new_teaches_the_next_step()
    {
        await using var fleet = new ProgramUnderTest(("FLEET_ADMIN_PASSWORD", PortalUnderTest.Password), ("Fleet__Limits__CallsPerMinute", "100000"));
        await fleet.StartAsync();
        await LookAsync(fleet, ColorScheme.Light, "empty", [.. s_pages.Where(path => !path.Contains('{', StringComparison.Ordinal) && path is not ("/tags/demo" or "/packs/demo" or "/queries/uptime" or "/file-paths/etc" or "/options/base" or "/rules/demo" or "/rules/quiet")).Select(path => (path, path))]);
    }

    [NeedsFact(Chromium.Program)]
    public async Task The_first_page_weighs_little_and_comes_from_one_place()
    {
        await using var fleet = new ProgramUnderTest(("FLEET_ADMIN_PASSWORD", PortalUnderTest.Password));
        await fleet.StartAsync();
        await using var window = await chromium.OpenAsync(fleet.Url);
        var page = await window.NewPageAsync();
        var elsewhere = new List<string>();
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: "https" or "http" } url && url.Authority != fleet.Url.Authority) elsewhere.Add(request.Url);
        };
        await page.GotoAsync("/");
        await PortalUnderTest.SignInAsync(page);
        await page.Locator("#page-title").WaitForAsync();
        await SettleAsync(page);
        var files = await page.EvaluateAsync<string[]>("() => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname).filter((path) => path.startsWith('/assets/'))");
        var weights = await Task.WhenAll(files.Select(file => WeightAsync(fleet, file)));
        Assert.InRange(weights.Sum(), 50_000, 300_000);
        Assert.Empty(elsewhere);
    }

    /// <summary>As browsers get it that know gzip alone.</summary>
    private static async Task<long> WeightAsync(ProgramUnderTest fleet, string file) => (await fleet.TryBytesAsync(file, ("Accept-Encoding", "gzip"))).Length;

    /// <summary>What is there besides the demo's machines, so that no page is bare.</summary>
    private static async Task FurnishAsync(ProgramUnderTest fleet)
    {
        await fleet.SendAsync("PUT", "/api/queries/uptime", """{"sql":"select * from uptime","interval":3600,"tags":["demo"],"description":"How long machines are up"}""");
        await fleet.SendAsync("PUT", "/api/file-paths/etc", """{"paths":["/etc/%%"],"tags":["demo"]}""");
        await fleet.SendAsync("PUT", "/api/options/base", """{"config":{"options":{"schedule_splay_percent":10}},"tags":["demo"]}""");
        await fleet.SendAsync("PUT", "/api/alerters/on-call", """{"type":"webhook","url":"https://pager.example.org/fleet","secret":"shared"}""");
        await fleet.SendAsync("POST", "/api/rules", """{"name":"A shell that nobody started","severity":"medium","conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/demo/processes"},{"condition":"OR","not":true,"rules":[{"field":"column","operator":"column_is_not_empty","value":["cmdline"]}]}]}}""");
        await fleet.SendAsync("PUT", "/api/alerters/mail", """{"type":"email","server":"smtp://mail.example.org","from":"fleet@example.org","to":"ada@example.org","minimumSeverity":"high","digestEvery":"1h","everyRule":true}""");
        await fleet.SendAsync("PUT", "/api/rules/quiet", """{"name":"$node says nothing","severity":"high","absence":{"kind":"quiet","for":"2h"},"alerters":["on-call"],"escalate":{"after":"30m","alerters":["mail"]},"resolveAfter":"7d"}""");
        await fleet.SendAsync("PUT", "/api/sinks/archive", """{"type":"file","path":"results.ndjson","queries":["pack/*"],"statusLogs":true,"minimumSeverity":1}""");
        await fleet.SendAsync("PUT", "/api/sinks/siem", """{"type":"splunk","url":"http://127.0.0.1:9/","secret":"token","tags":["demo"]}""");
        await fleet.SendAsync("POST", "/api/mutes", """{"to":"2099-01-01T04:00:00Z","reason":"The database moves","tags":["db"]}""");
        await fleet.SendAsync("POST", "/api/users", $$"""{"name":"ada","password":"{{PortalUnderTest.Password}}","role":"operator"}""");
        await fleet.SendAsync("POST", "/api/tokens", """{"name":"nightly export","role":"viewer","routes":["GET /api/results/export"]}""");
        await fleet.SendAsync("POST", "/api/enroll-secrets", """{"label":"new laptops","tags":["laptop"],"maxUses":50}""");
    }

    /// <summary>Pages for people without an account.</summary>
    private static async Task<(string Name, string Path)[]> OpenPagesAsync(ProgramUnderTest fleet, string node) =>
    [
        ("device", (string)(await fleet.SendAsync("POST", $"/api/nodes/{node}/device-link", "{}"))["path"]!),
        ("enroll-link", (string)(await fleet.SendAsync("POST", "/api/enroll-links", "{}"))["path"]!),
    ];

    private async Task LookAsync(ProgramUnderTest fleet, ColorScheme scheme, string state, IReadOnlyList<(string Name, string Path)> pages)
    {
        var folder = Path.Combine(RepositoryRoot.Path, "artifacts", "screenshots");
        Directory.CreateDirectory(folder);
        await using var window = await chromium.OpenAsync(fleet.Url, scheme);
        var page = await window.NewPageAsync();
        var faults = new List<string>();
        page.PageError += (_, fault) => faults.Add($"{page.Url}: {fault}");
        await page.GotoAsync("/");
        await page.Locator("#sign-in").WaitForAsync();
        await CheckAsync("sign-in");
        await PortalUnderTest.SignInAsync(page);
        await page.Locator("#page-title").WaitForAsync();
        foreach (var (name, path) in pages)
        {
            await page.GotoAsync(path);
            await CheckAsync(name);
        }

        Assert.True(faults.Count == 0, string.Join("\n", faults));

        async Task CheckAsync(string name)
        {
            await SettleAsync(page);
            faults.AddRange(await ViolationsAsync(page, name));
            var file = name == "/" ? "dashboard" : string.Join('_', name.Split(['/', '{', '}', '?', '=', '%'], StringSplitOptions.RemoveEmptyEntries));
            foreach (var (size, width) in new[] { ("narrow", 390), ("wide", 1400) })
            {
                await page.SetViewportSizeAsync(width, 900);
                await page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{file}.{state}.{(scheme == ColorScheme.Light ? "light" : "dark")}.{size}.png") });
            }
        }
    }

    /// <summary>Until the page shows what it has to show.</summary>
    private static async Task SettleAsync(IPage page)
    {
        await page.Locator("h1").First.WaitForAsync();
        await page.WaitForFunctionAsync("() => !document.querySelector('.loading, .table-waiting, [role=progressbar].fui-Spinner')");
    }

    private static async Task<IEnumerable<string>> ViolationsAsync(IPage page, string path)
    {
        await page.EvaluateAsync("(source) => { if (!window.axe) (0, eval)(source); }", s_axe);

        // Fluent's focus guards are hidden on purpose, and hand focus on as soon as they get it.
        var violations = await page.EvaluateAsync<JsonElement>("""
            () => axe.run({ exclude: ["[data-tabster-dummy]"] }, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
              .then((result) => result.violations.map((one) => `${one.id}: ${one.help} at ${one.nodes.slice(0, 3).map((node) => node.target.join(" ") + " " + node.failureSummary).join(" | ")}`))
            """);
        return violations.EnumerateArray().Select(one => $"{path}: {one.GetString()}");
    }
}

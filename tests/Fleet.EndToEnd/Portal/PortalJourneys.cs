using System.Text.Json.Nodes;
using Fleet.Swarm;
using Fleet.Shared;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Fleet.EndToEnd.Portal;

/// <summary>What people do in the portal, with a real browser, the built program and simulated agents.</summary>
[Collection(Chromium.Name)]
public sealed class PortalJourneys(Chromium chromium)
{
    private const string Pack = """
        # a pack as osquery's makers write them
        {"queries": {"shells": {"query": "select * from \
          users", "interval": 60}, "listening": {"query": "select pid, port from listening_ports", "interval": 600}}}
        """;

    [NeedsFact(Chromium.Program)]
    public async Task Signing_in_leads_to_where_one_wanted_to_go_and_a_wrong_password_is_told()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var page = await portal.WindowAsync();
        await page.GotoAsync("/tags?q=prod");
        await PortalUnderTest.SignInAsync(page, password: "wrong password");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("wrong");
        await PortalUnderTest.SignInAsync(page);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Tags" })).ToBeVisibleAsync();
        Assert.EndsWith("/tags?q=prod", page.Url, StringComparison.Ordinal);

        await PortalUnderTest.SignOutAsync(page);
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_refusal_by_a_provider_is_told_in_words()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var page = await portal.WindowAsync();
        await page.GotoAsync("/sign-in?error=not-allowed");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("not welcome here");
        await PortalUnderTest.SignInAsync(page);
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Dashboard" })).ToBeVisibleAsync();
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_pack_is_dropped_looked_at_imported_and_given_to_a_node_whose_configuration_changes()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var agent = portal.Fleet.Agent(1);
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.Empty(agent.Config.Json["packs"]!.AsObject());

        var page = await portal.SignedInAsync("/packs?import=1");
        await page.GetByLabel("A pack file").SetInputFilesAsync(new FilePayload { Name = "base.conf", MimeType = "application/json", Buffer = System.Text.Encoding.UTF8.GetBytes(Pack) });
        await Expect(page.GetByText("packs base")).ToBeVisibleAsync();
        Assert.Empty(await portal.Fleet.ListAsync("/api/packs"));
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Tags of what is imported" }).FillAsync("prod");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByRole(AriaRole.Button, new() { Name = "Import", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "base", Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Table)).ToContainTextAsync("listening");

        await page.GetByRole(AriaRole.Link, new() { Name = "Nodes", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Table, new() { Name = "Nodes" }).GetByRole(AriaRole.Link).First.ClickAsync();
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Tags of this node" }).FillAsync("prod");
        await page.Keyboard.PressAsync("Enter");
        await Expect(Toast(page, "The tags were changed")).ToBeVisibleAsync();
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.NotNull(agent.Config.Json["packs"]!["base"]!["queries"]!["shells"]);
        await page.GetByRole(AriaRole.Tab, new() { Name = "Configuration" }).ClickAsync();
        await Expect(page.GetByText("listening_ports").First).ToBeVisibleAsync();

        // What was done can be taken back from where it was told.
        await page.GetByRole(AriaRole.Button, new() { Name = "Undo" }).First.ClickAsync();
        await Expect(Toast(page, "Undone")).ToBeVisibleAsync();
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.Empty(agent.Config.Json["packs"]!.AsObject());
    }

    [NeedsFact(Chromium.Program)]
    public async Task Two_hundred_machines_are_asked_and_their_rows_stream_in_for_everyone_who_looks()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var agents = Enumerable.Range(0, 200).Select(number => portal.Fleet.Agent(number, keepAlive: true)).ToList();
        await Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (agent, ct) => Assert.True(await agent.EnrollAsync(ct)));

        var page = await portal.SignedInAsync("/live");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "SQL" }).FillAsync("select username, shell from users");
        await Expect(page.GetByText("Valid", new() { Exact = true })).ToBeVisibleAsync();
        await Expect(page.GetByText("200 nodes").Or(page.GetByText("200", new() { Exact = true })).First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Run", Exact = true }).ClickAsync();
        await Expect(Counter(page, "targeted")).ToHaveTextAsync("200 targeted");

        // Half of them answer, and the page has their rows before the others have been asked.
        await AnswerAsync(agents[..100]);
        await Expect(Counter(page, "answered")).ToHaveTextAsync("100 answered");
        await Expect(page.GetByRole(AriaRole.Table, new() { Name = "Rows" }).GetByRole(AriaRole.Row).Nth(5)).ToBeVisibleAsync();

        // Who has not answered is a list behind its number.
        await Counter(page, "waiting").ClickAsync();
        await Expect(page.GetByText("100 nodes", new() { Exact = true })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Tab, new() { NameRegex = new("^Rows") }).ClickAsync();

        // Somebody else opens the same address, and misses nothing.
        await portal.AddAsync("ada", "viewer");
        var other = await portal.SignedInAsync(new Uri(page.Url).PathAndQuery, "ada");
        await Expect(Counter(other, "answered")).ToHaveTextAsync("100 answered");
        await AnswerAsync(agents[100..]);
        foreach (var window in new[] { page, other }) await Expect(Counter(window, "answered")).ToHaveTextAsync("200 answered");
        await Expect(page.GetByText("Complete")).ToBeVisibleAsync();

        // The table holds what the server holds, and so does the file.
        var rows = await RowCountAsync(page);
        await page.GetByRole(AriaRole.Button, new() { Name = "Export" }).ClickAsync();
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Menuitem, new() { Name = "CSV" }).ClickAsync());
        var lines = await File.ReadAllLinesAsync(await download.PathAsync());
        Assert.Equal(rows, lines.Length - 1);
        Assert.Contains("username", lines[0], StringComparison.Ordinal);

        // The question can be kept, by who may.
        await Expect(other.GetByRole(AriaRole.Button, new() { Name = "Run again" })).Not.ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "More" }).ClickAsync();
        await page.GetByRole(AriaRole.Menuitem, new() { Name = "Save as query" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Name").FillAsync("accounts");
        await page.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).ClickAsync();
        await Expect(Toast(page, "accounts was made")).ToBeVisibleAsync();
        Assert.Single(await portal.Fleet.ListAsync("/api/queries"));
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_nested_rule_is_built_tried_and_raises_its_alert()
    {
        await using var pager = await Pager.StartAsync();
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var page = await portal.SignedInAsync("/alerters");

        // An alerter by the form that the server describes, and what comes back when it is tried.
        await page.GetByRole(AriaRole.Button, new() { Name = "New alerter" }).First.ClickAsync();
        var form = page.GetByRole(AriaRole.Dialog);
        await form.GetByRole(AriaRole.Textbox, new() { Name = "Name" }).FillAsync("pager");
        await form.GetByLabel("Kind").SelectOptionAsync("webhook");
        await form.GetByLabel("Address").FillAsync(pager.Url);
        await form.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        var card = page.Locator("section", new() { Has = page.GetByRole(AriaRole.Heading, new() { Name = "pager" }) });
        await card.GetByRole(AriaRole.Button, new() { Name = "Send a test alert" }).ClickAsync();
        await Expect(card.GetByText("It took it.")).ToBeVisibleAsync();
        Assert.Single(pager.Pages);

        await page.GotoAsync("/rules/+new?query=processes");
        await page.GetByLabel("Name", new() { Exact = false }).First.FillAsync("miner");
        await page.GetByRole(AriaRole.Combobox, new() { Name = "Alerters" }).ClickAsync();
        await page.GetByRole(AriaRole.Menuitemcheckbox, new() { Name = "pager" }).ClickAsync();
        await page.Keyboard.PressAsync("Escape");
        await page.GetByLabel("Column", new() { Exact = true }).PressSequentiallyAsync("on_disk");
        await page.GetByLabel("Value").Nth(1).FillAsync("0");
        await page.GetByRole(AriaRole.Button, new() { Name = "+ Group" }).ClickAsync();
        var group = page.Locator(".ruleGroup .ruleGroup");
        await group.GetByLabel("How the group's conditions join").SelectOptionAsync("or");
        await group.GetByRole(AriaRole.Button, new() { Name = "+ Condition" }).ClickAsync();
        foreach (var (i, path) in new[] { (0, "/tmp/"), (1, "/dev/shm/") })
        {
            var rule = group.Locator(".rule").Nth(i);
            await rule.GetByLabel("Field").SelectOptionAsync("column");
            await rule.GetByLabel("Operator").SelectOptionAsync("begins_with");
            await rule.GetByLabel("Column").FillAsync("path");
            await rule.GetByLabel("Value").PressSequentiallyAsync(path);
        }

        // It is tried on a line before it is saved; each condition says whether it holds.
        await page.GetByRole(AriaRole.Button, new() { Name = "write one" }).ClickAsync();
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Line to try the rule on" }).FillAsync("""{"name":"processes","columns":{"path":"/tmp/.x/miner","on_disk":"1"}}""");
        await Expect(page.GetByText("The line does not match.")).ToBeVisibleAsync();
        await Expect(page.Locator(".conditions .match")).ToHaveCountAsync(2);
        await page.GetByRole(AriaRole.Textbox, new() { Name = "Line to try the rule on" }).FillAsync("""{"name":"processes","columns":{"path":"/tmp/.x/miner","on_disk":"0"}}""");
        await Expect(page.GetByText("The line matches")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "miner" })).ToBeVisibleAsync();

        var agent = portal.Fleet.Agent(4);
        agent.LogRows("processes", "added", [new JsonObject { ["path"] = "/usr/bin/ls", ["on_disk"] = "1" }, new JsonObject { ["path"] = "/dev/shm/miner", ["on_disk"] = "0" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await page.GetByRole(AriaRole.Link, new() { Name = "Its alerts" }).ClickAsync();
        await page.GetByRole(AriaRole.Table, new() { Name = "Alerts" }).GetByRole(AriaRole.Link, new() { Name = "miner" }).ClickAsync(new() { Timeout = 60_000 });
        await Expect(page.GetByText("/dev/shm/miner").First).ToBeVisibleAsync();
        await Expect(page.Locator("dd .match")).ToHaveCountAsync(2);
        await Expect(page.GetByRole(AriaRole.Table, new() { Name = "Deliveries" })).ToContainTextAsync("delivered", new() { IgnoreCase = true });
        Assert.Equal(2, pager.Pages.Count);

        // Somebody takes care of it, says why it is over, and the pager is told.
        await page.GetByRole(AriaRole.Button, new() { Name = "Acknowledge" }).ClickAsync();
        await Expect(page.GetByText("by admin").First).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Resolve…" }).ClickAsync();
        await page.GetByLabel("Why").FillAsync("It was a test of ours.");
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new() { Name = "Resolve" }).ClickAsync();
        await Expect(page.GetByText("It was a test of ours.")).ToBeVisibleAsync();
        await Eventually.TrueAsync(() => Task.FromResult(pager.Pages.Count == 4), () => string.Join('\n', pager.Pages));

        // Over what was stored the rule finds the same again.
        await page.GetByRole(AriaRole.Link, new() { Name = "Change it" }).ClickAsync();
        await Eventually.TrueAsync(
            async () =>
            {
                await page.GetByRole(AriaRole.Button, new() { Name = "Last hour" }).ClickAsync();
                var said = page.GetByText("which would have been");
                await Expect(said).ToBeVisibleAsync();
                return (await said.TextContentAsync())!.StartsWith("1 match on 1 node, which would have been 1 alert", StringComparison.Ordinal);
            },
            () => "the line is not in the index");
    }

    [NeedsFact(Chromium.Program)]
    public async Task Nodes_that_are_filtered_are_what_the_CSV_holds()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        foreach (var number in Enumerable.Range(0, 6)) Assert.True(await portal.Fleet.Agent(number, portal.Fleet.Secret + (number < 2 ? ":lab" : "")).EnrollAsync(default));
        var page = await portal.SignedInAsync("/nodes?tag=lab");
        await Expect(page.GetByText("2 nodes", new() { Exact = true })).ToBeVisibleAsync();
        var download = await page.RunAndWaitForDownloadAsync(() => page.GetByRole(AriaRole.Link, new() { Name = "CSV" }).ClickAsync());
        Assert.Equal(3, (await File.ReadAllLinesAsync(await download.PathAsync())).Length);
    }

    [NeedsFact(Chromium.Program)]
    public async Task Many_nodes_are_changed_at_once_after_a_look_at_what_that_does()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        foreach (var number in Enumerable.Range(0, 5)) Assert.True(await portal.Fleet.Agent(number).EnrollAsync(default));
        var page = await portal.SignedInAsync("/nodes");
        await Expect(page.GetByText("5 nodes", new() { Exact = true })).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Checkbox, new() { Name = "Select what is shown" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Change 5 nodes" }).ClickAsync();
        var dialog = page.GetByRole(AriaRole.Dialog);
        await dialog.GetByRole(AriaRole.Combobox, new() { Name = "Tags to add" }).FillAsync("fleetwide");
        await page.Keyboard.PressAsync("Enter");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "See what would change" }).ClickAsync();
        await Expect(dialog.GetByText("Of 5 nodes 5 would change")).ToBeVisibleAsync();
        Assert.Empty(await portal.Fleet.ListAsync("/api/nodes?tag=fleetwide"));
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Change 5 nodes" }).ClickAsync();
        await Expect(Toast(page, "5 nodes were changed")).ToBeVisibleAsync();
        Assert.Equal(5, (await portal.Fleet.ListAsync("/api/nodes?tag=fleetwide")).Count);
    }

    [NeedsFact(Chromium.Program)]
    public async Task What_a_role_may_not_is_hidden_and_refused()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        await portal.AddAsync("ada", "viewer");
        var page = await portal.SignedInAsync("/rules", "ada");
        await Expect(page.GetByText("There are no rules yet")).ToBeVisibleAsync();
        await Expect(page.GetByRole(AriaRole.Button, new() { Name = "New rule" })).ToHaveCountAsync(0);
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "People" })).ToHaveCountAsync(0);
        await Expect(page.GetByRole(AriaRole.Link, new() { Name = "Live query" })).ToHaveCountAsync(0);

        var status = await page.EvaluateAsync<int>("""() => fetch("/api/queries/q", { method: "PUT", headers: { "X-Fleet-Csrf": "1", "Content-Type": "application/json" }, body: '{"sql":"select 1"}' }).then((answer) => answer.status)""");
        Assert.Equal(403, status);
        await page.GotoAsync("/people");
        await Expect(page.GetByText("needs the role").Or(page.GetByText("Not for your role")).First).ToBeVisibleAsync();
        await page.GotoAsync("/live");
        await Expect(page.GetByText("Not for your role")).ToBeVisibleAsync();
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_session_that_ends_is_told_and_one_goes_on_where_one_was()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var page = await portal.SignedInAsync("/queries/+new");
        await page.GetByLabel("Name", new() { Exact = false }).First.FillAsync("half-written");
        foreach (var session in await portal.Fleet.ListAsync("/api/sessions?all=true")) await portal.Fleet.SendAsync("DELETE", $"/api/sessions/{session["id"]}");
        await page.GetByRole(AriaRole.Textbox, new() { Name = "SQL" }).FillAsync("select 1 from uptime");
        await Expect(page.GetByText("Your session has ended")).ToBeVisibleAsync();
        await PortalUnderTest.SignInAsync(page);

        // What was typed is still there, and can be saved.
        await page.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "half-written" })).ToBeVisibleAsync();
        Assert.Equal("select 1 from uptime", (string?)(await portal.Fleet.GetAsync("/api/queries/half-written"))["sql"]);
    }

    [NeedsFact(Chromium.Program)]
    public async Task Of_two_tabs_that_change_the_same_query_the_later_is_told_and_overwrites_nothing()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        await portal.Fleet.SendAsync("PUT", "/api/queries/uptime", """{"sql":"select * from uptime","interval":60,"tags":["a"]}""");
        var first = await portal.SignedInAsync("/queries/uptime");
        var second = await first.Context.NewPageAsync();
        await second.GotoAsync("/queries/uptime");
        await second.GetByLabel("Interval, seconds").WaitForAsync();
        foreach (var (tab, interval) in new[] { (first, "120"), (second, "240") }) await tab.GetByLabel("Interval, seconds").FillAsync(interval);
        await first.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).ClickAsync();
        await Expect(Toast(first, "uptime is saved")).ToBeVisibleAsync();
        await second.GetByRole(AriaRole.Button, new() { Name = "Save", Exact = true }).ClickAsync();
        await Expect(second.GetByRole(AriaRole.Alert)).ToBeVisibleAsync();
        Assert.Equal(120, (int)(await portal.Fleet.GetAsync("/api/queries/uptime"))["interval"]!);

        // Signing out in one signs out the other.
        await PortalUnderTest.SignOutAsync(first);
        await Expect(second.GetByRole(AriaRole.Heading, new() { Name = "Sign in to Fleet" })).ToBeVisibleAsync();
    }

    [NeedsFact(Chromium.Program)]
    public async Task The_palette_goes_to_anything_by_the_keyboard_alone()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        await portal.Fleet.SendAsync("PUT", "/api/queries/uptime", """{"sql":"select * from uptime","interval":60}""");
        var page = await portal.SignedInAsync("/");
        await page.Keyboard.PressAsync("Control+k");
        await Expect(page.GetByRole(AriaRole.Combobox, new() { Name = "Find anything" })).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("uptime");
        await Expect(page.GetByRole(AriaRole.Option, new() { Name = "uptime" })).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "uptime" })).ToBeVisibleAsync();
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_machine_enrolls_by_the_line_that_a_link_shows_to_somebody_without_an_account()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium);
        var page = await portal.SignedInAsync("/enrollment");
        await page.GetByRole(AriaRole.Button, new() { Name = "New enroll link" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByLabel("Label").FillAsync("laptops");
        await page.GetByRole(AriaRole.Button, new() { Name = "Make it" }).ClickAsync();
        var link = await page.GetByLabel("the link").First.InnerTextAsync();

        var stranger = await portal.WindowAsync();
        await stranger.GotoAsync(link);
        var line = await stranger.GetByLabel("the installer").First.InnerTextAsync();
        Assert.Contains("BEGIN CERTIFICATE", line, StringComparison.Ordinal);
        var secret = System.Text.RegularExpressions.Regex.Match(line, @"printf '%s\\n' '([^']+)' \| sudo tee '/etc/osquery/enroll-secret'").Groups[1].Value;
        Assert.True(await portal.Fleet.Agent(9, secret).EnrollAsync(default));
        await page.GetByRole(AriaRole.Link, new() { Name = "Nodes", Exact = true }).ClickAsync();
        await Expect(page.GetByText("1 node")).ToBeVisibleAsync();
    }

    [NeedsFact(Chromium.Program)]
    public async Task A_machines_user_sees_what_it_was_asked_and_why_in_plain_words()
    {
        await using var portal = await PortalUnderTest.StartAsync(chromium, ("Fleet__Transparency__Enabled", "true"));
        var agent = portal.Fleet.Agent(1);
        Assert.True(await agent.EnrollAsync(default));
        var node = (string)(await portal.Fleet.NodeOfAsync(agent))["id"]!;
        await portal.Fleet.SendAsync("POST", "/api/campaigns", """{"sql":"select * from users","targets":{"all":true},"description":"Who has an account?","reason":"ticket 7"}""");
        Assert.True(await agent.PollDistributedAsync(default) >= 1);
        var path = (string)(await portal.Fleet.SendAsync("POST", $"/api/nodes/{node}/device-link", "{}"))["path"]!;
        var page = await portal.WindowAsync();
        await page.GotoAsync(path);
        await Expect(page.GetByText("Who has an account?")).ToBeVisibleAsync();
        await Expect(page.GetByText("ticket 7")).ToBeVisibleAsync();
    }

    /// <summary>What is told; it stands in the page once more for those who hear it.</summary>
    private static ILocator Toast(IPage page, string title) => page.Locator(".fui-ToastTitle", new() { HasTextString = title });

    private static ILocator Counter(IPage page, string name) => page.Locator(".counters > .counter", new() { HasTextString = name });

    private static async Task AnswerAsync(IEnumerable<SimulatedAgent> agents) =>
        await Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (agent, ct) => Assert.True(await agent.PollDistributedAsync(ct) >= 1));

    private static async Task<int> RowCountAsync(IPage page)
    {
        var text = await page.GetByRole(AriaRole.Tab, new() { NameRegex = new("^Rows") }).InnerTextAsync();
        return int.Parse(string.Concat(text.Where(char.IsAsciiDigit)), System.Globalization.CultureInfo.InvariantCulture);
    }
}

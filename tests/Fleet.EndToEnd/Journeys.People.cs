using System.Text.Json.Nodes;
using Fleet.Swarm;

namespace Fleet.EndToEnd;

/// <summary>What people do: with the API, the command line, and each other.</summary>
public abstract partial class Journeys
{
    [Fact]
    public async Task A_server_that_is_exported_and_applied_to_an_empty_one_gives_agents_the_same_bytes()
    {
        await using var first = New();
        await first.StartAsync();
        await first.SignInAsync();
        await FurnishAsync(first);
        var folder = Path.Combine(first.Folder, "exported");
        await SucceedsAsync(first.AskAsync("export", folder));
        var one = first.Agent(1, first.Secret + ":prod:eu/west büro");
        Assert.True(await one.RefreshConfigAsync(default, tries: 1));

        await using var second = New();
        await second.StartAsync();
        await second.SignInAsync();
        var (planned, plan, errors) = await second.AskAsync("plan", "-f", folder);
        Assert.True(planned == 2, plan + errors);
        Assert.Contains("+ packs/base, with a/slash", plan, StringComparison.Ordinal);
        Assert.Empty(await second.ListAsync("/api/packs"));
        var applied = await SucceedsAsync(second.AskAsync("apply", "-f", folder));
        Assert.Contains("shown this once", applied.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await second.AskAsync("plan", "-f", folder, "--prune")).Code);
        var two = second.Agent(1, second.Secret + ":prod:eu/west büro");
        Assert.True(await two.RefreshConfigAsync(default, tries: 1));
        Assert.Equal(await BytesAsync(first, one), await BytesAsync(second, two));
        Assert.Equal(one.Config.Json.ToJsonString(), two.Config.Json.ToJsonString());
        Assert.True(one.Config.Json["packs"]!.AsObject().Count == 1 && one.Config.Json["schedule"]!.AsObject().Count == 2, one.Config.Json.ToJsonString());

        // What differs is told exactly, and mended; what is not in the folder goes only when that is asked for.
        await second.TryAsync("PUT", "/api/queries/uptime", """{"sql":"select 1","interval":5}""", ("If-Match", "*"));
        await second.SendAsync("PUT", "/api/queries/stray", """{"sql":"select 1"}""");
        var (code, changes, _) = await second.AskAsync("plan", "-f", folder, "--prune");
        Assert.Equal(2, code);
        Assert.Contains("~ queries/uptime", changes, StringComparison.Ordinal);
        Assert.Contains("    ~ interval: 5 → 600", changes, StringComparison.Ordinal);
        Assert.Contains("- queries/stray", changes, StringComparison.Ordinal);
        await SucceedsAsync(second.AskAsync("apply", "-f", folder));
        Assert.Equal(2, (await second.AskAsync("plan", "-f", folder, "--prune")).Code);
        await SucceedsAsync(second.AskAsync("apply", "-f", folder, "--prune"));
        Assert.Equal(0, (await second.AskAsync("plan", "-f", folder, "--prune")).Code);

        // Links' secrets have ends, and names that repeat: an export has what can be made again.
        for (var i = 0; i < 2; i++) await first.SendAsync("POST", "/api/enroll-links", "{}");
        var again = Path.Combine(first.Folder, "again");
        await SucceedsAsync(first.AskAsync("export", again));
        Assert.Equal(2, (await second.AskAsync("plan", "-f", again)).Code);
        await File.WriteAllTextAsync(Path.Combine(again, "ended.yaml"), "kind: enroll-secret\nname: ended\nspec: {expiresAt: '2020-01-01T00:00:00Z'}\n");
        await File.WriteAllTextAsync(Path.Combine(again, "tagged.yaml"), "kind: enroll-secret\nname: tagged\nspec: {tags: [laptop, desk]}\n");
        await SucceedsAsync(second.AskAsync("apply", "-f", again));
        Assert.Equal(0, (await second.AskAsync("plan", "-f", again)).Code);
        await File.WriteAllTextAsync(Path.Combine(again, "wrong.yaml"), "kind: enroll-secret\nname: wrong\nspec: {maxuse: 3}\n");
        Assert.Contains("maxuse", (await second.AskAsync("plan", "-f", again)).Errors, StringComparison.Ordinal);
        var blank = Path.Combine(first.Folder, "blank");
        Directory.CreateDirectory(blank);
        await File.WriteAllTextAsync(Path.Combine(blank, "a.yaml"), "# nothing\n");
        Assert.Equal(1, (await second.AskAsync("plan", "-f", blank, "--prune")).Code);
        await File.WriteAllTextAsync(Path.Combine(folder, "bad.yaml"), "kind: query\nname: bad\nspec: {sql: selec}\n");
        var (refused, _, why) = await second.AskAsync("apply", "-f", folder);
        Assert.Equal(1, refused);
        Assert.Contains("bad.yaml", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_from_the_command_line_is_answered_in_a_table_in_CSV_and_in_JSON()
    {
        await using var fleet = New();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var agents = Enumerable.Range(0, 6).Select(i => fleet.Agent(i, fleet.Secret + ":prod")).ToList();
        foreach (var agent in agents) Assert.True(await agent.EnrollAsync(default));
        using var stop = new CancellationTokenSource();
        var polling = Task.WhenAll(agents.Select(agent => PollAsync(agent, stop.Token)));

        var table = await SucceedsAsync(fleet.AskAsync("query", "select username from users", "--tags", "prod", "--wait"));
        Assert.StartsWith("NODE ", table.Output, StringComparison.Ordinal);
        Assert.Contains("USERNAME", table.Output, StringComparison.Ordinal);
        var csv = await SucceedsAsync(fleet.AskAsync("query", "select username from users", "--all", "--wait", "-o", "csv"));
        Assert.StartsWith("node,", csv.Output, StringComparison.Ordinal);
        var json = JsonNode.Parse((await SucceedsAsync(fleet.AskAsync("query", "select username from users", "--platforms", "linux,darwin,windows", "--wait", "-o", "json"))).Output)!.AsArray();
        Assert.Equal(6, json.Select(row => (string?)row!["node"]).Distinct().Count());
        await stop.CancelAsync();
        await polling;

        Assert.Equal(2, (await fleet.AskAsync("query", "select 1", "--all", "--wait", "--timeout", "2s")).Code);
        var (code, _, why) = await fleet.AskAsync("query", "select * from shell_history", "--all");
        Assert.Equal(1, code);
        Assert.Contains("needs a reason", why, StringComparison.Ordinal);
        Assert.Equal(1, (await fleet.AskAsync("query", "select * from nonsense", "--all")).Code);

        // Nodes, packs and rules by the same road.
        var name = (string)(await fleet.NodeOfAsync(agents[0]))["displayName"]!;
        await SucceedsAsync(fleet.AskAsync("nodes", "tag", agents[0].Machine.Uuid, "--add", "lab,eu", "--remove", "prod"));
        var listed = JsonNode.Parse((await SucceedsAsync(fleet.AskAsync("nodes", "list", "--tags", "lab", "-o", "json"))).Output)!.AsArray();
        Assert.Equal(name, (string?)Assert.Single(listed)!["displayName"]);
        Assert.Contains("\"lab\"", (await SucceedsAsync(fleet.AskAsync("nodes", "show", agents[0].Machine.Uuid))).Output, StringComparison.Ordinal);
        await File.WriteAllTextAsync(Path.Combine(fleet.Folder, "base.conf"), """{"queries":{"users":{"query":"select * from users","interval":60}}}""");
        Assert.Contains("+ packs/base", (await SucceedsAsync(fleet.AskAsync("pack", "apply", "base.conf", "--dry-run"))).Output, StringComparison.Ordinal);
        await SucceedsAsync(fleet.AskAsync("pack", "apply", "base.conf", "--tags", "lab"));
        Assert.Equal("""["lab"]""", (await fleet.GetAsync("/api/packs/base"))["tags"]!.ToJsonString());
        await File.WriteAllTextAsync(Path.Combine(fleet.Folder, "rule.yaml"), """
            conditions: {condition: AND, rules: [{field: column, operator: column_equal, value: [uid, "0"]}]}
            tests:
            - {name: root, line: {columns: {uid: "0"}}, matches: true}
            - {name: others, line: {columns: {uid: "1000"}}, matches: true}
            """);
        var (tested, verdicts, _) = await fleet.AskAsync("rules", "test", "rule.yaml");
        Assert.Equal(2, tested);
        Assert.Contains("FAILED rule.yaml: others", verdicts, StringComparison.Ordinal);
        Assert.Contains("1 passed, 1 failed", verdicts, StringComparison.Ordinal);

        static async Task PollAsync(SimulatedAgent agent, CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                await agent.PollDistributedAsync(default);
                await Task.Delay(50, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [Fact]
    public async Task People_sign_in_do_what_their_role_allows_and_are_written_down()
    {
        await using var fleet = New();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("POST", "/api/users", """{"name":"ada","password":"correct horse","role":"operator"}""");
        var (status, text, headers) = await fleet.TryAsync("POST", "/api/session", """{"username":"ada","password":"correct horse"}""");
        Assert.True(status == 200, text);
        (string, string)[] ada = [("Cookie", headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet=", StringComparison.Ordinal)).Split(';')[0]), ("X-Fleet-Csrf", "1")];
        Assert.Equal(201, (await fleet.TryAsync("PUT", "/api/queries/a%2Fb%20c", """{"sql":"select 1"}""", ada)).Status);
        Assert.Equal(200, (await fleet.TryAsync("GET", "/api/queries/a%2Fb%20c", null, ada)).Status);
        Assert.Equal(200, (await fleet.TryAsync("GET", "/api/queries/a%2Fb%20c/history", null, ada)).Status);
        Assert.Equal(428, (await fleet.TryAsync("PUT", "/api/queries/a%2Fb%20c", """{"sql":"select 2"}""", ada)).Status);
        Assert.Equal(403, (await fleet.TryAsync("POST", "/api/users", """{"name":"eve","password":"correct horse","role":"admin"}""", ada)).Status);
        Assert.Equal(403, (await fleet.TryAsync("GET", "/api/audit", null, ada)).Status);
        Assert.Equal(401, (await fleet.TryAsync("GET", "/api/session", null, ("Cookie", "fleet=nonsense"))).Status);

        var session = (await fleet.ListAsync("/api/sessions?all=true")).Single(one => (string?)one["name"] == "ada");
        await fleet.SendAsync("DELETE", $"/api/sessions/{(string)session["id"]!}");
        Assert.Equal(401, (await fleet.TryAsync("GET", "/api/session", null, ada)).Status);
        var entries = await fleet.ListAsync("/api/audit");
        Assert.Equal(
            ["DELETE sessions test", "POST users ada", "PUT queries ada", "PUT queries ada", "POST session ada", "POST users test", $"fleet token create {System.Environment.UserName}"],
            entries.Select(entry => $"{entry["action"]} {entry["actor"]}"));
        Assert.Equal(["tokens/test"], (await fleet.ListAsync("/api/audit?action=fleet")).Select(entry => (string?)entry["target"]));
        Assert.Contains((await fleet.ListAsync("/api/settings")), setting => (string?)setting["key"] == "Fleet__Auth__Method");
    }

    [Fact]
    public async Task What_machines_sent_is_searched_exported_and_counted()
    {
        await using var fleet = New(("Fleet__Transparency__Enabled", "true"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var agents = Enumerable.Range(0, 4).Select(i => fleet.Agent(i)).ToList();
        foreach (var agent in agents)
        {
            agent.LogRows("users", "added", [new JsonObject { ["username"] = $"user{agent.Machine.Number}", ["uid"] = "0" }, new JsonObject { ["username"] = "=cmd", ["uid"] = "1" }]);
            agent.LogStatus(2, $"trouble on {agent.Machine.Number}");
            Assert.True(await agent.FlushLogsAsync(default));
        }

        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/results?query=users")).Count == 8);
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/status-logs?severity=2")).Count == 4);
        var node = (string)(await fleet.NodeOfAsync(agents[2]))["id"]!;
        await fleet.SendAsync("PATCH", $"/api/nodes/{node}", """{"addTags":["lab"]}""");
        Assert.Equal("user2", (string?)Assert.Single(await fleet.ListAsync("/api/results?tag=lab&column.username.begins=user"))["columns"]!["username"]);
        Assert.Equal(4, (await fleet.ListAsync("/api/results?column.username=%3Dcmd")).Count);
        var (_, csv, _) = await fleet.TryAsync("GET", "/api/results/export?query=users&format=csv");
        Assert.Equal(9, csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("'=cmd", csv, StringComparison.Ordinal);
        Assert.Matches("""\n\{"trailer":\{"rows":8,"completeUpTo":"[^"]+Z"\}\}\n$""", (await fleet.TryAsync("GET", "/api/results/export?query=users&trailer=true")).Text);
        Assert.Contains(node, (await fleet.TryAsync("GET", "/api/nodes.csv?tag=lab")).Text, StringComparison.Ordinal);

        await Eventually.TrueAsync(async () => (await fleet.GetAsync("/api/stats/activity?hours=2"))["hours"]!.AsArray().Sum(hour => (long)hour!["resultLines"]!) == 6);
        Assert.Equal(4, (int)(await fleet.GetAsync("/api/stats/nodes"))["total"]!);
        Assert.Contains((await fleet.GetAsync($"/api/nodes/{node}/activity"))["items"]!.AsArray(), one => (string?)one!["kind"] == "changed");

        var link = (string)(await fleet.SendAsync("POST", $"/api/nodes/{node}/device-link", "{}"))["path"]!;
        Assert.Equal(agents[2].Machine.Uuid, (string?)(await fleet.GetAsync(link))["hostIdentifier"]);
        Assert.StartsWith("3.1", (string?)(await fleet.GetAsync("/api/openapi.json"))["openapi"], StringComparison.Ordinal);
    }

    /// <summary>The configuration as it is sent.</summary>
    private static async Task<string> BytesAsync(ProgramUnderTest fleet, SimulatedAgent agent) =>
        (await fleet.TryAsync("GET", $"/api/nodes/{(string)(await fleet.NodeOfAsync(agent))["id"]!}/config")).Text;

    private static async Task FurnishAsync(ProgramUnderTest fleet)
    {
        await fleet.SendAsync("PUT", "/api/queries/uptime", """{"sql":"select total_seconds\nfrom uptime\nwhere 1 = 1","interval":600,"tags":["prod"],"description":"yes"}""");
        await fleet.SendAsync("PUT", "/api/queries/odd", """{"sql":"select 'x: \"y\" # z\t' as \"0\"","interval":60,"snapshot":false,"denylist":true,"tags":["eu/west büro"],"version":"5.0"}""");
        await fleet.SendAsync("PUT", $"/api/packs/{Uri.EscapeDataString("base, with a/slash")}?tags=prod", """
            {"platform":"linux","discovery":["select 1 from system_info"],"queries":{"zz":{"query":"select 1","interval":"60"},"a":{"query":"select 2","interval":61,"removed":false,"shard":50}},
             "auto_table_construction":{"browser":{"query":"select a from t","path":"/x","columns":["a"]}}}
            """);
        await fleet.SendAsync("PUT", "/api/file-paths/etc", """{"paths":["/etc/%%"],"excludePaths":["/etc/mtab"],"accesses":true,"tags":["prod"]}""");
        await fleet.SendAsync("PUT", "/api/options/base", """{"config":{"options":{"logger_tls_period":10,"verbose":true,"custom":"007"},"decorators":{"load":["select uuid from system_info"]},"views":{"v":"select 1 as one"}},"tags":["prod"]}""");
        await fleet.SendAsync("PUT", "/api/alerters/pager", """{"type":"webhook","url":"https://example.org/hook","secret":"shared"}""");
        await fleet.SendAsync("PUT", "/api/rules/tmp", """{"name":"A program in /tmp","alerters":["pager","log"],"conditions":{"condition":"AND","rules":[{"field":"column","operator":"column_begins_with","value":["path","/tmp/"]}]}}""");
        await fleet.SendAsync("POST", "/api/enroll-secrets", """{"label":"laptops","tags":["prod"],"maxUses":5}""");
    }

    private static async Task<(string Output, string Errors)> SucceedsAsync(Task<(int Code, string Output, string Errors)> run)
    {
        var (code, output, errors) = await run;
        Assert.True(code == 0, $"exit {code}\n{output}\n{errors}");
        return (output, errors);
    }
}

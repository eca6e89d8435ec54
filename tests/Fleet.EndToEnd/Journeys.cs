using System.Text.Json.Nodes;
using Fleet.Swarm;

namespace Fleet.EndToEnd;

/// <summary>From agents to alerts, with the built program and simulated agents. Derived once for each way that it runs.</summary>
public abstract partial class Journeys
{
    internal abstract ProgramUnderTest New(params (string Name, string Value)[] environment);

    [Fact]
    public async Task A_new_machine_gets_its_packs_and_a_changed_tag_changes_the_next_configuration()
    {
        await using var fleet = New();
        await File.WriteAllTextAsync(Path.Combine(fleet.Folder, "base.conf"), """
            # joined lines, comments and commas
            {"queries": {"users": {"query": "select * from \
              users", "interval": "60",},}, "discovery": ["select 1 from system_info"]}
            """);
        await fleet.StartAsync();
        var (code, _, errors) = await fleet.RunAsync("import", "base.conf", "--tags", "prod,lab", "--data", fleet.Data);
        Assert.True(code == 0, errors);
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/queries/extra", """{"sql":"select * from uptime","interval":30,"tags":["lab"]}""");

        var agent = fleet.Agent(2, fleet.Secret + ":prod");
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.NotNull(agent.Config.Json["packs"]!["base"]!["queries"]!["users"]);
        Assert.Empty(agent.Config.Json["schedule"]!.AsObject());

        await fleet.SendAsync("PATCH", $"/api/nodes/{(string)(await fleet.NodeOfAsync(agent))["id"]!}", """{"tags":["lab"]}""");
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.NotNull(agent.Config.Json["schedule"]!["extra"]);
        agent.RunSchedule();
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/reports/pack/base/users")).Count == 1);
    }

    [Fact]
    public async Task A_bad_process_pages_someone_even_if_the_pager_was_down()
    {
        await using var pager = await Pager.StartAsync();
        await using var fleet = New(("Fleet__Limits__RetryFirst", "0.1s"), ("Fleet__Limits__RetryMost", "0.2s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("PUT", "/api/alerters/pager", $$"""{"type":"webhook","url":"{{pager.Url}}","secret":"shared"}""");
        var rule = await fleet.SendAsync("POST", "/api/rules", """
            {"name":"miner","severity":"critical","alerters":["pager","log"],"conditions":{"condition":"AND","rules":[
              {"field":"query_name","operator":"equal","value":"processes"},
              {"condition":"OR","rules":[{"field":"column","operator":"column_matches_regex","value":["path","/tmp/"]},{"field":"column","operator":"column_equal","value":["on_disk","0"]}]}]}}
            """);
        pager.IsDown = true;
        var agent = fleet.Agent(4);
        agent.LogRows("processes", "added", [new JsonObject { ["path"] = "/usr/bin/ls", ["on_disk"] = "1" }, new JsonObject { ["path"] = "/tmp/.x/miner", ["on_disk"] = "1" }]);
        Assert.True(await agent.FlushLogsAsync(default));

        await Eventually.TrueAsync(async () => (await DeliveriesAsync()).Contains("pager:retrying", StringComparison.Ordinal));
        pager.IsDown = false;
        await Eventually.TrueAsync(async () => await DeliveriesAsync() == "log:delivered pager:delivered");
        var page = Assert.Single(pager.Pages);
        Assert.Equal(((string?)rule["id"], "critical", "/tmp/.x/miner"), ((string?)page["ruleId"], (string?)page["severity"], (string?)page["line"]!["columns"]!["path"]));
        await Eventually.TrueAsync(() => fleet.Output.Contains("/tmp/.x/miner", StringComparison.Ordinal));

        async Task<string> DeliveriesAsync() => string.Join(' ', (await fleet.ListAsync("/api/alerts"))
            .SelectMany(alert => alert["deliveries"]!.AsArray()).Select(delivery => $"{delivery!["alerter"]}:{delivery["state"]}"));
    }

    [Fact]
    public async Task A_query_is_asked_of_a_thousand_machines_and_all_answer()
    {
        await using var fleet = New();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        using var transport = new AgentTransport(new(fleet.Url, KeepAlive: true), null);
        var agents = Enumerable.Range(0, 1_000).Select(i => new SimulatedAgent(new(1, i), new(fleet.Secret, EnrollAttempts: 1), transport, null, TimeProvider.System)).ToList();
        await Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (agent, ct) => Assert.True(await agent.EnrollAsync(ct)));

        var good = await fleet.SendAsync("POST", "/api/campaigns", """{"sql":"select username from users","targets":{"all":true}}""");
        var linux = await fleet.SendAsync("POST", "/api/campaigns", """{"sql":"select 1 from uptime","targets":{"platforms":["linux"]}}""");
        Assert.Equal((1_000, 600), ((int)good["targeted"]!, (int)linux["targeted"]!));
        await Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (agent, ct) => await agent.PollDistributedAsync(ct));

        Assert.Equal("""{"targeted":1000,"new":0,"sent":0,"done":1000,"failed":0,"expired":0}""", (await fleet.GetAsync($"/api/campaigns/{(string)good["id"]!}"))["counts"]!.ToJsonString());
        Assert.Equal(600, (int)(await fleet.GetAsync($"/api/campaigns/{(string)linux["id"]!}"))["counts"]!["done"]!);
        var answers = await fleet.ListAsync($"/api/campaigns/{(string)good["id"]!}/answers");
        Assert.Equal(1_000, answers.Count);
        Assert.All(answers, answer => Assert.NotEmpty(answer["rows"]!.AsArray()));
    }

    [Fact]
    public async Task A_machine_that_goes_silent_is_told_and_one_that_talks_is_not()
    {
        await using var fleet = New(("Fleet__Nodes__SilentAfter", "5s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.SendAsync("POST", "/api/rules", """{"name":"silent","conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"fleet/node_silent"}]}}""");
        var silent = fleet.Agent(1);
        var alive = fleet.Agent(2);
        Assert.True(await silent.EnrollAsync(default));
        await Eventually.TrueAsync(async () =>
        {
            await alive.RefreshConfigAsync(default, tries: 1);
            return (await fleet.ListAsync("/api/alerts")).Count > 0;
        });
        var alert = Assert.Single(await fleet.ListAsync("/api/alerts"));
        Assert.Equal(silent.Machine.Uuid, (string?)alert["hostIdentifier"]);
        Assert.True(int.Parse((string)alert["line"]!["columns"]!["since_last_checkin"]!, System.Globalization.CultureInfo.InvariantCulture) >= 5);
    }

    [Fact]
    public async Task A_revoked_machine_comes_back_only_when_let_in()
    {
        await using var fleet = New();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var agent = fleet.Agent(1);
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        var id = (string)(await fleet.NodeOfAsync(agent))["id"]!;
        agent.LogStatus(1, "before");

        await fleet.SendAsync("PATCH", $"/api/nodes/{id}", """{"active":false}""");
        Assert.False(await agent.FlushLogsAsync(default));
        Assert.False(await agent.RefreshConfigAsync(default, tries: 1));
        Assert.Equal("", agent.NodeKey);
        Assert.Equal(1, agent.Buffered);

        await fleet.SendAsync("PATCH", $"/api/nodes/{id}", """{"active":true}""");
        Assert.True(await agent.FlushLogsAsync(default));
        Assert.Equal(0, agent.Buffered);
        Assert.Equal("before", (string?)Assert.Single(await fleet.ListAsync($"/api/nodes/{id}/status-logs"))["message"]);
        Assert.Equal(id, (string?)(await fleet.NodeOfAsync(agent))["id"]);
    }

    [Fact]
    public async Task Killed_under_load_and_restarted_it_has_every_acknowledged_line_and_every_alert()
    {
        await using var fleet = New(("Fleet__Limits__MessageLock", "2s"));
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await fleet.WatchAsync("bad");
        var agents = Enumerable.Range(0, 8).Select(i => fleet.Agent(i, keepAlive: true)).ToList();
        foreach (var agent in agents) Assert.True(await agent.EnrollAsync(default));

        var acknowledged = new System.Collections.Concurrent.ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var loads = agents.Select(agent => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var mark = $"{agent.Machine.Number}-{i}";
                agent.LogRows(i % 10 == 0 ? "bad" : "good", "added", [new JsonObject { ["mark"] = mark }]);
                if (await agent.FlushLogsAsync(default) && agent.Buffered == 0) acknowledged.Add(mark);
                else return;
            }
        })).ToList();
        await Eventually.TrueAsync(() => acknowledged.Count > 400);
        await fleet.KillAsync();
        await stop.CancelAsync();
        await Task.WhenAll(loads);

        var token = fleet.Token;
        await fleet.StartAsync();
        fleet.UseToken(token);
        var stored = new HashSet<string>();
        foreach (var node in await fleet.ListAsync("/api/nodes"))
        {
            stored.UnionWith((await fleet.ListAsync($"/api/nodes/{(string)node["id"]!}/results")).Select(row => (string?)row["columns"]!["mark"] ?? ""));
        }

        Assert.Empty(acknowledged.Except(stored));
        var bad = acknowledged.Where(mark => int.Parse(mark.Split('-')[1], System.Globalization.CultureInfo.InvariantCulture) % 10 == 0).ToHashSet();
        await Eventually.TrueAsync(async () => (await ListAlertsAsync()).IsSupersetOf(bad));
        var all = await fleet.ListAsync("/api/alerts");
        Assert.Equal(all.Count, all.Select(alert => (string?)alert["line"]!["columns"]!["mark"]).Distinct().Count());
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/alerts")).All(alert => (string?)alert["deliveries"]![0]!["state"] == "delivered"));

        async Task<HashSet<string>> ListAlertsAsync() => [.. (await fleet.ListAsync("/api/alerts")).Select(alert => (string)alert["line"]!["columns"]!["mark"]!)];
    }

    [Fact]
    public async Task Two_processes_on_one_data_folder_see_each_others_changes()
    {
        await using var first = New();
        await first.StartAsync();
        await first.SignInAsync();
        await using var second = first.Beside();
        await second.StartAsync();
        second.UseToken(first.Token);

        var agent = first.Agent(1);
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        var elsewhere = second.Agent(1);
        Assert.True(await elsewhere.RefreshConfigAsync(default, tries: 1));
        Assert.Equal(agent.NodeKey, elsewhere.NodeKey);
        var id = (string)(await first.NodeOfAsync(agent))["id"]!;
        await first.SendAsync("PATCH", $"/api/nodes/{id}", """{"tags":["t"]}""");
        await first.SendAsync("PUT", "/api/queries/q", """{"sql":"select 1","tags":["t"]}""");
        await Eventually.TrueAsync(async () => await elsewhere.RefreshConfigAsync(default, tries: 1) && elsewhere.Config.Json["schedule"]!.AsObject().ContainsKey("q"));

        var campaign = await second.SendAsync("POST", "/api/campaigns", """{"sql":"select 1 from uptime","targets":{"all":true}}""");
        await Eventually.TrueAsync(async () => await agent.PollDistributedAsync(default) == 1);
        Assert.Equal(1, (int)(await second.GetAsync($"/api/campaigns/{(string)campaign["id"]!}"))["counts"]!["done"]!);
    }
}

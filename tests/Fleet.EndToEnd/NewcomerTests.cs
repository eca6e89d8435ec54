namespace Fleet.EndToEnd;

/// <summary>What someone does in the first five minutes.</summary>
public sealed class NewcomerTests
{
    [Fact]
    public async Task A_first_start_makes_what_is_needed_says_where_and_a_second_finds_it_again()
    {
        await using var fleet = new ProgramUnderTest();
        await fleet.StartAsync();
        string[] files = ["fleet.db", "secrets.json", "certs/fleet.crt", "certs/fleet.key", "enroll-secret", "osquery.flags"];
        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(fleet.Data, file)), file));
        Assert.Contains("admin password", fleet.Output, StringComparison.Ordinal);
        Assert.Contains("osqueryd --flagfile=" + Path.Combine(fleet.Data, "osquery.flags"), fleet.Output, StringComparison.Ordinal);
        Assert.Equal(fleet.Secret.Trim(), fleet.Secret);
        var flags = await File.ReadAllLinesAsync(Path.Combine(fleet.Data, "osquery.flags"));
        Assert.Contains($"--tls_hostname=localhost:{fleet.Url.Port}", flags);
        Assert.Contains($"--enroll_secret_path={fleet.Data}/enroll-secret", flags);
        Assert.Contains($"--tls_server_certs={fleet.Data}/certs/fleet.crt", flags);
        Assert.All(flags, flag => Assert.Matches("^(# .+|--[a-z_]+=.+)$", flag));

        var agent = fleet.Agent(1);
        Assert.True(await agent.RefreshConfigAsync(default, tries: 1));
        var secret = fleet.Secret;
        Assert.Equal(0, await fleet.StopAsync());

        await fleet.StartAsync();
        Assert.Contains("Delete it to have it made anew", fleet.Output, StringComparison.Ordinal); // the port is another one
        Assert.Equal(secret, fleet.Secret);
        Assert.DoesNotContain("admin password", fleet.Output, StringComparison.Ordinal);
        await fleet.SignInAsync();
        Assert.Single(await fleet.ListAsync("/api/nodes"));
        Assert.Equal(0, await fleet.StopAsync("TERM"));
    }

    [Fact]
    public async Task Run_from_its_source_it_works_in_the_folder_that_it_is_called_in()
    {
        await using var fleet = new ProgramUnderTest();
        var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
        var (code, _, errors) = await fleet.RunFromSourceAsync(configuration, "user", "list");
        Assert.Equal(1, code);
        Assert.Contains(fleet.Data, errors, StringComparison.Ordinal);
        Assert.False(Path.Exists(fleet.Data));
    }

    [Fact]
    public async Task The_admins_password_can_be_given()
    {
        await using var fleet = new ProgramUnderTest(("FLEET_ADMIN_PASSWORD", "correct horse battery"));
        await fleet.StartAsync();
        Assert.DoesNotContain("admin password", fleet.Output, StringComparison.Ordinal);
        Assert.Equal("admin", (string?)(await fleet.SendAsync("POST", "/api/session", """{"username":"admin","password":"correct horse battery"}"""))["role"]);
    }

    [Fact]
    public async Task Commands_print_what_they_should_and_mistakes_are_one_clear_line()
    {
        await using var fleet = new ProgramUnderTest();
        await fleet.StartAsync();
        await fleet.StopAsync();
        var (code, token, _) = await fleet.RunAsync("token", "create", "--data", fleet.Data, "--name", "ci", "--role", "viewer", "--expires", "90d");
        Assert.Equal(0, code);
        Assert.Matches("^fleet_[A-Za-z0-9_-]{43}\n$", token);
        Assert.Equal(0, (await fleet.RunAsync("user", "add", "ada", "--role", "operator", "--password", "12345678", "--data", fleet.Data)).Code);
        Assert.StartsWith("ada\toperator", (await fleet.RunAsync("user", "list", "--data", fleet.Data)).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await fleet.RunAsync("user", "passwd", "ada", "--password", "87654321", "--data", fleet.Data)).Code);
        Assert.Equal(0, (await fleet.RunAsync("user", "remove", "ada", "--data", fleet.Data)).Code);
        Assert.Matches("^[A-Za-z0-9_-]{32}\n$", (await fleet.RunAsync("secret", "create", "--label", "x", "--tags", "a,b", "--data", fleet.Data)).Output);
        var listed = (await fleet.RunAsync("secret", "list", "--data", fleet.Data)).Output.Split('\n').Single(line => line.Contains("\tx\t", StringComparison.Ordinal));
        Assert.Contains("a, b", listed, StringComparison.Ordinal);
        Assert.Equal(0, (await fleet.RunAsync("secret", "revoke", listed.Split('\t')[0], "--data", fleet.Data)).Code);
        Assert.Equal(0, (await fleet.RunAsync("keys", "rotate", "--data", fleet.Data)).Code);
        Assert.Contains("swarm", (await fleet.RunAsync("--help")).Output, StringComparison.Ordinal);

        foreach (var wrong in new string[][]
        {
            ["user", "remove", "nobody"], ["user", "add", "eve", "--password", "short"], ["secret", "revoke", "none"], ["secret", "create", "--secret", "a:b"], ["import", "/none.conf"],
            ["token", "create", "--name", "x", "--role", "viewer", "--expires", "soon"], ["serve", "--url", "http://203.0.113.1:1"],
        })
        {
            var (exit, _, errors) = await fleet.RunAsync([.. wrong, "--data", fleet.Data]);
            Assert.NotEqual(0, exit);
            Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
            Assert.NotEqual("", errors.Trim());
        }
    }

    [Fact]
    public async Task A_setting_that_does_not_exist_stops_the_start_and_names_the_nearest()
    {
        await using var fleet = new ProgramUnderTest(("Fleet__Nodes__SilentAfer", "1h"));
        var (code, _, errors) = await fleet.RunAsync("serve", "--data", fleet.Data);
        Assert.Equal(1, code);
        Assert.Contains("Fleet__Nodes__SilentAfer: there is no such setting; did you mean Fleet__Nodes__SilentAfter?", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_demo_shows_nodes_results_a_campaign_and_a_carve()
    {
        await using var fleet = new ProgramUnderTest();
        await fleet.StartAsync();
        await fleet.StopAsync();
        await using var demo = fleet.Beside();
        await demo.StartDemoAsync(5);
        await demo.SignInAsync();
        await Eventually.TrueAsync(async () => (await demo.ListAsync("/api/nodes")).Count == 5);
        await Eventually.TrueAsync(async () => (await demo.ListAsync("/api/reports/pack/demo/system_info")).Count == 5);
        await Eventually.TrueAsync(async () => (await demo.ListAsync("/api/campaigns")).Count == 1);
        var node = (string)(await demo.ListAsync("/api/nodes"))[0]["id"]!;
        await demo.SendAsync("POST", "/api/carves", $$"""{"nodeId":"{{node}}","path":"/home/%/.ssh/%","reason":"test"}""");
        await Eventually.TrueAsync(async () => (await demo.ListAsync("/api/carves")) is [var carve] && (string?)carve["status"] == "complete");
        var files = await demo.ListAsync($"/api/carves/{(await demo.ListAsync("/api/carves"))[0]["id"]}/files");
        Assert.Equal(["home/ada/.ssh/authorized_keys", "etc/hostname"], files.Select(file => (string?)file["name"]));
    }

    [Fact]
    public async Task The_swarm_measures_and_reports_as_JSON()
    {
        await using var fleet = new ProgramUnderTest();
        await fleet.StartAsync();
        var (code, output, errors) = await fleet.RunAsync(
            "swarm", "--url", fleet.Url.ToString(), "--secret", fleet.Secret, "--nodes", "10", "--duration", "4s", "--ramp", "1s", "--config-interval", "0.5s",
            "--log-interval", "0.5s", "--distributed-interval", "0.5s", "--lines", "20", "--json");
        Assert.True(code == 0, errors);
        var report = System.Text.Json.Nodes.JsonNode.Parse(output)!;
        Assert.Equal(0, (int)report["errors"]!);
        Assert.True((long)report["linesAcknowledged"]! > 100, output);
        Assert.True((double)report["calls"]!["config"]!["p99Ms"]! > 0, output);
    }
}

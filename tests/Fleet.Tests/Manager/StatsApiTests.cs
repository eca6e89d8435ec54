using System.Net;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Manager;

public sealed class StatsApiTests : ApiTest
{
    [Fact]
    public async Task Nodes_are_counted_by_status_platform_version_and_age()
    {
        await EnrollAsync("A");
        await EnrollAsync("B", platform: 21, version: "5.9.0");
        await Api.OkAsync("POST", "/api/nodes", "{}");
        var stats = await Api.GetAsync("/api/stats/nodes");
        Assert.Equal(3, (int)stats["total"]!);
        int Of(string list, string name) => (int)stats[list]!.AsArray().Single(count => (string?)count!["name"] == name)!["count"]!;
        Assert.Equal((2, 1, 1, 1, 1, 2, 1), (Of("statuses", "online"), Of("statuses", "never_reported"), Of("platforms", "linux"), Of("platforms", "darwin"), Of("osqueryVersions", "5.9.0"), Of("lastSeen", "5m"), Of("lastSeen", "never")));
    }

    [Fact]
    public async Task What_went_on_is_counted_by_the_hour_over_all_instances()
    {
        await using var world = await World.OpenAsync();
        await using var other = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"name":"q","action":"added","columns":{}},{"name":"q","action":"added","columns":{}}]""");
        await other.LogAsync(key, """[{"message":"m","severity":1}]""", "status");
        await other.Get<Activity>().FlushAsync(default);
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.ConfigAsync(key);

        var hours = await world.Get<Activity>().HoursAsync(3, default);
        long Of(int hour, ActivityKind kind) => hours[hour].Counts[(int)kind];
        Assert.Equal((0, 1, 2, 1, 1), (Of(0, ActivityKind.CheckIns), Of(1, ActivityKind.Enrollments), Of(1, ActivityKind.ResultLines), Of(1, ActivityKind.StatusLines), Of(2, ActivityKind.CheckIns)));

        // Written once, it is not written again; a third instance reads the same.
        await world.Get<Activity>().FlushAsync(default);
        world.Tables.Reset();
        await world.Get<Activity>().FlushAsync(default);
        Assert.Equal(0, world.Tables.Operations);
        await using var third = await world.OpenSecondAsync();
        Assert.Equal(hours.Select(hour => string.Join(',', hour.Counts)), (await third.Get<Activity>().HoursAsync(3, default)).Select(hour => string.Join(',', hour.Counts)));
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", "/api/stats/activity?hours=1000");
        Assert.Equal(24, (await Api.GetAsync("/api/stats/activity"))["hours"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_process_that_runs_for_hours_knows_all_of_them()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        for (var i = 0; i < 4; i++)
        {
            await world.ConfigAsync(key);
            await world.Get<Activity>().FlushAsync(default);
            world.Clock.Advance(TimeSpan.FromHours(1));
        }

        await world.ConfigAsync(key);
        Assert.Equal([1, 1, 1, 1, 1], (await world.Get<Activity>().HoursAsync(5, default)).Select(hour => hour.Counts[(int)ActivityKind.CheckIns]));

        // A clock that is set back loses none.
        world.Clock.Advance(TimeSpan.FromHours(-3));
        await world.ConfigAsync(key);
        await world.Get<Activity>().FlushAsync(default);
        world.Clock.Advance(TimeSpan.FromHours(3));
        Assert.Equal(6, (await world.Get<Activity>().HoursAsync(5, default)).Sum(hour => hour.Counts[(int)ActivityKind.CheckIns]));
    }

    [Fact]
    public async Task One_agents_nonsense_does_not_stop_the_counting_of_costs()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, $$"""[{"severity":1,"message":"Scheduled query may have failed: {{new string('x', 40_000)}}"},{"severity":1,"message":"Scheduled query may have failed: real"}]""", "status");
        await world.MaterializeAsync();
        await world.Get<QueryCosts>().FlushAsync(default);
        Assert.Equal("real", Assert.Single(await world.Get<QueryCosts>().ListAsync(default)).Name);
    }

    [Fact]
    public async Task The_slowest_and_the_most_denylisted_queries_are_known_from_stats_the_schedule_and_warnings()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select * from hash", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[]},"statuses":{"{{{campaign.Id}}}":0},"stats":{"{{{campaign.Id}}}":{"wall_time_ms":4200,"user_time":1}},"node_key":"{{{key}}}"}""");
        await world.LogAsync(key, """[{"name":"sched","action":"added","columns":{"name":"slow","interval":"60","executions":"3","last_wall_time_ms":"900","denylisted":"0"}}]""");
        await world.LogAsync(key, """[{"severity":1,"message":"Scheduled query may have failed: pack/x/heavy"},{"severity":1,"message":"Scheduled query may have failed: pack/x/heavy"}]""", "status");
        await world.MaterializeAsync();
        var costs = await world.Get<QueryCosts>().ListAsync(default);
        Assert.Equal(4_200, costs.Single(cost => cost.Name == "select * from hash").MostMs);
        Assert.Equal(900, costs.Single(cost => cost.Name == "slow").MeanMs);
        Assert.Equal(2, costs.Single(cost => cost.Name == "pack/x/heavy").Denylisted);
        await world.Get<Chores>().FlushAsync(default);
        await using var other = await world.OpenSecondAsync();
        Assert.Equal(3, (await other.Get<QueryCosts>().ListAsync(default)).Count);
        var answer = Assert.Single((await world.Get<Fleet.Queries.AnswerStore>().PageAsync(campaign.Id, 10, null, default)).Items);
        Assert.Equal(4_200, answer.WallMs);
    }

    [Fact]
    public async Task Settings_are_shown_as_they_hold_with_where_they_come_from_and_no_secret()
    {
        await using var server = await RunningServer.StartAsync(("Logs:Retention", "7d"), ("Auth:Oidc:ClientSecret", "hush"));
        using var admin = await server.SignInAsync(Fleet.Manager.Role.Admin);
        var entries = (await admin.GetAsync("/api/settings"))["items"]!.AsArray().ToDictionary(entry => (string)entry!["key"]!, entry => ((string?)entry!["value"], (string?)entry["source"]));
        Assert.Equal(("7d", "command line"), entries["Fleet__Logs__Retention"]);
        Assert.Equal(("365d", "default"), entries["Fleet__Alerts__Retention"]);
        Assert.Equal("********", entries["Fleet__Auth__Oidc__ClientSecret"].Item1);
        Assert.Equal(("3000", "default"), entries["Fleet__Limits__CallsPerMinute"]);
        using var viewer = await server.SignInAsync(Fleet.Manager.Role.Operator);
        await viewer.RefusedAsync(HttpStatusCode.Forbidden, "GET", "/api/settings");
    }

    [Fact]
    public async Task The_schema_names_columns_platforms_and_what_is_sensitive()
    {
        await Api.OkAsync("PUT", "/api/options/atc", """{"config":{"auto_table_construction":{"browser":{"query":"select a from t","path":"/x","columns":["a"]}}}}""");
        var tables = (await Api.GetAsync("/api/schema/tables"))["tables"]!.AsArray().ToDictionary(table => (string)table!["name"]!);
        Assert.True((bool)tables["shell_history"]!["sensitive"]!);
        Assert.False((bool)tables["time"]!["sensitive"]!);
        Assert.True((bool)tables["process_events"]!["evented"]!);
        Assert.Contains("browser", tables.Keys);
        Assert.Equal("INTEGER", (string?)tables["time"]!["columns"]!.AsArray().Single(column => (string?)column!["name"] == "year")!["type"]);
    }

    [Fact]
    public async Task A_machines_user_reads_what_it_was_asked_by_whom_and_why_where_that_is_switched_on()
    {
        await EnrollAsync("A");
        await Api.RefusedAsync(HttpStatusCode.Conflict, "POST", $"/api/nodes/{IdOf("A")}/device-link", "{}");

        await using var server = await RunningServer.StartAsync(("Transparency:Enabled", "true"));
        using var admin = await server.SignInAsync(Fleet.Manager.Role.Admin);
        var key = (string)(await admin.AgentAsync("enroll", $$"""{"enroll_secret":"{{server.Secret}}","host_identifier":"A"}"""))["node_key"]!;
        await admin.OkAsync("PATCH", $"/api/nodes/{IdOf("A")}", """{"tags":["t"]}""");
        await admin.OkAsync("PUT", "/api/queries/users", """{"sql":"select * from users","tags":["t"],"description":"who has an account"}""");
        var id = (string)(await admin.OkAsync("POST", "/api/campaigns", """{"sql":"select * from shell_history","targets":{"all":true},"reason":"Ticket 12"}"""))["id"]!;
        using var anybody = new Api(server.Url, null);
        var link = (string)(await admin.OkAsync("POST", $"/api/nodes/{IdOf("A")}/device-link", "{}"))["path"]!;
        Assert.Empty((await anybody.GetAsync(link))["asked"]!.AsArray());
        await admin.AgentAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await admin.AgentAsync("distributed/write", $$$"""{"queries":{"{{{id}}}":[{"a":"1"},{"a":"2"}]},"statuses":{"{{{id}}}":0},"node_key":"{{{key}}}"}""");

        var device = await anybody.GetAsync(link);
        var asked = Assert.Single(device["asked"]!.AsArray())!;
        Assert.Equal(("Admin", "Ticket 12", "select * from shell_history", "done", 2), ((string?)asked["by"], (string?)asked["reason"], (string?)asked["sql"], (string?)asked["status"], (int)asked["rows"]!));
        Assert.Equal("who has an account", (string?)device["schedule"]![0]!["description"]);
        Assert.Equal("A", (string?)(await anybody.GetAsync((string)(await admin.GetAsync($"/api/campaigns/{id}/answers"))["items"]![0]!["deviceLink"]!))["hostIdentifier"]);
        foreach (var wrong in new[] { link[..^2] + "xx", link.Replace(IdOf("A"), IdOf("B"), StringComparison.Ordinal), "/device/nonsense" }) await anybody.RefusedAsync(HttpStatusCode.NotFound, "GET", wrong);
    }
}

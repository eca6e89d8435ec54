using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Queries;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class CampaignApiTests : ApiTest
{
    private const string ScheduleJson = """{"name":"Weekly","sql":"select 1","targets":{"all":true},"cron":"0 6 * * MON","timeZone":"Europe/Berlin","expiresAfter":"2d"}""";

    protected override (string Key, string Value)[] Settings => [("Queries:CautionNodes", "2")];

    [Fact]
    public async Task Whom_a_question_would_reach_is_told_before_it_is_asked()
    {
        foreach (var host in new[] { "A", "B", "C" }) await EnrollAsync(host);
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("A")}", """{"tags":["t"]}""");
        var preview = await Api.OkAsync("POST", "/api/campaigns/preview", """{"sql":"select * from shell_history join users using (uid)","targets":{"all":true}}""");
        Assert.Equal((3, 3, 0), ((int)preview["targeted"]!, (int)preview["online"]!, (int)preview["offline"]!));
        Assert.Equal(["many-nodes", "sensitive-table"], preview["cautions"]!.AsArray().Select(one => (string?)one!["kind"]));
        Assert.Equal(1, (int)(await Api.OkAsync("POST", "/api/campaigns/preview", """{"sql":"select 1","targets":{"tags":["t"]}}"""))["targeted"]!);
    }

    [Fact]
    public async Task Many_machines_and_sensitive_tables_need_a_reason()
    {
        foreach (var host in new[] { "A", "B", "C" }) await EnrollAsync(host);
        foreach (var body in new[] { """{"sql":"select 1","targets":{"all":true}}""", $$$"""{"sql":"select * from chrome_extensions","targets":{"nodes":["{{{IdOf("A")}}}"]}}""" })
        {
            Assert.Equal("urn:fleet:problem:reason-needed", (string?)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/campaigns", body))["type"]);
            Assert.Empty((await Api.GetAsync("/api/campaigns"))["items"]!.AsArray());
        }

        var made = await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true},"reason":"Ticket 12"}""");
        Assert.Equal("Ticket 12", (string?)(await Api.GetAsync($"/api/campaigns/{(string)made["id"]!}"))["reason"]);
        await Api.OkAsync("POST", "/api/campaigns", $$"""{"sql":"select 1","targets":{"nodes":["{{IdOf("A")}}","{{IdOf("B")}}"]} }""");
    }

    [Fact]
    public async Task A_campaign_is_repeated_and_saved_as_a_query()
    {
        await EnrollAsync("A");
        var first = await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select * from time","description":"the time","targets":{"all":true}}""");
        await EnrollAsync("B");
        var second = await Api.OkAsync("POST", $"/api/campaigns/{(string)first["id"]!}/repeat", "{}");
        Assert.Equal((1, 2), ((int)first["targeted"]!, (int)second["targeted"]!));
        Assert.NotEqual((string?)first["id"], (string?)second["id"]);
        var query = await Api.OkAsync("POST", $"/api/campaigns/{(string)first["id"]!}/save", """{"name":"time","tags":["t"]}""");
        Assert.Equal(("select * from time", "the time", 3_600), ((string?)query["sql"], (string?)query["description"], (int)query["interval"]!));
        await Api.RefusedAsync(HttpStatusCode.Conflict, "POST", $"/api/campaigns/{(string)first["id"]!}/save", """{"name":"time"}""");
        Assert.Equal(["/campaigns/" + (string?)second["id"]], (await Api.GetAsync("/api/campaigns?status=active&take=1"))["items"]!.AsArray().Select(one => (string?)one!["link"]));
    }

    [Fact]
    public async Task Those_who_watch_get_every_answer_once_and_the_end_and_go_on_where_they_left()
    {
        var keys = new List<string>();
        for (var i = 0; i < 5; i++) keys.Add(await EnrollAsync("H" + i));
        var id = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true},"reason":"r"}"""))["id"]!;
        var early = WatchAsync(id, null);
        var alike = WatchAsync(id, null);
        foreach (var key in keys) await AnswerAsync(key, id);
        var (events, last) = await early;
        Assert.Equal(5, events.Count(one => one.EventType == "answer"));
        Assert.Equal("end", events[^1].EventType);
        Assert.Equal(5, (int)JsonNode.Parse(events.Last(one => one.EventType == "counts").Data)!["done"]!);
        Assert.Equal("""[{"a":"1"}]""", JsonNode.Parse(events.First(one => one.EventType == "answer").Data)!["rows"]!.ToJsonString());
        Assert.Equal(5, (await alike).Events.Count(one => one.EventType == "answer"));

        // Whoever comes when all is there, and is cut off after the first one, gets the others.
        var whole = (await WatchAsync(id, null)).Events.First(one => one.EventType == "answer");
        Assert.InRange((await WatchAsync(id, whole.EventId)).Events.Count(one => one.EventType == "answer"), 4, 5);

        // Whoever had the last one long ago gets no answer again; the end is told all the same.
        var parts = last!.Split('-');
        var later = await WatchAsync(id, $"{long.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture) + TimeSpan.FromMinutes(1).Ticks}-{parts[1]}");
        Assert.DoesNotContain(later.Events, one => one.EventType == "answer");
        Assert.Equal("end", later.Events[^1].EventType);
    }

    [Fact]
    public async Task Any_number_of_watchers_cost_one_reader()
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        var watch = world.Get<CampaignWatch>();
        using var stop = new CancellationTokenSource();
        world.Tables.Reset();
        var watchers = Enumerable.Range(0, 50).Select(_ => watch.WatchAsync(campaign.Id, default, stop.Token).GetAsyncEnumerator()).ToList();
        foreach (var watcher in watchers)
        {
            Assert.True(await watcher.MoveNextAsync());
            Assert.Equal("counts", watcher.Current.EventType);
        }

        Assert.InRange(world.Tables.Operations, 1, 3);
        foreach (var watcher in watchers) await watcher.DisposeAsync();
    }

    [Fact]
    public async Task Rows_are_exported_as_CSV_and_NDJSON_with_their_number()
    {
        var key = await EnrollAsync("A");
        var id = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true}}"""))["id"]!;
        await AnswerAsync(key, id, """[{"a":"=1+1","nodeId":"mine"},{"a":"2","b":"x"}]""");
        var csv = await Api.Http.GetStringAsync(new Uri($"/api/campaigns/{id}/export?format=csv", UriKind.Relative));
        var lines = csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("nodeId,status,error,answeredAt,a,column.nodeId,b,other", lines[0]);
        Assert.Equal(3, lines.Length);
        Assert.Contains(",'=1+1,mine,", lines[1], StringComparison.Ordinal);
        var ndjson = (await Api.Http.GetStringAsync(new Uri($"/api/campaigns/{id}/export?trailer=true", UriKind.Relative))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("2", (string?)JsonNode.Parse(ndjson[1])!["row"]!["a"]);
        Assert.Equal("""{"trailer":{"rows":2}}""", ndjson[^1]);
        await Api.RefusedAsync(HttpStatusCode.BadRequest, "GET", $"/api/campaigns/{id}/export?format=xlsx");
        Assert.Equal("done", (string?)(await Api.GetAsync($"/api/campaigns/{id}/answers/{IdOf("A")}"))["status"]);
        await Api.RefusedAsync(HttpStatusCode.NotFound, "GET", $"/api/campaigns/{id}/answers/{IdOf("B")}");
    }

    [Fact]
    public async Task How_far_each_node_came_is_listed_without_rows_by_state()
    {
        var keys = new List<string>();
        foreach (var host in new[] { "A", "B", "C" }) keys.Add(await EnrollAsync(host));
        var id = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true},"reason":"a test"}"""))["id"]!;
        await AnswerAsync(keys[1], id);
        Assert.Equal([IdOf("B")], await NamesAsync($"/api/campaigns/{id}/nodes?status=done", "nodeId"));
        Assert.Equal(new[] { IdOf("A"), IdOf("C") }.Order(StringComparer.Ordinal), await NamesAsync($"/api/campaigns/{id}/nodes?status=new", "nodeId"));

        var first = await Api.GetAsync($"/api/campaigns/{id}/nodes?take=2");
        var rest = await Api.GetAsync($"/api/campaigns/{id}/nodes?take=2&after={Uri.EscapeDataString((string)first["next"]!)}");
        Assert.Equal(3, first["items"]!.AsArray().Concat(rest["items"]!.AsArray()).Select(one => (string?)one!["nodeId"]).Distinct().Count());
        Assert.Null(first["items"]![0]!["rows"]);
        foreach (var wrong in new[] { "waiting", "2", "9" }) await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", $"/api/campaigns/{id}/nodes?status={wrong}");
    }

    [Fact]
    public async Task A_campaign_that_asks_later_nodes_counts_them_and_may_begin_with_none()
    {
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true}}""");
        var id = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true},"includeLater":true}"""))["id"]!;
        await AnswerAsync(await EnrollAsync("A"), id);
        var campaign = await Api.GetAsync("/api/campaigns/" + id);
        Assert.Equal((1, 1, "active", true), ((int)campaign["counts"]!["targeted"]!, (int)campaign["counts"]!["done"]!, (string?)campaign["status"], (bool)campaign["includeLater"]!));
    }

    [Fact]
    public async Task A_schedule_is_made_changed_and_deleted_and_lists_its_runs()
    {
        await EnrollAsync("A");
        var made = await Api.OkAsync("POST", "/api/campaign-schedules", ScheduleJson);
        var path = "/api/campaign-schedules/" + (string?)made["id"];
        Assert.Equal(("2d", DayOfWeek.Monday), ((string?)made["expiresAfter"], DateTimeOffset.Parse((string)made["next"]!, System.Globalization.CultureInfo.InvariantCulture).DayOfWeek));
        Assert.Null((string?)(await Api.OkAsync("PUT", path, ScheduleJson.Replace("true}", "true},\"enabled\":false", StringComparison.Ordinal)))["next"]);
        Assert.Single((await Api.GetAsync("/api/campaign-schedules"))["items"]!.AsArray());

        var store = Server.Services.GetRequiredService<CampaignSchedules>();
        var schedule = store.Table.Find((string)made["id"]!)!.Item;
        await Server.Services.GetRequiredService<CampaignStore>().StartAsync(schedule.RunOf(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow), default);
        await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 2","targets":{"all":true}}""");
        var run = Assert.Single((await Api.GetAsync($"/api/campaigns?schedule={(string?)made["id"]}"))["items"]!.AsArray());
        Assert.Equal(("select 1", (string?)made["id"]), ((string?)run!["sql"], (string?)run["scheduleId"]));

        await Api.OkAsync("DELETE", path);
        await Api.RefusedAsync(HttpStatusCode.NotFound, "GET", path);
    }

    [Theory]
    [InlineData("cron", "\"*/2 * * * *\"")]
    [InlineData("cron", "\"0 6 * *\"")]
    [InlineData("cron", "\"0 0 31 2 *\"")]
    [InlineData("timeZone", "\"Atlantis\"")]
    [InlineData("expiresAfter", "\"31d\"")]
    [InlineData("sql", "\"select * from nowhere\"")]
    [InlineData("name", "\" \"")]
    [InlineData("targets", "{}")]
    public async Task A_wrong_schedule_is_refused_by_the_member_that_is_wrong(string member, string value)
    {
        var body = (JsonObject)JsonNode.Parse(ScheduleJson)!;
        body[member] = JsonNode.Parse(value);
        var refused = await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/campaign-schedules", body.ToJsonString());
        Assert.Equal(member, (string?)refused["errors"]![0]!["path"]);
        Assert.Empty((await Api.GetAsync("/api/campaign-schedules"))["items"]!.AsArray());
    }

    private async Task AnswerAsync(string key, string id, string rows = """[{"a":"1"}]""")
    {
        await Api.AgentAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await Api.AgentAsync("distributed/write", $$$"""{"queries":{"{{{id}}}":{{{rows}}}},"statuses":{"{{{id}}}":0},"node_key":"{{{key}}}"}""");
    }

    private async Task<(List<SseItem<string>> Events, string? Last)> WatchAsync(string id, string? last)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/campaigns/{id}/stream");
        if (last is not null) request.Headers.TryAddWithoutValidation("Last-Event-ID", last);
        using var response = await Api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        var events = new List<SseItem<string>>();
        await foreach (var item in SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync()) events.Add(item);
        return (events, events.LastOrDefault(one => one.EventType == "answer").EventId);
    }
}

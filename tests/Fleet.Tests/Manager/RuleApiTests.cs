using System.Net;
using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

public sealed class RuleApiTests : ApiTest
{
    private const string Conditions = """{"condition":"AND","rules":[{"id":"query_name","field":"query_name","type":"string","input":"text","operator":"equal","value":"processes"}]}""";

    [Fact]
    public async Task Everything_that_a_rule_can_have_comes_back_as_it_was_put_and_each_change_is_a_version()
    {
        await Api.OkAsync("PUT", "/api/alerters/boss", """{"type":"log"}""");
        var body = $$$"""
            {"name":"r","conditions":{{{Conditions}}},"message":"$path on $node","runbook":"https://example.org/r","severity":"low","tags":["prod"],"platforms":["linux"],
             "threshold":{"count":3,"window":"10m","per":"fleet"},"group":{"window":"1h","by":["path"]},"resolveAfter":"7d","escalate":{"after":"30m","alerters":["boss"]},"learning":"1d"}
            """;
        await Api.OkAsync("PUT", "/api/rules/r", body);
        var rule = await Api.GetAsync("/api/rules/r");
        foreach (var (member, value) in JsonNode.Parse(body)!.AsObject()) Assert.True(JsonNode.DeepEquals(value, rule[member]), $"{member}: {rule[member]}");
        Assert.Equal(1, (int)rule["version"]!);
        await Api.ReplaceAsync("/api/rules/r", body);
        Assert.Equal(1, (int)(await Api.GetAsync("/api/rules/r"))["version"]!);
        Assert.Equal(2, (int)(await Api.ReplaceAsync("/api/rules/r", body.Replace("low", "high", StringComparison.Ordinal)))["version"]!);
        await Api.RefusedAsync(HttpStatusCode.Conflict, "DELETE", "/api/alerters/boss");
    }

    [Theory]
    [InlineData(""" "absence":{"kind":"not_seen","for":"1h"} """, "conditions")]
    [InlineData(""" "threshold":{"count":1,"window":"10m"} """, "threshold.count")]
    [InlineData(""" "threshold":{"count":2,"window":"30d"} """, "threshold.window")]
    [InlineData(""" "threshold":{"count":2,"window":"1h","per":"planet"} """, "threshold.per")]
    [InlineData(""" "threshold":{"count":2,"window":"1h"},"resolveOnRemoved":true """, "resolveOnRemoved")]
    [InlineData(""" "group":{"window":"soon"} """, "group.window")]
    [InlineData(""" "group":{"window":"1h","by":[" "]} """, "group.by")]
    [InlineData(""" "escalate":{"after":"1h","alerters":["nobody"]} """, "escalate.alerters[0]")]
    [InlineData(""" "escalate":{"after":"1h","alerters":[]} """, "escalate.alerters")]
    [InlineData(""" "platforms":["amiga"] """, "platforms[0]")]
    [InlineData(""" "runbook":"javascript:alert(1)" """, "runbook")]
    [InlineData(""" "resolveAfter":"1s" """, "resolveAfter")]
    public async Task What_is_wrong_is_said_at_its_place(string member, string path) => Assert.Contains(
        path, (await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/rules/r", $$"""{"name":"r","conditions":{{Conditions}},{{member}}}"""))["errors"]!.AsArray().Select(error => (string)error!["path"]!));

    [Theory]
    [InlineData("""{"kind":"results","query":"q"}""", "absence.intervals")]
    [InlineData("""{"kind":"results","query":"q","intervals":1}""", "absence.intervals")]
    [InlineData("""{"kind":"results","intervals":3}""", "absence.query")]
    [InlineData("""{"kind":"quiet"}""", "absence.for")]
    [InlineData("""{"kind":"quiet","for":"1h","percent":3}""", "absence.percent")]
    [InlineData("""{"kind":"missing","for":"1h"}""", "absence.percent")]
    [InlineData("""{"kind":"gone","for":"1h"}""", "absence.kind")]
    [InlineData("""{"kind":"results","query":"nobody/has/it","intervals":3}""", "absence.query")]
    public async Task An_absence_has_what_its_kind_needs(string absence, string path) => Assert.Contains(
        path, (await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/rules/r", $$"""{"name":"r","absence":{{absence}}}"""))["errors"]!.AsArray().Select(error => (string)error!["path"]!));

    [Theory]
    [InlineData($$"""[{"id":7,"name":"A","alerters":["log","email"],"description":"d","conditions":{{Conditions}},"updated_at":"2019-01-01T00:00:00"},{"id":8,"name":"B","alerters":null,"description":null,"conditions":null,"updated_at":null}]""")]
    [InlineData($$"""
        {"id":7,"name":"A","alerters":["log","email"],"description":"d","conditions":{{Conditions}}}
        {"id":8,"name":"B","alerters":[],"description":"","conditions":"text"}
        """)]
    [InlineData(""""
        id,name,alerters,description,conditions,updated_at
        7,A,"{log,""email""}",d,"{""condition"": ""AND"", ""rules"": [{""id"": ""query_name"", ""field"": ""query_name"", ""operator"": ""equal"", ""value"": ""processes""}]}",2019-01-01 00:00:00
        8,B,{},,,
        """")]
    public async Task Doormans_rules_come_as_its_database_gives_them_and_a_broken_one_stops_no_other(string file)
    {
        await Api.OkAsync("PUT", "/api/alerters/log", """{"type":"log"}""");
        var rehearsal = await Api.OkAsync("POST", "/api/import/doorman-rules?dryRun=true", file);
        Assert.Equal(["added", "refused"], rehearsal["rules"]!.AsArray().Select(rule => (string)rule!["change"]!));
        Assert.Empty((await Api.GetAsync("/api/rules"))["items"]!.AsArray());

        var done = (await Api.OkAsync("POST", "/api/import/doorman-rules", file))["rules"]!.AsArray();
        Assert.Equal("email", (string)Assert.Single(done[0]!["missingAlerters"]!.AsArray())!);
        Assert.Equal("conditions", (string)done[1]!["errors"]![0]!["path"]!);
        var rule = await Api.GetAsync("/api/rules/doorman-7");
        Assert.Equal(("A", "d", "log"), ((string)rule["name"]!, (string)rule["description"]!, (string)Assert.Single(rule["alerters"]!.AsArray())!));
        Assert.Equal("same", (string)(await Api.OkAsync("POST", "/api/import/doorman-rules", file))["rules"]![0]!["change"]!);
    }

    [Theory]
    [InlineData("pack/base/users")]
    [InlineData("pack_base_users")]
    [InlineData("uptime")]
    public async Task An_absence_is_of_a_query_by_the_name_that_its_results_have(string query)
    {
        await Api.OkAsync("PUT", "/api/queries/uptime", """{"sql":"select 1"}""");
        await Api.OkAsync("PUT", "/api/packs/base", """{"queries":{"users":{"query":"select 1","interval":60}}}""");
        await Api.OkAsync("PUT", "/api/rules/r", $$$"""{"name":"r","absence":{"kind":"results","query":"{{{query}}}","intervals":3}}""");
        var refused = await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/rules/s", $$$"""{"name":"s","absence":{"kind":"results","query":"{{{query}}}x","intervals":3}}""");
        Assert.Contains("did you mean", (string)refused["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slips_in_conditions_are_named_and_their_size_has_a_limit()
    {
        var slip = await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules", """{"name":"r","conditions":{"condition":"AND","nott":true,"rules":[{"id":"a","field":"action","type":"string","input":"select","operator":"equal","vlaue":"b","value":"added"}]}}""");
        Assert.Equal(["conditions.nott", "conditions.rules[0].vlaue"], slip["errors"]!.AsArray().Select(error => (string)error!["path"]!));
        var huge = $$$"""{"name":"r","conditions":{"condition":"AND","rules":[{"field":"action","operator":"equal","value":"{{{new string('x', 300_000)}}}"}]}}""";
        Assert.Contains("200,000", (string)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules", huge))["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_sinks_do_not_write_to_one_file()
    {
        await Api.OkAsync("PUT", "/api/sinks/a", """{"type":"file","path":"out.ndjson"}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/sinks/b", """{"type":"file","path":"./x/../out.ndjson"}""");
        await Api.ReplaceAsync("/api/sinks/a", """{"type":"file","path":"out.ndjson","files":3}""");
    }

    [Fact]
    public async Task What_was_read_can_be_written_again()
    {
        await Api.OkAsync("PUT", "/api/alerters/boss", """{"type":"webhook","url":"https://example.org/x","secret":"s"}""");
        await Api.OkAsync("PUT", "/api/sinks/siem", """{"type":"file","path":"out.ndjson","megabytes":5}""");
        await Api.OkAsync("PUT", "/api/rules/r", $$"""{"name":"A","alerters":["boss"],"conditions":{{Conditions}}}""");
        foreach (var path in new[] { "/api/alerters/boss", "/api/sinks/siem", "/api/rules/r" })
        {
            var read = await Api.GetAsync(path);
            Assert.Equal(read.ToJsonString(), (await Api.ReplaceAsync(path, read.ToJsonString())).ToJsonString());
            Assert.Equal("same", (string)(await Api.OkAsync("PUT", path + "?dryRun=true", read.ToJsonString()))["change"]!);
        }

        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/sinks/other", """{"name":"siem","type":"file","path":"out.ndjson"}""");
    }

    [Theory]
    [InlineData("text/csv", HttpStatusCode.OK)]
    [InlineData("application/x-ndjson", HttpStatusCode.OK)]
    [InlineData("application/x-www-form-urlencoded", HttpStatusCode.OK)]
    [InlineData("image/png", HttpStatusCode.UnsupportedMediaType)]
    public async Task Doormans_rules_come_as_what_they_are(string type, HttpStatusCode status)
    {
        using var body = new StringContent("id,name,alerters,description,conditions\n7,A,{},d,\"" + Conditions.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"");
        body.Headers.ContentType = new(type);
        using var answer = await Api.Http.PostAsync(new Uri("/api/import/doorman-rules", UriKind.Relative), body);
        Assert.Equal(status, answer.StatusCode);
        if (status != HttpStatusCode.OK) Assert.Contains("image/png", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[1]")]
    [InlineData("name,alerters\nA,{}")]
    [InlineData("{\"id\":")]
    public async Task What_is_no_rules_of_Doormans_is_refused_whole(string file) => await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/import/doorman-rules", file);

    [Fact]
    public async Task A_rule_is_drafted_of_a_query_or_of_a_packs()
    {
        await Api.OkAsync("PUT", "/api/queries/uptime", """{"sql":"select 1","snapshot":true,"description":"How long"}""");
        await Api.OkAsync("PUT", "/api/packs/base", """{"platform":"linux","queries":{"new_users":{"query":"select 1","interval":60,"description":"Who came","value":"Find accounts"}}}""");
        var draft = await Api.GetAsync("/api/rules/draft?query=pack/base/new_users");
        Assert.Equal(("new users", "Who came\n\nFind accounts", "linux", true), ((string)draft["name"]!, (string)draft["description"]!, (string)Assert.Single(draft["platforms"]!.AsArray())!, (bool)draft["resolveOnRemoved"]!));
        Assert.Equal(["pack/base/new_users", "added"], draft["conditions"]!["rules"]!.AsArray().Select(leaf => (string)leaf!["value"]!));
        await Api.OkAsync("POST", "/api/rules", draft.ToJsonString());
        Assert.Single((await Api.GetAsync("/api/rules/draft?query=uptime"))["conditions"]!["rules"]!.AsArray());
        await Api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/rules/draft?query=nothing");
    }

    [Fact]
    public async Task A_back_test_tells_how_far_it_is_and_ends_with_the_result()
    {
        var key = await EnrollAsync("H1");
        await LogAsync(key, """[{"name":"processes","action":"added","columns":{"path":"/tmp/x"}}]""");
        await Server.MaterializeAsync();
        var end = await Api.OkAsync("POST", "/api/rules/backtest", $$$"""{"rule":{"name":"draft","conditions":{{{Conditions}}}}}""");
        Assert.Equal((1, 1, "H1"), ((int)end["result"]!["matches"]!, (int)end["result"]!["alerts"]!, (string)end["result"]!["nodes"]![0]!["hostIdentifier"]!));
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules/backtest", """{"rule":{"name":"draft","absence":{"kind":"quiet","for":"1h"}}}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules/backtest", """{"ruleId":"nothing"}""");
        using var viewer = await Server.SignInAsync(Role.Viewer);
        await viewer.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/rules/backtest", "{}");
    }

    [Fact]
    public async Task An_alert_is_taken_care_of_and_who_did_what_is_written_down()
    {
        await Server.RaiseAsync(Drafts.Of("H1"));
        var id = (string)(await Api.GetAsync("/api/alerts?state=open"))["items"]![0]!["id"]!;
        Assert.Equal("acknowledged", (string)(await Api.OkAsync("POST", $"/api/alerts/{id}/acknowledge", """{"note":"mine"}"""))["state"]!);
        Assert.Equal("eve", (string)(await Api.OkAsync("POST", $"/api/alerts/{id}/assign", """{"owner":"eve"}"""))["owner"]!);
        Assert.NotNull((await Api.OkAsync("POST", $"/api/alerts/{id}/snooze", """{"for":"4h"}"""))["quietUntil"]);
        Assert.Null((await Api.OkAsync("DELETE", $"/api/alerts/{id}/snooze"))["quietUntil"]);
        await Api.OkAsync("POST", $"/api/alerts/{id}/notes", """{"note":"seen before"}""");
        Assert.Equal("resolved", (string)(await Api.OkAsync("POST", $"/api/alerts/{id}/resolve"))["state"]!);
        await Api.RefusedAsync(HttpStatusCode.Conflict, "POST", $"/api/alerts/{id}/acknowledge");
        Assert.Equal("open", (string)(await Api.OkAsync("POST", $"/api/alerts/{id}/reopen", "{}"))["state"]!);
        var steps = (await Api.GetAsync($"/api/alerts/{id}/history"))["items"]!.AsArray();
        Assert.Equal(["acknowledged", "assigned", "note", "opened", "reopened", "resolved", "snoozed", "snoozed"], steps.Select(step => (string)step!["action"]!).Order(StringComparer.Ordinal));
        Assert.Empty((await Api.GetAsync("/api/alerts?state=resolved,acknowledged"))["items"]!.AsArray());
        Assert.Single((await Api.GetAsync("/api/alerts?tag=prod&q=TMP"))["items"]!.AsArray());
        Assert.Contains((await Api.GetAsync("/api/audit"))["items"]!.AsArray(), entry => (string?)entry!["target"] == "alerts/" + id);

        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/alerts/{id}/snooze", """{"for":"soon"}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/alerts/{id}/snooze", "{}");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", "/api/alerts?severity=hihg");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/alerts/{id}/notes", "{}");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", "/api/alerts?state=1");
        await Api.RefusedAsync(HttpStatusCode.NotFound, "POST", "/api/alerts/0123456789abcdef0123456789abcdef/resolve", "{}");
        await Api.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/api/alerts?after=garbage");
        var many = await Api.OkAsync("POST", "/api/alerts/change", $$"""{"ids":["{{id}}","0123456789abcdef0123456789abcdef"],"action":"resolve"}""");
        Assert.Equal((1, 1), ((int)many["changed"]!, many["missing"]!.AsArray().Count));
        using var viewer = await Server.SignInAsync(Role.Viewer);
        await viewer.RefusedAsync(HttpStatusCode.Forbidden, "POST", $"/api/alerts/{id}/resolve", "{}");
    }

    [Theory]
    [InlineData("""{"type":"pagerduty"}""", "secret")]
    [InlineData("""{"type":"pagerduty","secret":"k","to":"x"}""", "to")]
    [InlineData("""{"type":"email","server":"mail.example.org","from":"a@b.org","to":"c@d.org"}""", "server")]
    [InlineData("""{"type":"email","server":"smtp://m","from":"nobody","to":"c@d.org"}""", "from")]
    [InlineData("""{"type":"email","server":"smtp://m","from":"a@b.org","to":"c@d.org","user":"u"}""", "secret")]
    [InlineData("""{"type":"slack","secret":"not an address"}""", "secret")]
    [InlineData("""{"type":"sentry","secret":"https://sentry.io/2"}""", "secret")]
    [InlineData("""{"type":"syslog","server":"udp://h:514"}""", "server")]
    [InlineData("""{"type":"log","digestEvery":"1h"}""", "digestEvery")]
    [InlineData("""{"type":"slack","secret":"https://h/x","digestEvery":"5s"}""", "digestEvery")]
    [InlineData("""{"type":"log","minimumSeverity":"worst"}""", "minimumSeverity")]
    [InlineData("""{"type":"pigeon"}""", "type")]
    public async Task An_alerter_that_could_not_deliver_is_refused(string body, string path) => Assert.Contains(
        path, (await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/alerters/a", body))["errors"]!.AsArray().Select(error => (string)error!["path"]!));

    [Fact]
    public async Task A_secret_stays_with_its_type_and_is_never_shown()
    {
        await Api.OkAsync("PUT", "/api/alerters/a", """{"type":"pagerduty","secret":"R0UT1NG"}""");
        await Api.ReplaceAsync("/api/alerters/a", """{"type":"pagerduty","minimumSeverity":"high"}""");
        Assert.DoesNotContain("R0UT1NG", (await Api.GetAsync("/api/alerters/a")).ToJsonString() + (await Api.GetAsync("/api/audit")).ToJsonString(), StringComparison.Ordinal);
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/alerters/a", """{"type":"opsgenie"}""", ifMatch: "*");
        await Api.ReplaceAsync("/api/alerters/a", """{"type":"webhook","url":"https://example.org"}""");
        Assert.False((bool)(await Api.GetAsync("/api/alerters/a"))["hasSecret"]!);
    }
}

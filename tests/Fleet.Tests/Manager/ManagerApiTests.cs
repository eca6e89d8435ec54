using System.Net;
using Fleet.Manager;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class ManagerApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private Api _api = null!;

    public async Task InitializeAsync()
    {
        _server = await RunningServer.StartAsync(("Limits:CallsPerMinute", "100000"), ("Limits:StrangersCallsPerMinute", "100000"));
        _api = await _server.SignInAsync(Role.Admin);
    }

    public async Task DisposeAsync()
    {
        _api.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("/api/nodes?take=x")]
    [InlineData("/api/carves?take=x")]
    public async Task A_parameter_that_cannot_be_read_is_a_problem(string path)
    {
        await using var server = await RunningServer.StartAsync();
        using var api = await server.SignInAsync(Role.Viewer);
        Assert.Contains("take", (string?)(await api.RefusedAsync(HttpStatusCode.BadRequest, "GET", path))["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_endpoint_of_the_API_declares_who_may_call_it()
    {
        var endpoints = _server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.RoutePattern.RawText!.StartsWith("/api", StringComparison.Ordinal)).ToList();
        Assert.InRange(endpoints.Count, 40, 200);
        Assert.All(endpoints.Where(endpoint => !endpoint.RoutePattern.RawText!.Contains("{*path", StringComparison.Ordinal)), endpoint =>
            Assert.True(endpoint.Metadata.GetMetadata<IAuthorizeData>() is not null || endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null, endpoint.DisplayName));

        using var nobody = new Api(_server.Url, null);
        using var stranger = new Api(_server.Url, "fleet_wrong");
        using var late = await _server.SignInAsync(Role.Admin, TimeSpan.FromMilliseconds(1));
        using var viewer = await _server.SignInAsync(Role.Viewer);
        using var operates = await _server.SignInAsync(Role.Operator);
        foreach (var endpoint in endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<IAuthorizeData>() is not null))
        {
            var path = System.Text.RegularExpressions.Regex.Replace(endpoint.RoutePattern.RawText!, @"\{[^}]+\}", "x");
            var method = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0];
            var body = method == "GET" ? null : "{}";
            foreach (var unknown in new[] { nobody, stranger, late }) await unknown.RefusedAsync(HttpStatusCode.Unauthorized, method, path, body);
            var least = endpoint.Metadata.GetMetadata<IAuthorizeData>()!.Policy;
            if (least != "viewer") await viewer.RefusedAsync(HttpStatusCode.Forbidden, method, path, body);
            if (least == "admin") await operates.RefusedAsync(HttpStatusCode.Forbidden, method, path, body);
        }
    }

    [Fact]
    public async Task A_token_ends_when_it_expires()
    {
        using var soon = await _server.SignInAsync(Role.Admin, TimeSpan.FromMilliseconds(1));
        await soon.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/nodes");
    }

    [Fact]
    public async Task People_sign_in_write_with_the_CSRF_header_and_sign_out()
    {
        await _server.Services.GetRequiredService<UserStore>().AddAsync("Ada", "correct horse", Role.Operator, default);
        using var browser = new Api(_server.Url, null);
        await browser.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"ada","password":"wrong"}""");
        await browser.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"nobody","password":"wrong"}""");
        using var response = await browser.Http.PostAsync(new Uri("/api/session", UriKind.Relative), new StringContent("""{"username":"ada","password":"correct horse"}""", null, "application/json"));
        Assert.All(response.Headers.GetValues("Set-Cookie"), cookie => Assert.All(["secure", "httponly", "samesite=strict"], flag => Assert.Contains(flag, cookie, StringComparison.OrdinalIgnoreCase)));
        var cookie = response.Headers.GetValues("Set-Cookie").Single(cookie => cookie.StartsWith("fleet=", StringComparison.Ordinal));
        browser.Http.DefaultRequestHeaders.Add("Cookie", cookie.Split(';')[0]);

        Assert.Equal("operator", (string?)(await browser.GetAsync("/api/session"))["role"]);
        await browser.RefusedAsync(HttpStatusCode.Forbidden, "PUT", "/api/queries/q", """{"sql":"select 1"}""");
        browser.Http.DefaultRequestHeaders.Add("X-Fleet-Csrf", "1");
        await browser.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        await browser.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/enroll-secrets", "{}");

        await _server.Services.GetRequiredService<UserStore>().SetPasswordAsync("ada", "another one", default);
        await browser.RefusedAsync(HttpStatusCode.Unauthorized, "GET", "/api/session");
    }

    [Fact]
    public async Task Healthz_and_unknown_paths_answer_as_they_should()
    {
        using var nobody = new Api(_server.Url, null);
        Assert.Equal("ok", (string?)(await nobody.GetAsync("/healthz"))["status"]);
        Assert.NotNull((await nobody.SendAsync("POST", "/logs", "{}")).Json!["error"]);
        Assert.NotNull((await nobody.SendAsync("POST", "/api/oskuery/log", "{}")).Json!["error"]);
        Assert.NotNull((await nobody.SendAsync("GET", "/v1/x")).Json!["error"]);
        Assert.NotNull((await nobody.SendAsync("POST", "/osquery/log.php", "{}")).Json!["error"]);
        Assert.NotNull((await nobody.SendAsync("POST", "/api/log.json", "{}")).Json!["error"]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"sql":"select 1","intervall":60}""")]
    [InlineData("""{"sql":"select 1","sql":"select 2"}""")]
    [InlineData("""{"interval":60}""")]
    [InlineData("""{"sql":null}""")]
    [InlineData("""{"sql":"select 1","interval":"60"}""")]
    [InlineData("""{"sql":"select 1","interval":1.5}""")]
    [InlineData("[]")]
    public async Task JSON_is_strict(string body) => await _api.RefusedAsync(HttpStatusCode.BadRequest, "PUT", "/api/queries/q", body);

    [Fact]
    public async Task A_body_is_JSON_whatever_it_is_called_and_mistakes_in_it_are_told_in_plain_words()
    {
        foreach (var type in new[] { "application/x-www-form-urlencoded", null })
        {
            using var content = new StringContent("""{"sql":"select 1"}""");
            content.Headers.ContentType = type is null ? null : new(type);
            using var response = await _api.Http.PutAsync(new Uri("/api/queries/q", UriKind.Relative), content);
            Assert.True(response.IsSuccessStatusCode, $"{type}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        }

        foreach (var (body, words) in new[]
        {
            ("""{"sql":"select 1","tgs":[]}""", "There is no member 'tgs' here. Did you mean 'tags'?"),
            ("""{"sql":"select 1","tags":"x"}""", "$.tags: This is a list of texts."),
            ("""{"interval":1}""", "Missing: 'sql'."),
            ("""{"sql":"a","sql":"b"}""", "The member 'sql' comes twice."),
        })
        {
            Assert.Equal(words, (string?)(await _api.RefusedAsync(HttpStatusCode.BadRequest, "PUT", "/api/queries/q", body))["detail"]);
        }
    }

    [Fact]
    public async Task Queries_are_made_read_changed_listed_and_removed()
    {
        Assert.Equal(HttpStatusCode.Created, (await _api.SendAsync("PUT", "/api/queries/a", """{"sql":"select * from users","interval":60,"snapshot":true,"tags":["t","s"]}""")).Status);
        await _api.ReplaceAsync("/api/queries/a", """{"sql":"select uid from users","interval":61,"shard":5,"denylist":false,"tags":["t"]}""");
        await _api.OkAsync("PUT", "/api/queries/b%2Fc", """{"sql":"select 1"}""");
        var a = await _api.GetAsync("/api/queries/a");
        Assert.Equal(("select uid from users", 61, 5, false), ((string?)a["sql"], (int)a["interval"]!, (int)a["shard"]!, (bool)a["denylist"]!));
        Assert.Null((bool?)a["snapshot"]);
        Assert.Equal("b/c", (string?)(await _api.GetAsync("/api/queries/b/c"))["name"]);

        var first = await _api.GetAsync("/api/queries?take=1");
        var second = await _api.GetAsync($"/api/queries?take=1&after={Uri.EscapeDataString((string)first["next"]!)}");
        Assert.Equal(["a", "b/c"], new[] { first, second }.Select(page => (string?)page["items"]![0]!["name"]));
        Assert.Null((string?)second["next"]);

        await _api.OkAsync("DELETE", "/api/queries/a");
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/queries/a");
        await _api.RefusedAsync(HttpStatusCode.NotFound, "DELETE", "/api/queries/a");
    }

    [Theory]
    [InlineData("q", """{"sql":"select * from nope"}""", "sql")]
    [InlineData("q", """{"sql":"select 1","interval":0}""", "interval")]
    [InlineData("q", """{"sql":"select 1","interval":604801}""", "interval")]
    [InlineData("q", """{"sql":"select 1","shard":101}""", "shard")]
    [InlineData("q", """{"sql":"select 1","tags":[" "]}""", "tags")]
    [InlineData("query.q", """{"sql":"select 1"}""", "name")]
    [InlineData("q_epoch", """{"sql":"select 1"}""", "name")]
    public async Task A_query_that_osquery_would_drop_is_refused_with_the_field(string name, string body, string field)
    {
        var problem = await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", $"/api/queries/{name}", body);
        Assert.Equal(field, (string?)problem["errors"]![0]!["path"]);
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", $"/api/queries/{name}");
    }

    [Fact]
    public async Task SQL_is_checked_on_demand()
    {
        var good = await _api.OkAsync("POST", "/api/queries/check", """{"sql":"select * from launchd"}""");
        Assert.Equal("""{"valid":true,"message":null,"tables":["launchd"],"platforms":["darwin"],"since":null,"until":null,"notes":[]}""", good.ToJsonString());
        var bad = await _api.OkAsync("POST", "/api/queries/check", """{"sql":"select"}""");
        Assert.False((bool)bad["valid"]!);
    }

    [Fact]
    public async Task What_does_not_run_everywhere_is_told_with_the_number_of_nodes()
    {
        foreach (var (host, version) in new[] { ("old", "4.1.0"), ("older", "3.3.2"), ("new", "5.23.1") })
        {
            var secret = _server.Secret;
            await _api.AgentAsync("enroll", $$$"""{"enroll_secret":"{{{secret}}}","host_identifier":"{{{host}}}","host_details":{"osquery_info":{"version":"{{{version}}}"} } }""");
        }

        var ended = await _api.OkAsync("POST", "/api/queries/check", """{"sql":"select * from opera_extensions"}""");
        Assert.Equal((false, "opera_extensions ended with osquery 4.6.0.", "4.6.0", "2 of your nodes still have it."), ((bool)ended["valid"]!, (string?)ended["message"], (string?)ended["until"], (string?)ended["notes"]![0]));
        var late = await _api.OkAsync("POST", "/api/queries/check", """{"sql":"select * from bpf_process_events; select 1"}""");
        Assert.Equal((true, "4.6.0", 2), ((bool)late["valid"]!, (string?)late["since"], late["notes"]!.AsArray().Count));
        Assert.Equal("It runs from osquery 4.6.0 on. 2 of your nodes are older.", (string?)late["notes"]![0]);
    }

    [Fact]
    public async Task A_pack_is_taken_as_it_is_and_refused_whole()
    {
        await _api.OkAsync("PUT", "/api/packs/fim?tags=a,b", """
            // a comment
            {"queries":{"x":{"query":"select * from time;","interval":"60",}}}
            """);
        var pack = await _api.GetAsync("/api/packs/fim");
        Assert.Equal("""["a","b"]""", pack["tags"]!.ToJsonString());
        Assert.Equal(60, (int)pack["queries"]!["x"]!["interval"]!);
        await _api.ReplaceAsync("/api/packs/fim", """{"queries":{"x":{"query":"select 1","interval":60} } }""");
        Assert.Equal("""["a","b"]""", (await _api.GetAsync("/api/packs/fim"))["tags"]!.ToJsonString());

        var problem = await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/packs/bad", """{"queries":{"x":{"query":"select 1","interval":60},"y":{"query":"select","interval":60},"z":{"query":"select 1","interval":0} } }""");
        Assert.Equal(["queries.y.query", "queries.z.interval"], problem["errors"]!.AsArray().Select(error => (string?)error!["path"]));
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/packs/bad");
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/packs/main", """{"queries":{}}""");
        await _api.RefusedAsync(HttpStatusCode.BadRequest, "PUT", "/api/packs/bad", "not json");
        await _api.OkAsync("DELETE", "/api/packs/fim");
    }

    [Fact]
    public async Task File_paths_and_options_are_kept()
    {
        await _api.OkAsync("PUT", "/api/file-paths/etc", """{"paths":["/etc/%%"],"excludePaths":["/etc/mtab"],"accesses":true,"tags":["t"]}""");
        Assert.True((bool)(await _api.GetAsync("/api/file-paths/etc"))["accesses"]!);
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/file-paths/etc", """{"paths":[" "]}""");
        await _api.OkAsync("PUT", "/api/options/o", """{"config":{"options":{"a":1},"decorators":{"load":["select 1"]}},"tags":["t"]}""");
        Assert.Equal(1, (int)(await _api.GetAsync("/api/options/o"))["config"]!["options"]!["a"]!);
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/options/o", """{"config":{"options":[]}}""");
        Assert.Equal((1, 1), ((int)(await _api.GetAsync("/api/tags"))["items"]![0]!["filePaths"]!, (int)(await _api.GetAsync("/api/tags"))["items"]![0]!["options"]!));
        await _api.OkAsync("DELETE", "/api/file-paths/etc");
        await _api.OkAsync("DELETE", "/api/options/o");
    }

    [Fact]
    public async Task A_node_is_read_tagged_named_deactivated_and_deleted()
    {
        var key = await EnrollAsync("H1", _server.Secret);
        var node = (await _api.GetAsync("/api/nodes"))["items"]![0]!;
        var id = (string)node["id"]!;
        Assert.Equal(("H1", "web-1", "linux", "5.23.1", true), ((string?)node["hostIdentifier"], (string?)node["displayName"], (string?)node["platform"], (string?)node["osqueryVersion"], (bool)node["active"]!));
        Assert.Equal("127.0.0.1", (string?)node["lastAddress"]);
        Assert.EndsWith("Z", (string?)node["lastSeenAt"], StringComparison.Ordinal);
        Assert.Null(node["hostDetails"]);
        Assert.Equal("web-1", (string?)(await _api.GetAsync($"/api/nodes/{id}"))["hostDetails"]!["system_info"]!["hostname"]);

        var patched = await _api.OkAsync("PATCH", $"/api/nodes/{id}", """{"displayName":"the printer","tags":["b","a"]}""");
        Assert.Equal(("the printer", """["a","b"]"""), ((string?)patched["displayName"], patched["tags"]!.ToJsonString()));
        await _api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1","tags":["a"]}""");
        var config = await _api.GetAsync($"/api/nodes/{id}/config");
        Assert.NotNull(config["schedule"]!["q"]);
        Assert.Equal(config.ToJsonString(), (await _api.AgentAsync("config", $$"""{"node_key":"{{key}}"}""")).ToJsonString());

        Assert.Equal("the printer", (string?)(await _api.OkAsync("PATCH", $"/api/nodes/{id}", """{"active":false}"""))["displayName"]);
        Assert.True((bool)(await _api.AgentAsync("config", $$"""{"node_key":"{{key}}"}"""))["node_invalid"]!);
        Assert.Equal("web-1", (string?)(await _api.OkAsync("PATCH", $"/api/nodes/{id}", """{"displayName":"","active":true}"""))["displayName"]);
        Assert.False((bool)(await _api.AgentAsync("config", $$"""{"node_key":"{{key}}"}"""))["node_invalid"]!);

        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PATCH", $"/api/nodes/{id}", """{"tags":[""]}""");
        await _api.OkAsync("DELETE", $"/api/nodes/{id}");
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", $"/api/nodes/{id}");
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/nodes/nonsense");
        Assert.True((bool)(await _api.AgentAsync("config", $$"""{"node_key":"{{key}}"}"""))["node_invalid"]!);
    }

    [Fact]
    public async Task What_an_agent_says_of_itself_cannot_make_a_list_unreadable()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"n\":", 100)) + "1" + new string('}', 100);
        var answer = await _api.AgentAsync("enroll", $$"""
            {"enroll_secret":"{{_server.Secret}}","host_identifier":"odd","host_details":{"os_version":{"name":"\ud800"},"deep":{{deep}} } }
            """);
        Assert.Single((await _api.GetAsync("/api/nodes"))["items"]!.AsArray());
        var campaign = (string)(await _api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true}}"""))["id"]!;
        await _api.AgentAsync("distributed/read", $$"""{"node_key":"{{(string)answer["node_key"]!}}"}""");
        await _api.AgentAsync("distributed/write", $$$"""{"queries":{"{{{campaign}}}":[{"a":"\udc00","b":{{{deep}}} }]},"node_key":"{{{(string)answer["node_key"]!}}}"}""");
        Assert.Equal("done", (string?)(await _api.GetAsync($"/api/campaigns/{campaign}/answers"))["items"]![0]!["status"]);
    }

    [Fact]
    public async Task Sign_ins_that_fail_are_throttled_and_those_that_succeed_are_not()
    {
        await _server.Services.GetRequiredService<UserStore>().AddAsync("ada", "correct horse", Role.Viewer, default);
        using var browser = new Api(_server.Url, null);
        for (var i = 0; i < 25; i++) await browser.OkAsync("POST", "/api/session", """{"username":"ada","password":"correct horse"}""");
        var last = HttpStatusCode.OK;
        for (var i = 0; i < 25 && last != HttpStatusCode.TooManyRequests; i++) last = (await browser.SendAsync("POST", "/api/session", """{"username":"x","password":"y"}""")).Status;
        Assert.Equal(HttpStatusCode.TooManyRequests, last);
    }

    [Fact]
    public async Task Nodes_come_in_pages()
    {
        for (var i = 0; i < 7; i++) await EnrollAsync("H" + i, _server.Secret);
        var seen = new List<string?>();
        string? after = null;
        do
        {
            var page = await _api.GetAsync($"/api/nodes?take=3{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}");
            seen.AddRange(page["items"]!.AsArray().Select(node => (string?)node!["hostIdentifier"]));
            after = (string?)page["next"];
        }
        while (after is not null);
        Assert.Equal(Enumerable.Range(0, 7).Select(i => "H" + i), seen.Order());
    }

    [Fact]
    public async Task A_node_can_be_made_beforehand_with_a_secret_of_its_own()
    {
        var made = await _api.OkAsync("POST", "/api/nodes", """{"displayName":"kiosk","tags":["k"]}""");
        await EnrollAsync("H9", (string)made["enrollSecret"]!);
        var node = await _api.GetAsync($"/api/nodes/{(string)made["node"]!["id"]!}");
        Assert.Equal(("kiosk", "H9"), ((string?)node["displayName"], (string?)node["hostIdentifier"]));
    }

    [Fact]
    public async Task An_enroll_secret_is_shown_once()
    {
        var made = await _api.OkAsync("POST", "/api/enroll-secrets", """{"label":"laptops","tags":["l"],"expiresAt":"2099-01-01T00:00:00Z","maxUses":1}""");
        await EnrollAsync("H1", (string)made["secret"]!);
        var listed = (await _api.GetAsync("/api/enroll-secrets"))["items"]!.AsArray().Single(secret => (string?)secret!["label"] == "laptops")!;
        Assert.Null((string?)listed["secret"]);
        Assert.Equal((1, "2099-01-01T00:00:00Z"), ((int)listed["uses"]!, (string?)listed["expiresAt"]));
        Assert.False((bool)(await _api.OkAsync("PATCH", $"/api/enroll-secrets/{(string)made["id"]!}", """{"enabled":false}"""))["enabled"]!);
        await _api.OkAsync("DELETE", $"/api/enroll-secrets/{(string)made["id"]!}");
        foreach (var (body, field) in new[] { ("""{"maxUses":0}""", "maxUses"), ("""{"expiresAt":"2001-01-01T00:00:00Z"}""", "expiresAt"), ("""{"secret":"a:b"}""", "secret") })
        {
            Assert.Equal(field, (string?)(await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/enroll-secrets", body))["errors"]![0]!["path"]);
        }
    }

    [Fact]
    public async Task A_campaign_is_asked_answered_counted_and_cancelled()
    {
        var key = await EnrollAsync("H1", _server.Secret);
        await EnrollAsync("H2", _server.Secret);
        var made = await _api.OkAsync("POST", "/api/campaigns", """{"sql":"select * from time","description":"why","targets":{"all":true}}""");
        var id = (string)made["id"]!;
        Assert.Equal("""{"targeted":2,"new":2,"sent":0,"done":0,"failed":0,"expired":0}""", made["counts"]!.ToJsonString());
        Assert.Equal("select * from time", (string?)(await _api.AgentAsync("distributed/read", $$"""{"node_key":"{{key}}"}"""))["queries"]![id]);
        await _api.AgentAsync("distributed/write", $$$"""{"queries":{"{{{id}}}":[{"hour":"1"}]},"statuses":{"{{{id}}}":0},"node_key":"{{{key}}}"}""");
        Assert.Equal("""{"targeted":2,"new":1,"sent":0,"done":1,"failed":0,"expired":0}""", (await _api.GetAsync($"/api/campaigns/{id}"))["counts"]!.ToJsonString());
        var answers = (await _api.GetAsync($"/api/campaigns/{id}/answers"))["items"]!.AsArray();
        Assert.Equal("""[{"hour":"1"}]""", answers.Single(answer => (string?)answer!["status"] == "done")!["rows"]!.ToJsonString());
        Assert.Equal(id, (string?)(await _api.GetAsync("/api/campaigns"))["items"]![0]!["id"]);
        var cancelled = await _api.OkAsync("POST", $"/api/campaigns/{id}/cancel");
        Assert.Equal(("cancelled", 1), ((string?)cancelled["status"], (int)cancelled["counts"]!["expired"]!));
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/campaigns/none");
    }

    [Theory]
    [InlineData("""{"sql":"select nothing","targets":{"all":true}}""", "sql")]
    [InlineData("""{"sql":"select 1","targets":{}}""", "targets")]
    [InlineData("""{"sql":"select 1","targets":{"nodes":["x"]}}""", "targets.nodes")]
    [InlineData("""{"sql":"select 1","targets":{"platforms":["amiga"]}}""", "targets.platforms")]
    [InlineData("""{"sql":"select 1","targets":{"tags":["a"],"match":"some"}}""", "targets.match")]
    [InlineData("""{"sql":"select 1","targets":{"sample":0}}""", "targets.sample")]
    [InlineData("""{"sql":"select 1","targets":{"all":true},"expiresAt":"2001-01-01T00:00:00Z"}""", "expiresAt")]
    public async Task A_campaign_that_makes_no_sense_is_refused_with_the_field(string body, string field) =>
        Assert.Equal(field, (string?)(await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/campaigns", body))["errors"]![0]!["path"]);

    [Fact]
    public async Task Rules_are_kept_tried_and_refused_with_the_path_of_the_fault()
    {
        const string Conditions = """{"condition":"AND","rules":[{"id":"q","field":"query_name","type":"string","input":"text","operator":"equal","value":"q"}]}""";
        var made = await _api.OkAsync("POST", "/api/rules", $$"""{"name":"r","conditions":{{Conditions}},"alerters":["log"],"severity":"critical"}""");
        var id = (string)made["id"]!;
        Assert.Equal(Conditions, made["conditions"]!.ToJsonString());
        await _api.ReplaceAsync($"/api/rules/{id}", $$"""{"name":"r2","conditions":{{Conditions}},"enabled":false}""");
        Assert.Equal(("r2", "medium", false), ((string?)(await _api.GetAsync($"/api/rules/{id}"))["name"], (string?)(await _api.GetAsync("/api/rules"))["items"]![0]!["severity"], (bool)(await _api.GetAsync($"/api/rules/{id}"))["enabled"]!));

        var problem = await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules", """
            {"name":"","alerters":["lgo"],"severity":"urgent","conditions":{"condition":"AND","rules":[{"field":"query_nam","operator":"equal","value":"q"},{"condition":"OR","rules":[]}]} }
            """);
        Assert.Equal(["name", "severity", "alerters[0]", "conditions.rules[0].field", "conditions.rules[1].rules"], problem["errors"]!.AsArray().Select(error => (string?)error!["path"]));
        Assert.Contains("did you mean 'log'", problem.ToJsonString().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);

        foreach (var (name, matches) in new[] { ("q", true), ("p", false) })
        {
            var verdict = await _api.OkAsync("POST", "/api/rules/test", $$"""{"conditions":{{Conditions}},"line":{"name":"{{name}}","action":"added","hostIdentifier":"h","timestamp":"2024-01-02T03:04:05Z","columns":{"a":"1"} } }""");
            Assert.Equal(matches, (bool)verdict["matches"]!);
        }

        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/rules/test", """{"conditions":{"condition":"XOR","rules":[]},"line":{}}""");
        await _api.OkAsync("DELETE", $"/api/rules/{id}");
        await _api.RefusedAsync(HttpStatusCode.NotFound, "GET", $"/api/rules/{id}");
    }

    [Fact]
    public async Task Alerters_are_kept_without_ever_showing_their_secret()
    {
        Assert.Equal("log", (string?)(await _api.GetAsync("/api/alerters"))["items"]![0]!["name"]);
        await _api.OkAsync("PUT", "/api/alerters/hook", """{"type":"webhook","url":"https://example.org/x","secret":"s3cr3t"}""");
        await _api.ReplaceAsync("/api/alerters/hook", """{"type":"webhook","url":"https://example.org/y"}""");
        var hook = await _api.GetAsync("/api/alerters/hook");
        Assert.True((bool)hook["hasSecret"]!);
        Assert.DoesNotContain("s3cr3t", (await _api.GetAsync("/api/alerters")).ToJsonString(), StringComparison.Ordinal);
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/alerters/x", """{"type":"webhook"}""");
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/alerters/x", """{"type":"pigeon"}""");
        await _api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/alerters/x", """{"type":"log","path":"secrets.json"}""");
        await _api.OkAsync("PUT", "/api/alerters/x", """{"type":"log","path":"alerts.ndjson"}""");
        using var viewer = await _server.SignInAsync(Role.Viewer);
        Assert.Equal("https://example.org/…", (string?)(await viewer.GetAsync("/api/alerters/hook"))["url"]);
        await _api.OkAsync("POST", "/api/rules", """{"name":"r","alerters":["hook"],"conditions":{"condition":"AND","rules":[{"field":"action","operator":"equal","value":"x"}]}}""");
        await _api.RefusedAsync(HttpStatusCode.Conflict, "DELETE", "/api/alerters/hook");
        Assert.Empty((await _api.GetAsync("/api/dead-letters"))["items"]!.AsArray());
    }

    private async Task<string> EnrollAsync(string host, string secret)
    {
        var answer = await _api.AgentAsync("enroll", $$"""
            {"enroll_secret":"{{secret}}","host_identifier":"{{host}}","platform_type":"9","host_details":{"osquery_info":{"version":"5.23.1"},"system_info":{"hostname":"web-1"} } }
            """);
        return (string)answer["node_key"]!;
    }
}

using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

/// <summary>What editors and forms are made from, and how what was set up is tried.</summary>
public sealed class EditorsTests : ApiTest
{
    [Fact]
    public async Task Every_field_and_operator_that_is_offered_makes_a_rule()
    {
        var schema = await Api.GetAsync("/api/schema/rules");
        foreach (var field in schema["fields"]!.AsArray())
        {
            foreach (var op in schema["operators"]!.AsArray())
            {
                JsonNode? value = (string?)op!["operand"] switch
                {
                    "none" => null,
                    "two" => new JsonArray("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
                    "many" => new JsonArray("2026-01-01T00:00:00Z"),
                    _ => "2026-01-01T00:00:00Z",
                };
                var hasName = (bool)field!["hasName"]!;
                if ((string)op["kind"]! == "place" && !hasName) continue;
                value = (string)op["kind"]! switch { "version" => "1.2.3", "network" => "10.0.0.0/8", "place" => "fleet", _ => value };
                var leaf = new JsonObject
                {
                    ["field"] = (string?)field["name"],
                    ["operator"] = (hasName ? "column_" : "") + (string?)op["name"],
                    ["value"] = !hasName ? value : value is null ? new JsonArray("path") : new JsonArray("path", value),
                };
                var conditions = new JsonObject { ["condition"] = "AND", ["rules"] = new JsonArray(leaf) };
                await Api.OkAsync("POST", "/api/rules/test", new JsonObject { ["conditions"] = conditions, ["line"] = new JsonObject() }.ToJsonString());
            }
        }
    }

    [Fact]
    public async Task A_trial_says_of_each_condition_whether_it_holds()
    {
        var verdict = await Api.OkAsync("POST", "/api/rules/test", """
            {"conditions":{"condition":"AND","rules":[
              {"field":"query_name","operator":"equal","value":"processes"},
              {"condition":"OR","not":true,"rules":[{"field":"column","operator":"column_equal","value":["user","root"]},{"field":"column","operator":"column_begins_with","value":["path","/tmp/"]}]}]},
             "line":{"name":"processes","columns":{"user":"ada","path":"/tmp/x"} } }
            """);
        Assert.False((bool)verdict["matches"]!);
        Assert.Equal(
            [("conditions.rules[0]", true), ("conditions.rules[1].rules[0]", false), ("conditions.rules[1].rules[1]", true)],
            verdict["conditions"]!.AsArray().Select(one => ((string)one!["path"]!, (bool)one["matches"]!)));
    }

    [Theory]
    [InlineData("added", "prod", true, true, false)]
    [InlineData("added", "lab", false, false, false)]
    [InlineData("removed", "prod", false, true, true)]
    public async Task A_trial_knows_the_node_what_the_rule_is_about_and_what_only_ends_an_alert(string action, string tag, bool matches, bool isInScope, bool resolves)
    {
        const string Conditions = """{"condition":"AND","rules":[{"field":"platform","operator":"equal","value":"linux"},{"field":"action","operator":"equal","value":"added"},{"field":"host_identifier","operator":"equal","value":"H1"}]}""";
        await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", $$"""{"tags":["{{tag}}"]}""");
        var rule = await Api.OkAsync("POST", "/api/rules", $$"""{"name":"r","resolveOnRemoved":true,"tags":["prod"],"conditions":{{Conditions}} }""");
        var verdict = await Api.OkAsync("POST", "/api/rules/test", $$"""{"ruleId":"{{rule["id"]}}","line":{"name":"q","action":"{{action}}","nodeId":"{{IdOf("H1")}}","columns":{"a":"1"} } }""");
        Assert.Equal((matches, isInScope, resolves), ((bool)verdict["matches"]!, (bool)verdict["inScope"]!, (bool)verdict["resolves"]!));

        var draft = await Api.OkAsync("POST", "/api/rules/test", $$"""{"conditions":{{Conditions}},"tags":["prod"],"line":{"name":"q","action":"{{action}}","nodeId":"{{IdOf("H1")}}","columns":{"a":"1"} } }""");
        Assert.Equal((matches, isInScope, false), ((bool)draft["matches"]!, (bool)draft["inScope"]!, (bool)draft["resolves"]!));
    }

    [Fact]
    public async Task Every_kind_of_alerter_that_is_offered_can_be_set_up_with_its_fields()
    {
        var kinds = (await Api.GetAsync("/api/schema/alerters"))["types"]!.AsArray();
        Assert.NotEmpty(kinds);
        foreach (var kind in kinds)
        {
            var body = new JsonObject { ["type"] = (string?)kind!["type"] };
            foreach (var field in kind["fields"]!.AsArray())
            {
                body[(string)field!["name"]!] = (string?)field["example"];
            }

            await Api.OkAsync("PUT", $"/api/alerters/{kind["type"]}-of-mine", body.ToJsonString());
        }
    }

    [Theory]
    [InlineData(200, "delivered")]
    [InlineData(503, "retry")]
    [InlineData(400, "rejected")]
    public async Task A_test_alert_says_what_came_back_and_keeps_no_alert(int status, string outcome)
    {
        await using var service = await FakeService.StartAsync(secure: false, app => app.MapPost("/", () => Microsoft.AspNetCore.Http.Results.Text("said so", statusCode: status)));
        await Api.OkAsync("PUT", "/api/alerters/hook", $$"""{"type":"webhook","url":"{{service.Url}}"}""");
        var came = await Api.OkAsync("POST", "/api/alerters/hook/test");
        Assert.Equal(outcome, (string?)came["outcome"]);
        if (outcome != "delivered") Assert.Contains(status.ToString(System.Globalization.CultureInfo.InvariantCulture), (string?)came["reason"], StringComparison.Ordinal);
        Assert.Empty((await Api.GetAsync("/api/alerts"))["items"]!.AsArray());
        using var viewer = await Server.SignInAsync(Role.Viewer);
        await viewer.RefusedAsync(HttpStatusCode.Forbidden, "POST", "/api/alerters/hook/test");
    }

    [Fact]
    public async Task A_test_of_an_alerter_that_is_not_there_is_not_found() => await Api.RefusedAsync(HttpStatusCode.NotFound, "POST", "/api/alerters/nobody/test");

    [Fact]
    public async Task What_agents_need_to_know_is_told_for_each_platform()
    {
        var setup = await Api.GetAsync("/api/agent-setup");
        Assert.Null(setup["certificate"]);
        Assert.Equal(["linux", "darwin", "windows"], setup["platforms"]!.AsArray().Select(one => (string?)one!["name"]));
        Assert.All(setup["platforms"]!.AsArray(), one =>
        {
            var flags = one!["flags"]!.AsArray().Select(flag => (string?)flag).ToList();
            Assert.Contains($"--tls_hostname={Server.Url.Authority}", flags);
            Assert.Contains($"--enroll_secret_path={one["folder"]}enroll-secret", flags);
        });
    }

    [Fact]
    public async Task Where_somebody_else_issued_the_servers_certificate_agents_trust_their_own_authorities_or_the_one_in_its_file()
    {
        using var authority = new TestAuthority("Company");
        using var certificate = authority.Issue("CN=fleet.example.org", usage: TestAuthority.ForServers);
        using var scratch = new Scratch();
        foreach (var (name, pem, trusted) in new[] { ("leaf.pem", certificate.ExportCertificatePem(), null), ("chain.pem", certificate.ExportCertificatePem() + "\n" + authority.Pem, authority.Pem) })
        {
            await File.WriteAllTextAsync(scratch.File(name), pem + "\n");
            await File.WriteAllTextAsync(scratch.File("key.pem"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"), ("Http:Certificate", scratch.File(name)), ("Http:CertificateKey", scratch.File("key.pem")));
            Assert.Equal(trusted, server.Services.GetRequiredService<Fleet.Nodes.OwnCertificate>().Pem?.TrimEnd());
        }
    }

    [Fact]
    public async Task Where_the_server_has_a_certificate_of_its_own_agents_are_given_it_without_its_key()
    {
        await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"));
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null } }) { BaseAddress = server.Url };
        using var known = await server.SignInAsync(Role.Viewer);
        http.DefaultRequestHeaders.Authorization = known.Http.DefaultRequestHeaders.Authorization;
        var setup = JsonNode.Parse(await http.GetStringAsync(new Uri("/api/agent-setup", UriKind.Relative)))!;
        var pem = (string)setup["certificate"]!;
        Assert.StartsWith("-----BEGIN CERTIFICATE-----", pem, StringComparison.Ordinal);
        Assert.DoesNotContain("PRIVATE", pem, StringComparison.Ordinal);
        Assert.Contains("--tls_server_certs=/etc/osquery/fleet.crt", setup["platforms"]![0]!["flags"]!.AsArray().Select(flag => (string?)flag));
    }

    [Theory]
    [InlineData("""{"field":"column","operator":"column_equal","value":["bad","1"]}""", """{"name":"x","action":"snapshot","snapshot":[{"bad":"0"},{"bad":"1"}]}""", 2, 1)]
    [InlineData("""{"field":"action","operator":"equal","value":"removed"}""", """{"name":"x","diffResults":{"added":[{"a":"1"}],"removed":[{"a":"0"}]} }""", 2, 1)]
    [InlineData("""{"field":"action","operator":"equal","value":"removed"}""", """{"name":"x","diffResults":{"added":[{"a":"1"}],"removed":""} }""", 1, 0)]
    [InlineData("""{"field":"action","operator":"equal","value":"gone"}""", """{"name":"x","snapshot":[]}""", 0, 0)]
    [InlineData("""{"field":"decoration","operator":"column_equal","value":["site","berlin"]}""", """{"name":"x","columns":{},"site":"berlin"}""", 1, 1)]
    public async Task A_line_is_judged_with_all_its_rows_as_the_engine_does(string condition, string line, int rows, int matching)
    {
        var verdict = await Api.OkAsync("POST", "/api/rules/test", $$"""{"conditions":{"condition":"AND","rules":[{{condition}}]},"line":{{line}} }""");
        Assert.Equal((matching > 0, rows, matching), ((bool)verdict["matches"]!, (int)verdict["rows"]!, (int)verdict["matchingRows"]!));
        Assert.Equal(matching > 0, (bool)verdict["conditions"]![0]!["matches"]!);
    }
}

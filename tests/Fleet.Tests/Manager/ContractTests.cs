using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fleet.Manager;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

/// <summary>The API is what its description says.</summary>
public sealed partial class ContractTests : ApiTest
{
    private static readonly string[] s_open =
        ["GET /api/openapi.json", "GET /api/session/methods", "GET /api/session/oauth/{provider}", "GET /device/{token}", "GET /enroll-link/{token}", "POST /api/session"];

    protected override (string Key, string Value)[] Settings => [("Transparency:Enabled", "true")];

    private List<RouteEndpoint> Endpoints => [.. Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        .Where(endpoint => (PathOf(endpoint).StartsWith("/api", StringComparison.Ordinal) || PathOf(endpoint).StartsWith("/device", StringComparison.Ordinal) || PathOf(endpoint).StartsWith("/enroll-link", StringComparison.Ordinal)) && !endpoint.RoutePattern.RawText!.Contains("{*path", StringComparison.Ordinal))];

    [Fact]
    public void Every_endpoint_is_described_has_a_role_and_only_a_known_few_are_open()
    {
        Assert.InRange(Endpoints.Count, 100, 300);
        Assert.Empty(Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<Documented>() is null && !PathOf(endpoint).EndsWith("openapi.json", StringComparison.Ordinal)).Select(NameOf));
        Assert.Equal(s_open, Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null).Select(NameOf).Order(StringComparer.Ordinal));
        Assert.All(Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null), endpoint =>
            Assert.Contains(endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy, Roles.Names));

        // A viewer reads; what changes something wants more, save one's own affairs.
        string[] own = ["DELETE /api/session", "PUT /api/session/password", "DELETE /api/sessions/{id}", "POST /api/tokens", "DELETE /api/tokens/{id}"];
        Assert.Empty(Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<IAuthorizeData>()?.Policy == "viewer" && MethodOf(endpoint) != "GET" && endpoint.Metadata.GetMetadata<AuditMark>() is not { IsAudited: false })
            .Select(NameOf).Except(own));
    }

    [Fact]
    public async Task The_description_is_valid_and_the_portals_client_is_made_from_it()
    {
        var json = await Api.Http.GetStringAsync(new Uri("/api/openapi.json", UriKind.Relative));
        Assert.StartsWith("3.1", (string?)JsonNode.Parse(json)!["openapi"], StringComparison.Ordinal);
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch.File("openapi.json"), json);
        var tests = Path.Combine(RepositoryRoot.Path, "tests");
        var start = new ProcessStartInfo(Path.Combine(tests, "node_modules", ".bin", "redocly"), ["lint", "--config", Path.Combine(tests, "redocly.yaml"), scratch.File("openapi.json")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = scratch.Path,
        };
        (start.Environment["REDOCLY_TELEMETRY"], start.Environment["REDOCLY_SUPPRESS_UPDATE_NOTICE"]) = ("off", "true");
        using var lint = Process.Start(start)!;
        var output = lint.StandardOutput.ReadToEndAsync();
        var errors = lint.StandardError.ReadToEndAsync();
        await lint.WaitForExitAsync();
        Assert.True(lint.ExitCode == 0, await output + await errors);

        var committed = Path.Combine(RepositoryRoot.Path, "portal", "openapi.json");
        Assert.True(
            File.Exists(committed) && await File.ReadAllTextAsync(committed) == json,
            "portal/openapi.json is not what the server says: curl --cacert data/certs/fleet.crt https://localhost:8443/api/openapi.json -o portal/openapi.json");
    }

    [Fact]
    public async Task Every_list_takes_take_and_after()
    {
        foreach (var (path, operations) in (await Api.GetAsync("/api/openapi.json"))["paths"]!.AsObject())
        {
            if (((string?)operations!["get"]?["responses"]?["200"]?["content"]?["application/json"]?["schema"]?["$ref"])?.EndsWith("List", StringComparison.Ordinal) != true) continue;
            var parameters = operations["get"]!["parameters"]!.AsArray().Select(one => (string?)one!["name"]).ToList();
            Assert.True(parameters.Contains("take") && (parameters.Contains("after") || path == "/api/dead-letters"), path);
        }
    }

    [Fact]
    public async Task Every_example_of_the_description_is_taken_by_the_server()
    {
        var document = await Api.GetAsync("/api/openapi.json");
        var sent = 0;
        foreach (var (path, operations) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject().Where(one => one.Key is "post" or "put" or "patch"))
            {
                if (operation!["requestBody"]?["content"]?["application/json"]?["example"] is not { } example) continue;

                // Each on a server where what it speaks of is there.
                await using var scene = await Scene.SetAsync();
                var (body, place) = scene.Fill(path, example);
                var (status, answer) = await scene.Api.SendAsync(method.ToUpperInvariant(), place, body, ifMatch: method == "put" && !place.EndsWith("/fresh", StringComparison.Ordinal) ? "*" : null);
                Assert.True((int)status is >= 200 and < 300, $"{method} {path}: {(int)status} {answer} for {body}");
                var told = operation["responses"]!.AsObject().Select(response => response.Key);
                Assert.Contains(((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture), told);
                sent++;
            }
        }

        Assert.InRange(sent, 30, 200);
    }

    [Fact]
    public async Task No_body_whatever_stands_in_it_makes_the_server_fail_or_tell_of_its_inside()
    {
        await using var scene = await Scene.SetAsync();
        var document = await Api.GetAsync("/api/openapi.json");
        var sent = 0;
        foreach (var (path, operations) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject().Where(one => one.Key is "post" or "put" or "patch"))
            {
                if (operation!["requestBody"]?["content"]?["application/json"]?["example"] is not { } example) continue;
                var (body, place) = scene.Fill(path, example);
                foreach (var odd in Odd(JsonNode.Parse(body!)!, document, operation["requestBody"]!["content"]!["application/json"]!["schema"]!).Prepend("[]").Prepend("null").Prepend("\"\"").Prepend("{").Prepend(""))
                {
                    var (status, answer) = await scene.Api.SendAsync(method.ToUpperInvariant(), place + (method == "put" ? "?dryRun=true" : ""), odd);
                    Assert.True((int)status < 500, $"{method} {path}: {(int)status} {answer} for {odd}");
                    if ((int)status < 400) continue;
                    Assert.DoesNotContain("Fleet.", (string?)answer!["detail"], StringComparison.Ordinal);
                    Assert.DoesNotContain("System.", (string?)answer["detail"], StringComparison.Ordinal);
                    sent++;
                }
            }
        }

        Assert.InRange(sent, 300, 5_000);
    }

    /// <summary>The body with each member as null, as another type, and with null in its lists; and with a member that is not known.</summary>
    private static IEnumerable<string> Odd(JsonNode body, JsonNode document, JsonNode schema)
    {
        if (body is not JsonObject whole) yield break;
        yield return With("noSuchMember", "1");
        var of = (string?)schema["$ref"] is { } reference ? document["components"]!["schemas"]![reference.Split('/')[^1]]! : schema;
        foreach (var name in whole.Select(member => member.Key).Union((of["properties"]?.AsObject() ?? []).Select(member => member.Key)).ToList())
        {
            foreach (var value in new[] { "null", "[null]", "[]", "{}", "\"x\"", "-1", "[{}]", "[\"\"]" }) yield return With(name, value);
        }

        string With(string name, string value)
        {
            var changed = (JsonObject)whole.DeepClone();
            changed[name] = JsonNode.Parse(value);
            return changed.ToJsonString();
        }
    }

    [Fact]
    public async Task Every_read_answers_with_the_members_that_the_description_names()
    {
        await using var scene = await Scene.SetAsync();
        var document = await Api.GetAsync("/api/openapi.json");
        foreach (var (path, operations) in document["paths"]!.AsObject())
        {
            if (operations!["get"] is not { } operation || operation["responses"]!["200"]?["content"]?["application/json"]?["schema"] is not { } schema) continue;
            var (_, place) = scene.Fill(path, null);
            if (place.Contains('{', StringComparison.Ordinal)) continue;
            Check(document, schema, await scene.Api.GetAsync(place), path);

            // And with every parameter's example at once.
            var examples = (operation["parameters"]?.AsArray() ?? []).Where(one => (string?)one!["in"] == "query" && one["example"] is not null)
                .Select(one => $"{one!["name"]}={Uri.EscapeDataString(one["example"]!.ToString())}").ToList();
            if (examples.Count > 0 && !place.Contains('?', StringComparison.Ordinal)) Check(document, schema, await scene.Api.GetAsync($"{place}?{string.Join('&', examples)}"), path);
        }
    }

    [Fact]
    public async Task Answers_have_an_id_a_limit_an_ETag_and_are_packed()
    {
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        using var first = await Api.Http.GetAsync(new Uri("/api/queries", UriKind.Relative));
        Assert.Equal(32, first.Headers.GetValues("X-Request-Id").Single().Length);
        Assert.Matches("^\"minute\";r=[0-9]+;t=[0-9]+$", first.Headers.GetValues("RateLimit").Single());
        Assert.Equal("\"minute\";q=3000;w=60", first.Headers.GetValues("RateLimit-Policy").Single());

        using var again = new HttpRequestMessage(HttpMethod.Get, "/api/queries");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await Api.Http.SendAsync(again);
        Assert.Equal((HttpStatusCode.NotModified, 0), (second.StatusCode, (await second.Content.ReadAsByteArrayAsync()).Length));
        await Api.ReplaceAsync("/api/queries/q", """{"sql":"select 2"}""");
        using var third = new HttpRequestMessage(HttpMethod.Get, "/api/queries");
        third.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        Assert.Equal(HttpStatusCode.OK, (await Api.Http.SendAsync(third)).StatusCode);

        using var packed = new HttpRequestMessage(HttpMethod.Get, "/api/schema/tables");
        packed.Headers.AcceptEncoding.ParseAdd("gzip");
        using var schema = await Api.Http.SendAsync(packed);
        Assert.Equal("gzip", schema.Content.Headers.ContentEncoding.Single());
        using var unpacked = new StreamReader(new GZipStream(await schema.Content.ReadAsStreamAsync(), CompressionMode.Decompress), Encoding.UTF8);
        Assert.Equal(302, JsonNode.Parse(await unpacked.ReadToEndAsync())!["tables"]!.AsArray().Count);
        Assert.Equal(first.Headers.GetValues("X-Request-Id").Single().Length, ((string)(await Api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/queries/none"))["requestId"]!).Length);
    }

    [Fact]
    public async Task Who_calls_too_often_is_told_when_to_go_on()
    {
        await using var server = await RunningServer.StartAsync(("Limits:CallsPerMinute", "5"), ("Limits:StrangersCallsPerMinute", "3"));
        using var api = await server.SignInAsync(Role.Viewer);
        using var other = await server.SignInAsync(Role.Operator);
        var answers = new List<HttpResponseMessage>();
        for (var i = 0; i < 8; i++) answers.Add(await api.Http.GetAsync(new Uri("/api/session", UriKind.Relative)));
        var refused = answers.First(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.InRange((int)refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType!.MediaType);
        Assert.Contains("\"error\":", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await other.GetAsync("/api/session");
    }

    [Theory]
    [InlineData("GET", "/api/nodes?colour=red", 400, "There is no parameter 'colour'.")]
    [InlineData("GET", "/api/queries/none", 404, "There is no query 'none'.")]
    [InlineData("PATCH", "/api/nodes/x", 400, "There is no member 'tag' here.")]
    [InlineData("POST", "/api/users", 400, "There is no member 'tag' here.")]
    [InlineData("POST", "/api/campaigns/preview", 400, "There is no member 'tag' here.")]
    [InlineData("GET", "/api/results?column=1", 400, "There is no parameter 'column'.")]
    [InlineData("GET", "/api/nodes?untagged=1", 400, "The parameter 'untagged' is true or false, not '1'.")]
    [InlineData("GET", "/api/nodes?seenSince=1h", 400, "The parameter 'seenSince' is a time")]
    [InlineData("GET", "/api/nodes?sort=name&after=x", 400, "This 'after' is none that this list gave.")]
    [InlineData("GET", "/api/results?column.a.ends=x", 422, "column.a.ends: This is column.NAME")]
    [InlineData("GET", "/api/results?action=add", 422, "action: 'add' is not one of")]
    [InlineData("DELETE", "/api/audit", 405, "/api/audit takes GET, not DELETE.")]
    public async Task What_is_wrong_is_told_by_name(string method, string path, int status, string words)
    {
        var problem = await Api.RefusedAsync((HttpStatusCode)status, method, path, method == "GET" ? null : """{"tag":1}""");
        Assert.StartsWith(words, (string?)problem["detail"], StringComparison.Ordinal);
    }

    internal static string PathOf(RouteEndpoint endpoint) => CatchAll().Replace("/" + endpoint.RoutePattern.RawText!.TrimStart('/'), "{");

    private static string MethodOf(RouteEndpoint endpoint) => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0];

    private static string NameOf(RouteEndpoint endpoint) => $"{MethodOf(endpoint)} {PathOf(endpoint)}";

    private static void Check(JsonNode document, JsonNode schema, JsonNode? answer, string path)
    {
        while ((string?)schema["$ref"] is { } reference) schema = document["components"]!["schemas"]![reference.Split('/')[^1]]!;
        if (answer is JsonArray array && schema["items"] is { } items)
        {
            foreach (var item in array) Check(document, items, item, path);
        }

        if (answer is not JsonObject json || schema["properties"] is not JsonObject members) return;
        Assert.True(json.Select(member => member.Key).Order().SequenceEqual(members.Select(member => member.Key).Order()), $"{path}: {string.Join(",", json.Select(member => member.Key))} and not {string.Join(",", members.Select(member => member.Key))}");
        foreach (var (name, value) in json) Check(document, members[name]!, value, $"{path} {name}");
    }

    [GeneratedRegex(@"\{\*+")]
    private static partial Regex CatchAll();
}

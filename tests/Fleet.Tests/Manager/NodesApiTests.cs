using System.Net;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class NodesApiTests : ApiTest
{
    protected override (string Key, string Value)[] Settings => [("Enroll:Reenroll", "rotate")];

    [Fact]
    public async Task Nodes_are_filtered_by_everything_that_is_known_of_them()
    {
        await EnrollAsync("alpha");
        await EnrollAsync("beta", platform: 21, version: "5.9.0");
        var gamma = await EnrollAsync("gamma", platform: 2);
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("alpha")}", """{"tags":["prod","eu"]}""");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("beta")}", """{"tags":["prod"]}""");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("gamma")}", """{"active":false}""");
        await Api.OkAsync("POST", "/api/nodes", """{"displayName":"delta"}""");
        await Server.Services.GetRequiredService<NodeStore>().ChangeAsync(
            Fleet.Kernel.NodeId.OfHost("beta"), node => node with { Info = new Dictionary<string, string> { ["hardware_serial"] = "SER-77" } }, default);

        foreach (var (query, expected) in new[]
        {
            ("tag=prod", "alpha beta"), ("tag=eu,lab", "alpha"), ("allTags=prod,eu", "alpha"), ("noTags=eu", "beta delta gamma"), ("untagged=true", "delta gamma"),
            ("platform=darwin,windows", "beta gamma"), ("status=inactive", "gamma"), ("status=online", "alpha beta"), ("status=never_reported", "delta"), ("osqueryVersion=5.9.0", "beta"),
            ("q=SER-7", "beta"), ("q=ALPH", "alpha"), ("q=127.0.0.1&tag=eu", "alpha"), ("seenSince=2020-01-01T00:00:00Z", "alpha beta gamma"), ("seenBefore=2020-01-01T00:00:00Z", "delta"), ("q=nothing", ""),
        })
        {
            Assert.Equal(expected, string.Join(' ', await NamesAsync($"/api/nodes?sort=name&{query}")));
        }

        Assert.True((bool)(await Api.AgentAsync("config", $$"""{"node_key":"{{gamma}}"}"""))["node_invalid"]!);
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", "/api/nodes?status=asleep");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "GET", "/api/nodes?sort=colour");
        Assert.Equal("There is no parameter 'statsu'. Did you mean 'status'?", (string?)(await Api.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/api/nodes?statsu=online"))["detail"]);
    }

    [Fact]
    public async Task Nodes_are_sorted_and_paged_in_both_ways()
    {
        foreach (var (host, version) in new[] { ("c", "5.9.0"), ("a", "5.23.1"), ("b", "5.10.2"), ("e", "5.23.1"), ("d", "4.0.0") }) await EnrollAsync(host, version: version);
        Assert.Equal(["d", "c", "b"], (await NamesAsync("/api/nodes?sort=osqueryVersion")).Take(3));
        Assert.Equal(["e", "d", "c", "b", "a"], await NamesAsync("/api/nodes?sort=name&order=desc"));

        var first = await Api.GetAsync("/api/nodes?sort=name&take=2");
        Assert.Equal((1, 2, 5, 3), ((int)first["page"]!, (int)first["pageSize"]!, (int)first["totalItems"]!, (int)first["totalPages"]!));
        Assert.Equal(["c", "d"], await NamesAsync($"/api/nodes?sort=name&take=2&after={Uri.EscapeDataString((string)first["next"]!)}"));
        Assert.Equal(["e"], await NamesAsync("/api/nodes?sort=name&take=2&page=3"));

        // What is gone meanwhile is no reason to lose the place.
        await Api.OkAsync("DELETE", $"/api/nodes/{IdOf("b")}");
        Assert.Equal(["c", "d"], await NamesAsync($"/api/nodes?sort=name&take=2&after={Uri.EscapeDataString((string)first["next"]!)}"));
        await Api.RefusedAsync(HttpStatusCode.BadRequest, "GET", "/api/nodes?sort=name&after=nonsense");
    }

    [Fact]
    public async Task The_CSV_holds_all_nodes_with_what_was_captured_and_no_formula()
    {
        await EnrollAsync("=HYPERLINK(1)");
        await EnrollAsync("plain,\\\"quoted");
        await Server.Services.GetRequiredService<NodeStore>().ChangeAsync(
            Fleet.Kernel.NodeId.OfHost("=HYPERLINK(1)"), node => node with { Info = new Dictionary<string, string> { ["cpu_brand"] = "@SUM(A1)" } }, default);
        using var response = await Api.Http.GetAsync(new Uri("/api/nodes.csv", UriKind.Relative));
        var csv = await response.Content.ReadAsStringAsync();
        Assert.Equal("text/csv", response.Content.Headers.ContentType!.MediaType);
        Assert.Contains("nodes.csv", response.Content.Headers.ContentDisposition!.ToString(), StringComparison.Ordinal);
        var lines = csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.EndsWith("lastAddress,cpu_brand,hostname,other", lines[0], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
        Assert.Contains("'=HYPERLINK(1)", csv, StringComparison.Ordinal);
        Assert.Contains("'@SUM(A1)", csv, StringComparison.Ordinal);
        Assert.DoesNotContain(",=HYPER", csv, StringComparison.Ordinal);
        Assert.Contains("\"plain,\"\"quoted\"", csv, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_nodes_are_changed_by_a_filter_after_a_rehearsal()
    {
        for (var i = 0; i < 60; i++) await EnrollAsync("n" + i, platform: i % 2 == 0 ? 9 : 2);
        const string Body = """{"filter":{"platforms":["linux"]},"change":{"addTags":["penguins"]},"dryRun":true}""";
        var rehearsal = await Api.OkAsync("POST", "/api/nodes/bulk", Body);
        Assert.Equal((30, 30, true), ((int)rehearsal["matched"]!, (int)rehearsal["changed"]!, (bool)rehearsal["dryRun"]!));
        Assert.Empty(await NamesAsync("/api/nodes?tag=penguins"));

        var done = await Api.OkAsync("POST", "/api/nodes/bulk", Body.Replace(",\"dryRun\":true", "", StringComparison.Ordinal));
        Assert.Equal(30, (int)done["changed"]!);
        Assert.Equal(30, (await NamesAsync("/api/nodes?tag=penguins")).Count);
        Assert.Equal(0, (int)(await Api.OkAsync("POST", "/api/nodes/bulk", Body))["changed"]!);
        await Api.OkAsync("POST", "/api/nodes/bulk", """{"filter":{"tags":["penguins"]},"change":{"removeTags":["penguins"],"active":false}}""");
        Assert.Equal(30, (await NamesAsync("/api/nodes?status=inactive")).Count);

        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/nodes/bulk", """{"filter":{},"change":{"active":false}}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/nodes/bulk", """{"filter":{"statuses":["x"]},"change":{"active":false}}""");
    }

    [Fact]
    public async Task A_node_is_looked_up_by_whatever_it_is_known_as()
    {
        await EnrollAsync("4C4C-0001");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("4C4C-0001")}", """{"displayName":"the printer"}""");
        foreach (var identifier in new[] { "4c4c-0001", "THE PRINTER", "127.0.0.1", IdOf("4C4C-0001") })
        {
            Assert.Equal("4C4C-0001", (string?)(await Api.OkAsync("POST", "/api/nodes/lookup", $$"""{"identifier":"{{identifier}}"}"""))["items"]![0]!["hostIdentifier"]);
        }

        Assert.Empty((await Api.OkAsync("POST", "/api/nodes/lookup", """{"identifier":"unknown"}"""))["items"]!.AsArray());
    }

    [Fact]
    public async Task What_applies_to_a_node_is_told_with_the_tags_that_are_why()
    {
        await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"tags":["a","b"]}""");
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1","tags":["b","c"]}""");
        await Api.OkAsync("PUT", "/api/queries/other", """{"sql":"select 1","tags":["c"]}""");
        await Api.OkAsync("PUT", "/api/packs/p?tags=a", """{"queries":{}}""");
        await Api.OkAsync("PUT", "/api/file-paths/etc", """{"paths":["/etc/%%"],"tags":["a"]}""");
        var query = Assert.Single((await Api.GetAsync($"/api/nodes/{IdOf("H1")}/queries"))["items"]!.AsArray());
        Assert.Equal("""{"name":"q","tags":["b"]}""", query!.ToJsonString());
        Assert.Equal(["p"], await NamesAsync($"/api/nodes/{IdOf("H1")}/packs", "name"));
        Assert.Equal(["etc"], await NamesAsync($"/api/nodes/{IdOf("H1")}/file-paths", "name"));
    }

    [Fact]
    public async Task A_revoked_key_is_invalid_and_the_machine_enrolls_again()
    {
        var key = await EnrollAsync("H1");
        await Api.OkAsync("POST", $"/api/nodes/{IdOf("H1")}/revoke");
        Assert.True((bool)(await Api.AgentAsync("config", $$"""{"node_key":"{{key}}"}"""))["node_invalid"]!);
        var again = await EnrollAsync("H1");
        Assert.False((bool)(await Api.AgentAsync("config", $$"""{"node_key":"{{again}}"}"""))["node_invalid"]!);
    }

    [Fact]
    public async Task Two_installations_behind_one_identifier_are_shown_and_resolved()
    {
        foreach (var instance in new[] { "one", "two", "one" }) await EnrollAsync("twin", instance: instance);
        var duplicate = Assert.Single((await Api.GetAsync("/api/nodes/duplicates"))["items"]!.AsArray())!;
        Assert.Equal("""["one","two"]""", duplicate["instanceIds"]!.ToJsonString());
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/nodes/{IdOf("twin")}/duplicates/resolve", """{"keep":"three"}""");
        Assert.False((bool)(await Api.OkAsync("POST", $"/api/nodes/{IdOf("twin")}/duplicates/resolve", """{"keep":"one"}"""))["cloned"]!);
        Assert.Empty((await Api.GetAsync("/api/nodes/duplicates"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Installations_behind_one_identifier_are_split_and_keep_their_tags()
    {
        foreach (var instance in new[] { "one", "two", "one" }) await EnrollAsync("twin", instance: instance);
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("twin")}", """{"tags":["prod"]}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/nodes/{IdOf("twin")}/duplicates/split", """{"keep":"three"}""");
        await Api.OkAsync("POST", $"/api/nodes/{IdOf("twin")}/duplicates/split", """{"keep":"one"}""");
        for (var i = 0; i < 2; i++) Assert.NotEqual(await EnrollAsync("twin", instance: "one"), await EnrollAsync("twin", instance: "two"));
        Assert.Equal(2, (await Api.GetAsync("/api/nodes?tag=prod"))["items"]!.AsArray().Count);
        Assert.Empty((await Api.GetAsync("/api/nodes/duplicates"))["items"]!.AsArray());
    }

    [Fact]
    public async Task The_timeline_tells_who_changed_what_and_what_was_asked()
    {
        var key = await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"addTags":["t"]}""");
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await LogAsync(key, $$$"""[{"name":"q","action":"added","columns":{"a":"1"},"unixTime":{{{now}}}},{"name":"q","action":"added","columns":{"a":"2"},"unixTime":{{{now}}}}]""");
        await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select * from time","description":"what time","targets":{"all":true}}""");
        var events = (await Api.GetAsync($"/api/nodes/{IdOf("H1")}/activity"))["items"]!.AsArray();
        Assert.Equal(["changed", "enrolled", "question", "results", "results"], events.Select(one => (string?)one!["kind"]).Order());
        Assert.Equal("Admin", (string?)events.Single(one => (string?)one!["kind"] == "changed")!["by"]);
        Assert.Equal(2, (int)events.Single(one => (string?)one!["title"] == "q")!["count"]!);
        Assert.Equal("what time", (string?)events.Single(one => (string?)one!["kind"] == "question")!["title"]);
        Assert.Equal(events.Select(one => (DateTimeOffset)one!["at"]!).OrderDescending(), events.Select(one => (DateTimeOffset)one!["at"]!));
    }

    [Fact]
    public async Task A_machine_that_enrolls_again_as_another_installation_is_in_the_timeline()
    {
        await EnrollAsync("H1", instance: "one");
        await EnrollAsync("H1", instance: "two", version: "5.24.0");
        var events = (await Api.GetAsync($"/api/nodes/{IdOf("H1")}/activity"))["items"]!.AsArray().Where(one => (string?)one!["kind"] == "enrolled").ToList();
        Assert.Equal(["Enrolled again", "Enrolled for the first time"], events.Select(one => (string?)one!["title"]));
        Assert.Equal(("5.24.0", "two"), ((string?)events[0]!["detail"]!["osqueryVersion"], (string?)events[0]!["detail"]!["instanceId"]));
    }

    [Fact]
    public async Task A_link_shows_a_secret_until_it_expires_or_the_secret_is_removed()
    {
        var made = await Api.OkAsync("POST", "/api/enroll-links", """{"label":"new laptops","tags":["laptop"],"maxUses":1}""");
        using var anybody = new Api(Server.Url, null);
        var shown = await anybody.GetAsync((string)made["path"]!);
        Assert.Contains($"--tls_hostname={Server.Url.Authority}", shown["setup"]!["platforms"]![0]!["flags"]!.AsArray().Select(flag => (string?)flag));
        await EnrollAsync("H1", (string)shown["enrollSecret"]!);
        Assert.Equal("""["laptop"]""", (await Api.GetAsync($"/api/nodes/{IdOf("H1")}"))["tags"]!.ToJsonString());
        await anybody.RefusedAsync(HttpStatusCode.NotFound, "GET", (string)made["path"]! + "x");
        await Api.OkAsync("DELETE", $"/api/enroll-secrets/{(string)made["secretId"]!}");
        await anybody.RefusedAsync(HttpStatusCode.NotFound, "GET", (string)made["path"]!);
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/enroll-links", """{"expiresAt":"2099-01-01T00:00:00Z"}""");
    }

    [Fact]
    public async Task The_ETag_of_a_read_is_good_for_the_change_that_follows()
    {
        await EnrollAsync("H1");
        using var read = await Api.Http.GetAsync(new Uri($"/api/nodes/{IdOf("H1")}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, (await Api.SendAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"addTags":["a"]}""", read.Headers.ETag!.ToString())).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await Api.SendAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"addTags":["b"]}""", read.Headers.ETag!.ToString())).Status);
    }

    [Fact]
    public async Task A_filter_that_filters_nothing_changes_nothing()
    {
        await EnrollAsync("H1");
        foreach (var filter in new[] { "{}", """{"tags":[]}""", """{"q":""}""", """{"tags":[],"untagged":false}""" })
        {
            await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/nodes/bulk", $$$"""{"filter":{{{filter}}},"change":{"active":false}}""");
        }
    }

    [Fact]
    public async Task A_tag_that_is_renamed_is_in_the_timeline_of_its_nodes()
    {
        await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"addTags":["a"]}""");
        await Api.OkAsync("POST", "/api/tags/a/rename", """{"name":"b"}""");
        var changes = (await Api.GetAsync($"/api/nodes/{IdOf("H1")}/activity"))["items"]!.AsArray().Where(one => (string?)one!["kind"] == "changed").ToList();
        Assert.Equal(["""["b"]""", """["a"]"""], changes.Select(one => one!["detail"]!["tags"]!.ToJsonString()));
    }

    [Fact]
    public async Task A_stale_change_of_a_node_is_refused_and_what_machines_say_makes_none_stale()
    {
        await EnrollAsync("H1");
        var (_, etag) = await PatchAsync("""{"addTags":["a"]}""", null);
        await Server.Services.GetRequiredService<NodeStore>().ChangeAsync(
            Fleet.Kernel.NodeId.OfHost("H1"), node => node with { Info = new Dictionary<string, string> { ["x"] = "y" } }, default);
        Assert.Equal(HttpStatusCode.OK, (await PatchAsync("""{"addTags":["b"]}""", etag)).Status);
        Assert.Equal(HttpStatusCode.PreconditionFailed, (await PatchAsync("""{"tags":[]}""", etag)).Status);
        Assert.Equal("""["a","b"]""", (await Api.GetAsync($"/api/nodes/{IdOf("H1")}"))["tags"]!.ToJsonString());

        async Task<(HttpStatusCode Status, string? Etag)> PatchAsync(string body, string? ifMatch)
        {
            using var request = new HttpRequestMessage(HttpMethod.Patch, $"/api/nodes/{IdOf("H1")}") { Content = new StringContent(body, null, "application/json") };
            if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
            using var response = await Api.Http.SendAsync(request);
            return (response.StatusCode, response.Headers.ETag?.ToString());
        }
    }
}

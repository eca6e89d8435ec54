using System.Net;
using Fleet.Config;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class ItemsApiTests : ApiTest
{
    [Fact]
    public async Task Nothing_is_replaced_unseen()
    {
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        var etag = await EtagAsync("/api/queries/q");
        Assert.Equal("urn:fleet:problem:precondition-required", (string?)(await Api.RefusedAsync(HttpStatusCode.PreconditionRequired, "PUT", "/api/queries/q", """{"sql":"select 2"}"""))["type"]);
        Assert.Equal(HttpStatusCode.OK, (await Api.SendAsync("PUT", "/api/queries/q", """{"sql":"select 2"}""", etag)).Status);
        await Api.RefusedAsync(HttpStatusCode.PreconditionFailed, "PUT", "/api/queries/q", """{"sql":"select 3"}""", etag);
        await Api.RefusedAsync(HttpStatusCode.PreconditionFailed, "DELETE", "/api/queries/q", null, etag);
        await Api.RefusedAsync(HttpStatusCode.PreconditionFailed, "PUT", "/api/queries/none", """{"sql":"select 3"}""", "*");
        await Api.ReplaceAsync("/api/queries/q", """{"sql":"select 3"}""");
        Assert.Equal("select 3", (string?)(await Api.GetAsync("/api/queries/q"))["sql"]);
    }

    [Fact]
    public async Task The_same_PUT_again_changes_nothing()
    {
        foreach (var (path, body) in new[]
        {
            ("/api/queries/q", """{"sql":"select 1","interval":60,"tags":["a"]}"""), ("/api/packs/p", """{"queries":{"x":{"query":"select 1","interval":"60"}},"tags":["a"]}"""),
            ("/api/file-paths/f", """{"paths":["/etc/%"]}"""), ("/api/options/o", """{"config":{"options":{"a":1}}}"""),
            ("/api/rules/my-rule", """{"name":"r","conditions":{"condition":"AND","rules":[{"field":"action","operator":"equal","value":"x"}]}}"""),
            ("/api/alerters/a", """{"type":"webhook","url":"https://example.org/x"}"""),
        })
        {
            Assert.Equal(HttpStatusCode.Created, (await Api.SendAsync("PUT", path, body)).Status);
            var etag = await EtagAsync(path);
            Assert.Equal(HttpStatusCode.OK, (await Api.SendAsync("PUT", path, body)).Status);
            Assert.Equal(etag, await EtagAsync(path));

            // What GET gives, PUT takes.
            var read = await Api.GetAsync(path);
            if (!path.Contains("rules", StringComparison.Ordinal) && !path.Contains("alerters", StringComparison.Ordinal)) await Api.OkAsync("PUT", path, read.ToJsonString());
        }
    }

    [Fact]
    public async Task Two_who_change_the_same_at_once_do_not_overwrite_each_other()
    {
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        var etag = await EtagAsync("/api/queries/q");
        var answers = await Task.WhenAll(Enumerable.Range(2, 8).Select(i => Api.SendAsync("PUT", "/api/queries/q", $$"""{"sql":"select {{i}}"}""", etag)));
        Assert.Equal(1, answers.Count(answer => answer.Status == HttpStatusCode.OK));
        Assert.Equal(7, answers.Count(answer => answer.Status == HttpStatusCode.PreconditionFailed));
    }

    [Fact]
    public async Task Every_version_is_kept_with_who_and_when_and_an_old_one_is_restored()
    {
        await Api.OkAsync("PUT", "/api/queries/a%2Fb", """{"sql":"select 1","tags":["t"]}""");
        await Api.ReplaceAsync("/api/queries/a%2Fb", """{"sql":"select 2"}""");
        await Api.OkAsync("DELETE", "/api/queries/a%2Fb");
        var history = (await Api.GetAsync("/api/queries/a%2Fb/history"))["items"]!.AsArray();
        Assert.Equal(["deleted", "changed", "created"], history.Select(version => (string?)version!["action"]));
        Assert.All(history, version => Assert.Equal("Admin", (string?)version!["by"]));
        Assert.Equal("select 2", (string?)history[1]!["item"]!["sql"]);

        await Api.OkAsync("POST", $"/api/queries/a%2Fb/history/{(string)history[2]!["id"]!}/restore");
        var query = await Api.GetAsync("/api/queries/a/b");
        Assert.Equal(("select 1", """["t"]"""), ((string?)query["sql"], query["tags"]!.ToJsonString()));
        Assert.Equal("restored", (string?)(await Api.GetAsync("/api/queries/a%2Fb/history"))["items"]![0]!["action"]);
        await Api.RefusedAsync(HttpStatusCode.NotFound, "POST", $"/api/queries/a%2Fb/history/{(string)history[0]!["id"]!}/restore");
    }

    [Fact]
    public async Task What_came_by_a_command_is_in_the_history_before_it_is_changed()
    {
        await Server.Services.GetRequiredService<ConfigItems>().Queries.PutAsync("q", new("q", TagSet.None, new ScheduledQuery("select 1", 60)), null, default);
        await Api.ReplaceAsync("/api/queries/q", """{"sql":"select 2"}""");
        var history = (await Api.GetAsync("/api/queries/q/history"))["items"]!.AsArray();
        Assert.Equal(["changed", "found"], history.Select(version => (string?)version!["action"]));
        Assert.Equal("select 1", (string?)history[1]!["item"]!["sql"]);
    }

    [Fact]
    public async Task An_old_version_that_would_be_refused_today_is_not_restored()
    {
        await Api.OkAsync("PUT", "/api/options/atc", """{"config":{"auto_table_construction":{"browser":{"query":"select a from t","path":"/x","columns":["a"]}}}}""");
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select a from browser"}""");
        await Api.ReplaceAsync("/api/queries/q", """{"sql":"select 1"}""");
        await Api.OkAsync("DELETE", "/api/options/atc");
        var old = (string)(await Api.GetAsync("/api/queries/q/history"))["items"]![1]!["id"]!;
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", $"/api/queries/q/history/{old}/restore");
        Assert.Equal("select 1", (string?)(await Api.GetAsync("/api/queries/q"))["sql"]);
    }

    [Fact]
    public async Task A_copy_is_a_thing_of_its_own()
    {
        await Api.OkAsync("PUT", "/api/packs/p?tags=a", """{"queries":{"x":{"query":"select 1","interval":60}}}""");
        Assert.Equal("p2", (string?)(await Api.OkAsync("POST", "/api/packs/p/copy", """{"name":"p2"}"""))["name"]);
        await Api.RefusedAsync(HttpStatusCode.Conflict, "POST", "/api/packs/p/copy", """{"name":"p2"}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/packs/p/copy", """{"name":"main"}""");
        await Api.OkAsync("DELETE", "/api/packs/p");
        Assert.NotNull((await Api.GetAsync("/api/packs/p2"))["queries"]!["x"]);
    }

    [Fact]
    public async Task Where_a_thing_is_used_is_told()
    {
        await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"tags":["a"]}""");
        await Api.OkAsync("PUT", "/api/packs/p?tags=a", """{"queries":{"x":{"query":"select 1","interval":60}}}""");
        await Api.OkAsync("POST", "/api/rules", """{"name":"r","conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/p/x"}]}}""");
        await Api.OkAsync("POST", "/api/rules", """{"name":"other","conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/p/xy"}]}}""");
        var used = await Api.GetAsync("/api/packs/p/used-by");
        Assert.Equal((1, "r"), ((int)used["nodes"]!, (string?)Assert.Single(used["rules"]!.AsArray())!["name"]));
    }

    [Fact]
    public async Task A_pack_is_edited_query_by_query()
    {
        await Api.OkAsync("PUT", "/api/packs/p?tags=a", """{"queries":{"x":{"query":"select 1","interval":60}},"platform":"linux"}""");
        await Api.OkAsync("PUT", "/api/packs/p/queries/y", """{"query":"select 2","interval":61}""");
        await Api.RefusedAsync(HttpStatusCode.PreconditionRequired, "PUT", "/api/packs/p/queries/y", """{"query":"select 3","interval":61}""");
        await Api.ReplaceAsync("/api/packs/p/queries/y", """{"query":"select 3","interval":61}""");
        Assert.Equal("select 3", (string?)(await Api.GetAsync("/api/packs/p/queries/y"))["query"]);
        var problem = await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/packs/p/queries/z", """{"query":"select nonsense","interval":61}""");
        Assert.Equal("queries.z.query", (string?)problem["errors"]![0]!["path"]);
        await Api.OkAsync("DELETE", "/api/packs/p/queries/x");
        var pack = await Api.GetAsync("/api/packs/p");
        Assert.Equal(("linux", "y"), ((string?)pack["platform"], Assert.Single(pack["queries"]!.AsObject()).Key));
        await Api.RefusedAsync(HttpStatusCode.NotFound, "DELETE", "/api/packs/p/queries/x");
    }

    [Fact]
    public async Task An_import_is_previewed_then_done()
    {
        await Api.OkAsync("PUT", "/api/packs/base?tags=a", """{"queries":{"x":{"query":"select 1","interval":60},"gone":{"query":"select 9","interval":60}}}""");
        const string File = """{"queries":{"x":{"query":"select 1","interval":120},"new":{"query":"select 2","interval":60},},} """;
        var preview = await Api.OkAsync("POST", "/api/import?name=base&dryRun=true", File);
        var change = Assert.Single(preview["changes"]!.AsArray())!;
        Assert.Equal("changed", (string?)change["change"]);
        Assert.Equal(
            ["added queries.new", "changed queries.x.interval", "removed queries.gone"],
            change["members"]!.AsArray().Select(member => $"{member!["change"]} {member["path"]}").Order());
        Assert.Equal(60, (int)(await Api.GetAsync("/api/packs/base"))["queries"]!["x"]!["interval"]!);

        await Api.OkAsync("POST", "/api/import?name=base", File);
        var pack = await Api.GetAsync("/api/packs/base");
        Assert.Equal((120, """["a"]"""), ((int)pack["queries"]!["x"]!["interval"]!, pack["tags"]!.ToJsonString()));
        Assert.Equal("same", (string?)(await Api.OkAsync("POST", "/api/import?name=base&dryRun=true", File))["changes"]![0]!["change"]);
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/import?name=bad", """{"queries":{"x":{"query":"select","interval":1}}}""");
        await Api.OkAsync("POST", "/api/import?name=whole&tags=w", """{"schedule":{"s":{"query":"select 1","interval":60}},"file_paths":{"etc":["/etc/%"]},"options":{"o":1}}""");
        Assert.Equal((1, 1, 1), (await CountAsync("queries"), await CountAsync("file-paths"), await CountAsync("options")));

        async Task<int> CountAsync(string kind) => (int)(await Api.GetAsync($"/api/{kind}?tag=w"))["totalItems"]!;
    }

    [Fact]
    public async Task An_import_says_what_it_does_and_does_what_it_says()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/import?name=x") { Content = new StringContent("""{"schedule":{"uptime":{"query":"select 2","interval":60}}}""", null, "application/json") };
        request.Headers.TryAddWithoutValidation("If-None-Match", "*");
        using var response = await Api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        foreach (var (file, words) in new[]
        {
            ("""{"quries":{}}""", "did you mean 'queries'?"), ("""{"foo":{}}""", "This holds nothing"),
            ("""{"queries":{"a":{"query":"select 1","interval":"often"}}}""", "queries.a.interval: This is a whole number"),
        })
        {
            Assert.Contains(words, (string?)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/import?name=x", file))["detail"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_import_tells_what_is_ignored_and_takes_the_rest_when_asked()
    {
        const string File = """{"schedule":{"munki":{"query":"select * from munki_info","interval":60,"platform":"macos"},"ok":{"query":"select 1","interval":60,"decription":"x"},"never":{"query":"select 1","interval":0}}}""";
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/import?name=x", File);
        var fault = await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/import?name=x&allow=all", File);
        Assert.Equal("allow", (string?)fault["errors"]![0]!["path"]);
        var preview = await Api.OkAsync("POST", "/api/import?name=x&allow=disabled&dryRun=true", File);
        Assert.Equal(["munki", "ok"], preview["changes"]!.AsArray().Select(change => (string?)change!["name"]));
        Assert.Equal(["schedule.munki.platform", "schedule.munki.query", "schedule.ok.decription"], preview["notes"]!.AsArray().Select(note => (string?)note!["path"]));
        Assert.Equal(["schedule.never.interval"], preview["leftOut"]!.AsArray().Select(note => (string?)note!["path"]));
        await Api.OkAsync("POST", "/api/import?name=x&allow=disabled", File);
        var saved = await Api.GetAsync("/api/queries/munki");
        Assert.True((bool)saved["disabled"]!);
        Assert.StartsWith("no such table", (string?)saved["fault"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_saved_is_told_and_can_be_sent_back_as_it_was_answered()
    {
        var saved = await Api.OkAsync("PUT", "/api/queries/q?allow=forced", """{"sql":"select * from opera_extensions","version":"5.x"}""");
        Assert.Equal(["version", "sql"], saved["notes"]!.AsArray().Select(note => (string?)note!["path"]));
        Assert.Equal((false, true), ((bool)saved["disabled"]!, (bool)saved["forced"]!));
        var again = await Api.OkAsync("PUT", "/api/queries/q?dryRun=true", saved.ToJsonString());
        Assert.Equal("same", (string?)again["change"]);
        Assert.Equal(2, again["notes"]!.AsArray().Count);

        var pack = await Api.OkAsync("PUT", "/api/packs/p?allow=disabled", """{"queries":{"a":{"query":"select * from nope","interval":60},"b":"select 1"},"colour":"red"}""");
        Assert.True((bool)pack["queries"]!["a"]!["disabled"]!);
        Assert.Equal(["queries.b", "queries.a.query", "colour"], pack["notes"]!.AsArray().Select(note => (string?)note!["path"]));
        var one = await Api.OkAsync("PUT", "/api/packs/p/queries/c?allow=forced", """{"query":"select nothing","interval":60}""");
        Assert.True((bool)one["queries"]!["c"]!["forced"]!);
        var options = await Api.OkAsync("PUT", "/api/options/o", """{"config":{"options":{"tls_hostname":"x"}}}""");
        Assert.Equal("config.options.tls_hostname", (string?)options["notes"]![0]!["path"]);
        Assert.Empty((await Api.OkAsync("PUT", "/api/file-paths/etc", """{"paths":["/etc/%"]}"""))["notes"]!.AsArray());
    }

    [Fact]
    public async Task A_file_for_osquery_can_be_read_and_imported_again()
    {
        await Api.OkAsync("PUT", "/api/packs/p?tags=a", """{"queries":{"x":{"query":"select 1","interval":60,"snapshot":true}},"discovery":["select 1"],"shard":50}""");
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1","interval":60}""");
        await Api.OkAsync("PUT", "/api/file-paths/f", """{"paths":["/etc/%"],"excludePaths":["/etc/x"],"accesses":true}""");
        foreach (var (kind, name, member) in new[] { ("packs", "p", "queries"), ("queries", "q", "schedule"), ("file-paths", "f", "file_paths") })
        {
            var file = await Api.GetAsync($"/api/{kind}/{name}/file");
            Assert.NotNull(file[member]);
            Assert.Equal("same", (string?)(await Api.OkAsync("POST", $"/api/import?name={name}&dryRun=true", file.ToJsonString()))["changes"]![0]!["change"]);
        }
    }

    [Fact]
    public async Task Lists_are_searched_and_filtered_by_tag()
    {
        await Api.OkAsync("PUT", "/api/queries/users", """{"sql":"select * from users","tags":["a"]}""");
        await Api.OkAsync("PUT", "/api/queries/time", """{"sql":"select * from time","tags":["b"]}""");
        Assert.Equal(["users"], await NamesAsync("/api/queries?q=FROM%20USERS", "name"));
        Assert.Equal(["time"], await NamesAsync("/api/queries?tag=b", "name"));
    }

    [Fact]
    public async Task Tags_of_any_letters_are_counted_renamed_and_taken_off()
    {
        const string Odd = "lab/büro 7";
        await EnrollAsync("H1");
        await EnrollAsync("H2");
        foreach (var host in new[] { "H1", "H2" }) await Api.OkAsync("PATCH", $"/api/nodes/{IdOf(host)}", $$"""{"tags":["{{Odd}}","x"]}""");
        await Api.OkAsync("PUT", "/api/queries/q", $$"""{"sql":"select 1","tags":["{{Odd}}"]}""");
        await Api.OkAsync("PUT", "/api/packs/p", $$"""{"queries":{},"tags":["{{Odd}}"]}""");
        await Api.OkAsync("POST", "/api/enroll-secrets", $$"""{"label":"s","tags":["{{Odd}}"]}""");
        foreach (var path in new[] { Uri.EscapeDataString(Odd), "lab/b%C3%BCro%207" })
        {
            var tagged = await Api.GetAsync("/api/tags/" + path);
            Assert.Equal((2, "q", "p", 1), ((int)tagged["nodeCount"]!, (string?)tagged["queries"]![0], (string?)tagged["packs"]![0], tagged["enrollSecrets"]!.AsArray().Count));
        }

        var rehearsal = await Api.OkAsync("POST", $"/api/tags/{Uri.EscapeDataString(Odd)}/rename?dryRun=true", """{"name":"office"}""");
        Assert.Equal((2, 3), ((int)rehearsal["nodes"]!, (int)rehearsal["items"]!));
        await Api.OkAsync("POST", $"/api/tags/{Uri.EscapeDataString(Odd)}/rename", """{"name":"office"}""");
        Assert.Equal(["office", "x"], await NamesAsync("/api/tags", "name"));
        Assert.NotNull((await Api.GetAsync($"/api/nodes/{IdOf("H1")}/config"))["schedule"]!["q"]);
        await Api.RefusedAsync(HttpStatusCode.NotFound, "POST", $"/api/tags/{Uri.EscapeDataString(Odd)}/rename", """{"name":"office"}""");
        await Api.OkAsync("DELETE", "/api/tags/office");
        Assert.Equal(["x"], await NamesAsync("/api/tags", "name"));
        await Api.RefusedAsync(HttpStatusCode.NotFound, "GET", "/api/tags/office");
    }

    private async Task<string> EtagAsync(string path)
    {
        using var response = await Api.Http.GetAsync(new Uri(path, UriKind.Relative));
        return response.Headers.ETag!.ToString();
    }
}

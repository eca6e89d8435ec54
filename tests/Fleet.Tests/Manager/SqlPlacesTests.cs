using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fleet.Manager;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

/// <summary>Every place that takes SQL, with every trick that was ever tried: nothing is run, and nothing takes long.</summary>
public sealed partial class SqlPlacesTests : ApiTest
{
    /// <summary>What an agent is to run stands where <c>SQL</c> stands, as JSON text. A new endpoint that has SQL checked joins this list.</summary>
    private static readonly (string Method, string Route, string Path, string Body)[] s_places =
    [
        ("POST", "/api/queries/check", "/api/queries/check", """{"sql":SQL}"""),
        ("PUT", "/api/queries/{**name}", "/api/queries/trick", """{"sql":SQL}"""),
        ("PUT", "/api/queries/{**name}", "/api/queries/trick?dryRun=true", """{"sql":SQL}"""),
        ("PUT", "/api/packs/{**name}", "/api/packs/trick", """{"queries":{"q":{"query":SQL,"interval":60}}}"""),
        ("PUT", "/api/packs/{**name}", "/api/packs/trick", """{"queries":{},"discovery":[SQL]}"""),
        ("PUT", "/api/packs/{**name}", "/api/packs/trick?dryRun=true", """{"queries":{},"views":{"v":SQL}}"""),
        ("PUT", "/api/packs/{name}/queries/{query}", "/api/packs/base/queries/q", """{"query":SQL,"interval":60}"""),
        ("PUT", "/api/options/{**name}", "/api/options/trick", """{"config":{"views":{"v":SQL}}}"""),
        ("PUT", "/api/options/{**name}", "/api/options/trick?dryRun=true", """{"config":{"views":{"a":"select 1","v":SQL,"z":"select * from v"}}}"""),
        ("PUT", "/api/options/{**name}", "/api/options/trick", """{"config":{"decorators":{"load":[SQL]}}}"""),
        ("PUT", "/api/options/{**name}", "/api/options/trick", """{"config":{"decorators":{"interval":{"60":[SQL]}}}}"""),
        ("POST", "/api/import", "/api/import?name=trick", """{"schedule":{"q":{"query":SQL,"interval":60}}}"""),
        ("POST", "/api/import", "/api/import?name=trick&dryRun=true", """{"views":{"v":SQL},"schedule":{"q":{"query":"select * from v","interval":60}}}"""),
        ("POST", "/api/import", "/api/import?name=trick&dryRun=true", """{"packs":{"p":{"queries":{"q":{"query":"select 1","interval":60}},"views":{"v":SQL},"discovery":[SQL]}}}"""),
        ("POST", "/api/campaigns/preview", "/api/campaigns/preview", """{"sql":SQL,"targets":{"all":true}}"""),
        ("POST", "/api/campaign-schedules", "/api/campaign-schedules", """{"name":"trick","sql":SQL,"targets":{"all":true},"cron":"0 6 * * MON"}"""),
        ("POST", "/api/campaigns", "/api/campaigns", """{"sql":SQL,"targets":{"all":true}}"""),
    ];

    /// <summary>These check what is stored already.</summary>
    private static readonly string[] s_stored =
    [
        "DELETE /api/packs/{name}/queries/{query}", "POST /api/campaigns/{id}/repeat", "POST /api/campaigns/{id}/save", "PUT /api/campaign-schedules/{id}",
        .. new[] { "queries", "packs", "file-paths", "options" }.SelectMany(kind => new[] { $"POST /api/{kind}/{{name}}/copy", $"POST /api/{kind}/{{name}}/history/{{version}}/restore" }),
        "PUT /api/file-paths/{**name}",
    ];

    /// <summary>Places whose names and columns become part of a definition.</summary>
    private static readonly (string Path, string Body)[] s_names =
    [
        ("/api/options/trick", """{"config":{"views":{NAME:"select 1"}}}"""),
        ("/api/options/trick", """{"config":{"auto_table_construction":{NAME:{"query":"select a from b","path":"/x","columns":["a"]}}}}"""),
        ("/api/options/trick", """{"config":{"auto_table_construction":{"t":{"query":"select a from b","path":"/x","columns":[NAME]}}}}"""),
        ("/api/options/trick", """{"config":{"auto_table_construction":{"t":{"query":NAME,"path":NAME,"columns":["a"],"platform":NAME}}}}"""),
        ("/api/packs/trick", """{"queries":{NAME:{"query":"select 1","interval":60}}}"""),
    ];

    /// <summary>A budget that is soon spent.</summary>
    protected override (string Key, string Value)[] Settings => [("Limits:SqlCheckBytes", "4000000")];

    [Fact]
    public void Every_endpoint_that_has_SQL_checked_is_tried_here()
    {
        var marked = Server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(endpoint => endpoint.Metadata.GetMetadata<ChecksSqlMark>() is not null)
            .Select(endpoint => $"{endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]} {endpoint.RoutePattern.RawText}");
        Assert.Equal(s_places.Select(place => $"{place.Method} {place.Route}").Concat(s_stored).Distinct().Order(StringComparer.Ordinal), marked.Order(StringComparer.Ordinal));
    }

    /// <summary>A file that names the checker maps endpoints that are marked, or belongs to one that does.</summary>
    [Fact]
    public void Whoever_checks_SQL_is_known()
    {
        string[] known =
        [
            "CampaignCaution.cs", "CampaignScheduleReader.cs", "CampaignsApi.cs", "ImportApi.cs", "ItemsApi.cs", "OptionItems.cs", "PackItems.cs", "PackQueriesApi.cs", "QueryItems.cs", "SqlApi.cs",
        ];
        var folder = Path.Combine(RepositoryRoot.Path, "functions", "Fleet", "Manager");
        Assert.Equal(known, Directory.EnumerateFiles(folder).Where(path => Checker().IsMatch(File.ReadAllText(path))).Select(path => Path.GetFileName(path)).Where(name => name != "ItemKind.cs" && name != "SqlTurns.cs").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task No_trick_runs_anything_anywhere()
    {
        await EnrollAsync("web-1");
        await Api.OkAsync("PUT", "/api/packs/base", """{"queries":{}}""");
        using var scratch = new Scratch();
        var tokens = (await Api.GetAsync("/api/tokens"))["items"]!.AsArray().Count;
        foreach (var trick in Tricks(Server.DataFolder, scratch.Path))
        {
            foreach (var place in s_places)
            {
                var began = Stopwatch.GetTimestamp();
                var (status, json) = await Api.SendAsync(place.Method, place.Path, place.Body.Replace("SQL", JsonValue.Create(trick).ToJsonString(), StringComparison.Ordinal), ifMatch: place.Method == "PUT" && !place.Path.Contains("dryRun", StringComparison.Ordinal) ? "*" : null);
                var what = $"{place.Method} {place.Path} {place.Body} {(trick.Length > 100 ? trick[..100] : trick)}: {(int)status} {json}";
                if (place.Path.EndsWith("check", StringComparison.Ordinal)) Assert.False((bool)json!["valid"]!, what);
                else Assert.True((int)status == 422 || ((int)status is 412 or 400), what);
                Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60), what);
            }
        }

        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
        Assert.Equal(tokens, (await Api.GetAsync("/api/tokens"))["items"]!.AsArray().Count);
        Assert.Empty((await Api.GetAsync("/api/campaigns"))["items"]!.AsArray());
        Assert.True((bool)(await Api.OkAsync("POST", "/api/queries/check", """{"sql":"select * from users"}"""))["valid"]!);
    }

    [Fact]
    public async Task Names_and_columns_are_only_names()
    {
        using var scratch = new Scratch();
        string[] names = ["x\" AS SELECT 1; ATTACH 'F' AS y; --", "x\"(a); CREATE TABLE y(a); --", "a\") ; VACUUM INTO 'F'; --", "\"", "]", "`", "'", "a\u0000b", new string('"', 5_000)];
        foreach (var name in names.Select(name => name.Replace("'F'", $"'{scratch.File("f")}'", StringComparison.Ordinal)))
        {
            foreach (var (path, body) in s_names)
            {
                var (status, json) = await Api.SendAsync("PUT", path, body.Replace("NAME", JsonValue.Create(name).ToJsonString(), StringComparison.Ordinal), ifMatch: "*");
                Assert.True((int)status < 500, $"{path} {body} {name}: {(int)status} {json}");
                Assert.True((bool)(await Api.OkAsync("POST", "/api/queries/check", """{"sql":"select * from users"}"""))["valid"]!);
            }
        }

        Assert.Empty(Directory.GetFileSystemEntries(scratch.Path));
    }

    private static IEnumerable<string> Tricks(string data, string scratch)
    {
        var attach = $"ATTACH '{data}/fleet.db' AS f";
        yield return attach;
        yield return $"SELECT 1; {attach}; INSERT INTO f.Tokens VALUES ('all', 'x', 1, x'00')";
        yield return $"SELECT 1 AS a; CREATE TABLE stolen AS SELECT 1; {attach}";
        yield return $"ATTACH '{scratch}/new' AS f; CREATE TABLE f.t (a)";
        yield return $"VACUUM INTO '{scratch}/copy'";
        yield return $"SELECT 1; VACUUM INTO '{scratch}/copy'";
        yield return "SELECT load_extension('/tmp/x')";
        yield return $"SELECT writefile('{scratch}/w', 'x')";
        yield return "PRAGMA writable_schema = 1";
        yield return "PRAGMA hard_heap_limit = 1";
        yield return "SELECT 1; PRAGMA hard_heap_limit = 1";
        yield return "CREATE VIEW v AS SELECT 1";
        yield return "CREATE VIRTUAL TABLE v USING fts5(a)";
        yield return "CREATE TEMP TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END";
        yield return "INSERT INTO users (uid) SELECT 1";
        yield return "WITH a AS (SELECT 1) DELETE FROM users";
        yield return "UPDATE users SET uid = 1 RETURNING uid";
        yield return "DETACH main";
        yield return "SELECT 1 /* ; */; SELECT 2; DROP TABLE users";
        yield return "PRAGMA case_sensitive_like = 1; PRAGMA temp_store_directory = '/tmp'";
        yield return "SELECT * FROM pragma_database_list";
        yield return "EXPLAIN ATTACH 'x' AS y";
        yield return "BEGIN EXCLUSIVE";
        yield return "SELECT 1\u0000; ATTACH 'x' AS y";
        yield return new string('(', 20_000) + "1";
        yield return "SELECT " + new string('-', 1) + string.Concat(Enumerable.Repeat("-~", 5_000)) + "1";
        foreach (var bomb in Bombs()) yield return bomb;
    }

    /// <summary>Some kilobytes that become gigabytes while SQLite prepares them.</summary>
    private static IEnumerable<string> Bombs()
    {
        const int Levels = 26;
        foreach (var first in new[] { "select 1", "select pid from processes" })
        {
            foreach (var next in new[] { "select 1 from C a, C b", "select 1 from C union all select 1 from C", "select (select count(*) from C) + (select count(*) from C)", "select 1 from C a left join C b on 1 group by 1" })
            {
                yield return $"with c0 as ({first})" + string.Concat(Enumerable.Range(1, Levels).Select(i => $", c{i} as ({next.Replace("C", $"c{i - 1}", StringComparison.Ordinal)})")) + $" select * from c{Levels}";
            }
        }

        foreach (var twice in new[] { "x+x", "x||x" })
        {
            var nested = "select pid x from processes";
            for (var i = 0; i < Levels; i++) nested = $"select {twice} x from ({nested})";
            yield return nested;
        }
    }

    [GeneratedRegex(@"\bOsquerySql\b|\bConfigImport\b|\bSqlCheck\b|\.ReadNamed\(")]
    private static partial Regex Checker();
}

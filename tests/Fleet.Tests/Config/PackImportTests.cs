using System.Text;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

public sealed class PackImportTests
{
    [Fact]
    public void Comments_trailing_commas_joined_lines_a_BOM_and_doubles_are_read_as_osquery_does()
    {
        var json = OsqueryFile.Read(Encoding.UTF8.GetBytes("\uFEFF" + """
            # a comment
            // another
            {
              "queries": { /* and one more */
                "a": {"query": "select * from users \
                    where uid = 0", "interval": "60",},
                "a": {"query": "select 2", "interval": 60},
                "b": {"query": "select '# no comment' from users -- \
            # still the query", "interval": 60}
              },
            }
            """));
        Assert.Equal("60", (string?)json["queries"]!["a"]!["interval"]);
        Assert.Contains("where uid = 0", (string)json["queries"]!["a"]!["query"]!, StringComparison.Ordinal);
        Assert.Contains("# still", (string)json["queries"]!["b"]!["query"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{\"a\":")]
    public void What_is_no_JSON_object_is_refused_in_words(string text) => Assert.Throws<BadFileException>(() => OsqueryFile.Read(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public async Task A_pack_with_mistakes_is_refused_whole_and_every_mistake_is_named()
    {
        await using var world = await World.OpenAsync();
        var refused = Assert.Throws<ConfigRefusedException>(() => Plan(world, "main", """
            {"shard": 200, "discovery": ["select nothing"], "queries": {
              "fine": {"query": "select 1", "interval": 60},
              "query.x": {"query": "select 1", "interval": 60},
              "my_counter": {"query": "select 1", "interval": 60},
              "a": {"query": "select * from nope", "interval": 60},
              "b": {"query": "select 1", "interval": 0},
              "c": {"query": "select 1", "interval": 604801},
              "d": {"query": "select 1", "interval": 60.0},
              "e": {"query": "select 1", "interval": null},
              "f": {"interval": 60},
              "g": {"query": "select 1", "interval": 60, "removed": "maybe"},
              "h": "select 1" } }
            """));
        Assert.Equal(
            ["name", "shard", "discovery[0]", "queries.query.x", "queries.my_counter", "queries.a.query", "queries.b.interval", "queries.c.interval", "queries.d.interval",
             "queries.e.interval", "queries.f.query", "queries.g.removed", "queries.h"],
            refused.Faults.Select(fault => fault.Path));
        Assert.Empty(world.Items.Packs.Current.Items);
    }

    [Fact]
    public async Task A_whole_configuration_is_taken_apart()
    {
        await using var world = await World.OpenAsync();
        var plan = Plan(world, "site", """
            {"options": {"schedule_splay_percent": 10}, "platform": "linux",
             "schedule": {"u": {"query": "select * from users", "interval": 60, "snapshot": true}},
             "packs": {"p": {"queries": {"q": {"query": "select 1", "interval": 60, "startup_priority": 3}, "a": {"query": "select a from tcc", "interval": 60} } }, "file": "/etc/osquery/packs/x.conf", "*": {"m": {"queries": {} } } },
             "file_paths": {"etc": ["/etc/%%"]}, "exclude_paths": {"etc": ["/etc/mtab"]}, "file_accesses": ["etc"],
             "decorators": {"load": ["select uuid from system_info"], "interval": {"3600": ["select 1"] } },
             "auto_table_construction": {"tcc": {"query": "select a from x", "path": "/db", "columns": ["a"]} },
             "views": {"v": "select pid from processes"}, "author": "someone" }
            """);
        await world.Get<ConfigImport>().ApplyAsync(plan, default);
        Assert.Equal((1, 2, 1, 1, 1), (plan.Queries.Count, plan.Packs.Count, plan.FilePaths.Count, plan.Options.Count, plan.PackFiles.Count));
        var key = await world.EnrollAsync("A");
        await world.TagAsync("A", "t");
        var config = await world.ConfigAsync(key);
        Assert.True((bool)config["schedule"]!["u"]!["snapshot"]!);
        Assert.Equal("select 1", (string?)config["packs"]!["p"]!["queries"]!["q"]!["query"]);
        Assert.Equal("""["etc"]""", config["file_accesses"]!.ToJsonString());
        Assert.NotNull(config["views"]!["v"]);
        Assert.Empty(await world.Get<ConfigImport>().ApplyAsync(Plan(world, "other", """{"schedule":{"u":{"query":"select * from users","interval":60,"snapshot":true} } }"""), default));
        Assert.Single(await world.Get<ConfigImport>().ApplyAsync(Plan(world, "other", """{"schedule":{"u":{"query":"select 1","interval":60} } }"""), default));
    }

    [Theory]
    [InlineData("""{"options":{"a":{}}}""", "options.a")]
    [InlineData("""{"options":{"a":[1]}}""", "options.a")]
    [InlineData("""{"options":{"a":1.5}}""", "options.a")]
    [InlineData("""{"options":[]}""", "options")]
    [InlineData("""{"decorators":{"load":["select nothing"]}}""", "decorators.load[0]")]
    [InlineData("""{"decorators":{"interval":{"61":["select 1"]}}}""", "decorators.interval.61")]
    [InlineData("""{"decorators":{"sometimes":[]}}""", "decorators.sometimes")]
    [InlineData("""{"events":{"disable_subscribers":[1]}}""", "events.disable_subscribers")]
    [InlineData("""{"file_paths":{"etc":"/etc"}}""", "file_paths.etc")]
    [InlineData("""{"views":{"v":"drop table users"}}""", "views.v")]
    [InlineData("""{"auto_table_construction":{"t":{"query":"x"}}}""", "auto_table_construction.t")]
    [InlineData("""{"optoins":{}}""", "")]
    [InlineData("""{"yara":{"signatures":{"g":"/f"}}}""", "yara.signatures.g")]
    [InlineData("""{"prometheus_targets":{"urls":"x"}}""", "prometheus_targets.urls")]
    [InlineData("""{"auto_table_construction":{"users":{"query":"x","path":"y","columns":["a"]}}}""", "auto_table_construction.users")]
    [InlineData("""{"packs":{"main":{"queries":{}}}}""", "packs.main.name")]
    [InlineData("""{"schedule":[]}""", "schedule")]
    public async Task What_osquery_would_drop_misread_or_crash_on_is_refused(string file, string path)
    {
        await using var world = await World.OpenAsync();
        var refused = Assert.Throws<ConfigRefusedException>(() => Plan(world, "x", file));
        Assert.Equal(path, refused.Faults[0].Path);
    }

    /// <summary>Tables that osquery once had, and 5.23 has no longer.</summary>
    private static readonly string[] s_trulyWrong = ["opera_extensions", "kernel_integrity", "efigy"];

    public static TheoryData<string> PublicPacks() =>
        SharedData.Folder is { } folder ? [.. Directory.EnumerateFiles(Path.Combine(folder, "packs"), "*.conf", SearchOption.AllDirectories)] : [""];

    [Theory]
    [MemberData(nameof(PublicPacks))]
    public async Task Public_packs_import_save_for_queries_over_tables_that_osquery_no_longer_has(string file)
    {
        if (file.Length == 0) return; // no packs beside the repository
        await using var world = await World.OpenAsync();
        var json = OsqueryFile.Read(await File.ReadAllBytesAsync(file));
        var queries = (JsonObject)(json["queries"] ?? json["schedule"])!;

        // As it stands, judged by the versions that it names: all is taken, and what no agent can run is told.
        var whole = world.Get<ConfigImport>().Plan(Path.GetFileNameWithoutExtension(file), TagSet.Of(["t"]), (JsonObject)json.DeepClone(), AllowInvalid.Disabled);
        Assert.Equal(queries.Count, whole.QueryCount);
        Assert.Equal(s_trulyWrong.Where(queries.ContainsKey).Order(StringComparer.Ordinal), InvalidOf(whole).Order(StringComparer.Ordinal));
        foreach (var name in s_trulyWrong)
        {
            if (!queries.ContainsKey(name)) continue;
            Assert.Contains(name == "efigy" ? "no such table: efigy" : $"{name} ended with osquery ", Assert.Throws<ConfigRefusedException>(() => Read(world, file, json)).Message, StringComparison.Ordinal);
            queries.Remove(name);
        }

        var plan = Read(world, file, json);
        Assert.Equal(queries.Count, plan.QueryCount);
        await world.Get<ConfigImport>().ApplyAsync(plan, default);
        Assert.Null(world.Get<ConfigAssembler>().For(TagSet.Of(["t"])).FaultFor("5.23.1", world.Limits));
    }

    private static IEnumerable<string> InvalidOf(ImportPlan plan) => plan.Queries.Where(query => query.Schedule.Disabled).Select(query => query.Name)
        .Concat(plan.Packs.SelectMany(pack => pack.Queries.Where(query => query.Schedule.Disabled).Select(query => query.Name)));

    private static ImportPlan Read(World world, string file, JsonObject json) =>
        world.Get<ConfigImport>().Plan(Path.GetFileNameWithoutExtension(file), TagSet.Of(["t"]), (JsonObject)json.DeepClone());

    private static ImportPlan Plan(World world, string name, string json) => world.Get<ConfigImport>().Plan(name, TagSet.Of(["t"]), OsqueryFile.Read(Encoding.UTF8.GetBytes(json)));
}

using System.Text;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

/// <summary>Files in the forms that people really have.</summary>
public sealed class PublicFilesTests
{
    [Theory]
    [InlineData("""{"schedule":{"p":{"query":"SELECT cmdline, ntime, cwd, gid, uid, parent, path, pid FROM bpf_process_events WHERE path NOT IN ('/bin/sed');","interval":10},"s":{"query":"select s.*, username from bpf_socket_events s join users using (uid)","interval":10}}}""", "schedule.p.platform")]
    [InlineData("""{"schedule":{"software":{"query":"SELECT name, version FROM deb_packages; SELECT name, version FROM rpm_packages;","interval":30,"platform":"linux"}}}""", "")]
    [InlineData("""{"options":{"aws_firehose_stream":"","utc":"true"},"schedule":{"a":{"query":"select 1","interval":60}}}""", "options.aws_firehose_stream")]
    [InlineData("""{"queries":{"a":{"query":"select 1","interval":60,"decription":"x"},"b":{"query":"select 2","interval":60}}}""", "queries.a.decription")]
    [InlineData("""{"decorators":{"load":["select uuid as host_uuid from system_info"],"interval":{"3600":["select total_seconds as up from uptime"]}},"auto_table_construction":{"items":{"path":"/Users/%/x","query":"select a as id from b","columns":["id"],"platform":"darwin"}},"views":{"v":"select * from items"},"schedule":{"q":{"query":"select id from items","interval":60}}}""", "schedule.q.platform")]
    public async Task It_is_taken_and_told(string file, string told)
    {
        await using var world = await World.OpenAsync();
        var plan = Plan(world, file);
        Assert.Equal(told, plan.Found.Notes.Select(note => note.Path).FirstOrDefault() ?? "");
    }

    [Theory]
    [InlineData("kernel_integrity", "4.1.0")]
    [InlineData("opera_extensions", "4.6.0")]
    public async Task A_table_that_ended_is_told_and_the_rest_taken_if_that_is_asked(string table, string ended)
    {
        await using var world = await World.OpenAsync();
        var file = $$"""{"platform":"posix","queries":{"old":{"query":"select * from {{table}}","interval":"86400","version":"1.6.1"},"rpm":{"query":"select name from rpm_packages","interval":"86400","platform":"linux"} } }""";
        Assert.Contains($"{table} ended with osquery {ended}", Assert.Throws<ConfigRefusedException>(() => Plan(world, file)).Message, StringComparison.Ordinal);
        var plan = Plan(world, file, AllowInvalid.Disabled);
        Assert.Equal((2, "queries.old.query"), (plan.QueryCount, Assert.Single(plan.Found.Notes).Path));
    }

    [Fact]
    public async Task A_query_of_35_kB_is_valid()
    {
        await using var world = await World.OpenAsync();
        var sql = $"select * from processes where path not in ({string.Join(',', Enumerable.Range(0, 1_750).Select(i => $"'/usr/lib/exec/x{i:D5}'"))})";
        Assert.InRange(sql.Length, 33_000, 41_000);
        Assert.Equal(1, Plan(world, new JsonObject { ["queries"] = new JsonObject { ["long"] = new JsonObject { ["query"] = sql, ["interval"] = 3_600 } } }.ToJsonString()).QueryCount);
    }

    [Theory]
    [InlineData("""{"packs":{"x":"C:\Program Files\x.conf"},"schedule":{}}""", "line 1")]
    [InlineData("""{"packs":["it-compliance","vuln-management"],"schedule":{}}""", "list")]
    [InlineData("apiVersion: v1\nkind: query\nspec:\n  name: app_schemes\n  query: select 1\n", "YAML")]
    [InlineData("command_line_flags:\nconfig:\n  options:\n    distributed_interval: 10\n", "YAML")]
    public async Task What_is_no_configuration_of_osquerys_is_refused_with_a_word_on_what_it_is(string file, string word)
    {
        await using var world = await World.OpenAsync();
        Assert.Contains(word, Assert.ThrowsAny<Exception>(() => Plan(world, file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_of_an_extension_is_told_by_its_name()
    {
        await using var world = await World.OpenAsync();
        var plan = Plan(world, """{"schedule":{"munki":{"query":"select * from munki_info;","interval":3600},"ok":{"query":"select * from uptime;","interval":60}}}""", AllowInvalid.Forced);
        Assert.Equal("schedule.munki.query", Assert.Single(plan.Found.Notes).Path);
        Assert.Equal(2, plan.QueryCount);
    }

    private static ImportPlan Plan(World world, string file, AllowInvalid allow = AllowInvalid.No) => world.Get<ConfigImport>().Plan("x", TagSet.Of(["t"]), OsqueryFile.Read(Encoding.UTF8.GetBytes(file)), allow);
}

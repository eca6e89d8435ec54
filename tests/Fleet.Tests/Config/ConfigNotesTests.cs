using System.Text;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

/// <summary>What osquery drops or ignores without a word is taken, and told.</summary>
public sealed class ConfigNotesTests
{
    [Theory]
    [InlineData("macos", "did you mean 'darwin'")]
    [InlineData("osx", "did you mean 'darwin'")]
    [InlineData("Linux", "did you mean 'linux'")]
    [InlineData("Darwin", "did you mean 'darwin'")]
    [InlineData("redhat", "did you mean 'linux'")]
    [InlineData("windwos", "did you mean 'windows'")]
    [InlineData("lol", "No agent runs this")]
    [InlineData("chrome", "No agent runs this")]
    [InlineData("linux,macos", "osquery ignores 'macos'")]
    public async Task A_platform_that_no_agent_knows_is_told(string platform, string words)
    {
        var found = await FindAsync($$$"""{"queries":{"a":{"query":"select 1","interval":60,"platform":"{{{platform}}}"} } }""");
        var note = Assert.Single(found.Notes);
        Assert.Equal("queries.a.platform", note.Path);
        Assert.Contains(words, note.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linux", "linux")]
    [InlineData("ubuntu", "linux")]
    [InlineData("centos, darwin", "linux darwin")]
    [InlineData("posix", "linux darwin")]
    [InlineData("windows", "windows")]
    [InlineData("", "linux darwin windows")]
    [InlineData("null", "linux darwin windows")]
    [InlineData("any", "linux darwin windows")]
    [InlineData("macos", "")]
    public void A_platform_is_read_as_agents_read_it(string filter, string platforms) =>
        Assert.Equal(platforms.Split(' ', StringSplitOptions.RemoveEmptyEntries), new[] { "linux", "darwin", "windows" }.Where(platform => PlatformFilter.Includes(filter, platform)));

    [Theory]
    [InlineData("5.x")]
    [InlineData(">=5.0")]
    [InlineData("abc")]
    [InlineData("v5.1")]
    [InlineData("5..1")]
    public async Task A_version_that_agents_misread_is_told(string version)
    {
        var found = await FindAsync($$$"""{"version":"{{{version}}}","queries":{"a":{"query":"select 1","interval":60,"version":"{{{version}}}"} } }""");
        Assert.Equal(["version", "queries.a.version"], found.Notes.Select(note => note.Path));
    }

    [Theory]
    [InlineData("5")]
    [InlineData("1.4.5")]
    [InlineData("5.23.0-38-ga5b14f63d")]
    [InlineData("")]
    [InlineData("null")]
    public async Task A_version_that_agents_read_is_not_told(string version) =>
        Assert.Empty((await FindAsync($$$"""{"queries":{"a":{"query":"select 1","interval":60,"version":"{{{version}}}"} } }""")).Notes);

    [Theory]
    [InlineData("""{"logger_tls_perid":10}""", "did you mean 'logger_tls_period'")]
    [InlineData("""{"logger_tls_period":"abcd"}""", "a whole number")]
    [InlineData("""{"logger_tls_period":-1}""", "a whole number of 0 or more")]
    [InlineData("""{"disable_events":"maybe"}""", "true or false")]
    [InlineData("""{"config_refresh":60}""", "command line")]
    [InlineData("""{"carver_block_size":"abcd"}""", "command line")]
    [InlineData("""{"tls_hostname":"x"}""", "command line")]
    [InlineData("""{"enroll_secret_path":"/x"}""", "command line")]
    [InlineData("""{"aws_firehose_stream":""}""", "no value")]
    [InlineData("""{"utc":null}""", "no value")]
    [InlineData("""{"our_own":"x"}""", "custom_")]
    [InlineData("""{"host_identifier":"uuid"}""", "other nodes")]
    public async Task An_option_that_agents_ignore_is_told(string options, string words)
    {
        var note = Assert.Single((await FindAsync($$$"""{"options":{{{options}}} }""")).Notes);
        Assert.StartsWith("options.", note.Path, StringComparison.Ordinal);
        Assert.Contains(words, note.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"logger_tls_period":"10","utc":"TRUE","disable_events":false,"custom_owner":"x","pack_delimiter":"/","verbose":true}""")]
    public async Task An_option_that_agents_take_is_not_told(string options) => Assert.Empty((await FindAsync($$$"""{"options":{{{options}}} }""")).Notes);

    [Theory]
    [InlineData("""{"queries":{"a":{"query":"select 1","interval":60,"decription":"x"} } }""", "queries.a.decription", "did you mean 'description'")]
    [InlineData("""{"queries":{"a":{"query":"select 1","interval":60,"logging":"snapshot"} } }""", "queries.a.logging", "osquery ignores")]
    [InlineData("""{"queries":{},"platfrom":"linux"}""", "platfrom", "did you mean 'platform'")]
    [InlineData("""{"schedule":{"a":{"query":"select 1","interval":60} },"optoins":{} }""", "optoins", "did you mean 'options'")]
    [InlineData("""{"schedule":{"a":{"query":"select 1","interval":60} },"scheduledQueries":[] }""", "scheduledQueries", "'schedule'")]
    [InlineData("""{"schedule":{"a":{"query":"select 1","interval":60} },"additional_monitoring":{"file_paths":{} } }""", "additional_monitoring", "'file_paths'")]
    [InlineData("""{"file_paths":{"etc":[]} }""", "file_paths.etc", "no paths")]
    [InlineData("""{"file_paths":{"etc":[""]} }""", "file_paths.etc", "no paths")]
    [InlineData("""{"file_paths":{"etc":["/etc/%"]},"file_accesses":["tmp"]}""", "file_accesses", "'tmp'")]
    [InlineData("""{"file_paths":{"etc":["/etc/%"]},"exclude_paths":{"tmp":["/tmp/%"]} }""", "exclude_paths.tmp", "'tmp'")]
    [InlineData("""{"queries":{"a":{"query":"select * from apps","interval":60} } }""", "queries.a.platform", "Only darwin has")]
    [InlineData("""{"queries":{"a":{"query":"select 1 from apps, registry","interval":60} } }""", "queries.a.platform", "No platform has")]
    public async Task What_agents_ignore_is_taken_and_told_with_its_place(string file, string path, string words)
    {
        var note = Assert.Single((await FindAsync(file)).Notes);
        Assert.Equal(path, note.Path);
        Assert.Contains(words, note.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"platform":"darwin","queries":{"a":{"query":"select * from apps","interval":60} } }""")]
    [InlineData("""{"queries":{"a":{"query":"select * from apps","interval":60,"platform":"darwin"} } }""")]
    [InlineData("""{"queries":{"a":{"query":"select * from users","interval":60} } }""")]
    public async Task A_query_that_its_agents_can_answer_is_not_told(string file) => Assert.Empty((await FindAsync(file)).Notes);

    [Fact]
    public async Task A_list_of_packs_is_refused_with_a_word_on_what_it_is()
    {
        await using var world = await World.OpenAsync();
        var refused = Assert.Throws<ConfigRefusedException>(() => Plan(world, """{"packs":["it-compliance","vuln-management"],"schedule":{} }"""));
        Assert.Equal("packs", Assert.Single(refused.Faults).Path);
        Assert.Contains("list of names", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Faults_in_JSON_are_told_by_line_and_column()
    {
        var fault = Assert.Throws<BadFileException>(() => OsqueryFile.Read(Encoding.UTF8.GetBytes("{\"a\": \"b \\\n c\",\n# comment\n\"packs\":{\"x\":\"C:\\Program Files\\x.conf\"}}")));
        Assert.Contains("line 4, column 18", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("apiVersion: v1\nkind: query\nspec:\n  name: a\n", "fleetdm")]
    [InlineData("---\ncommand_line_flags:\nconfig:\n  options:\n", "fleetdm")]
    [InlineData("# ours\nkind: query\nname: a\n", "YAML")]
    [InlineData("- query: select 1\n", "YAML")]
    public void YAML_is_told_as_what_it_is(string text, string words) =>
        Assert.Contains(words, Assert.Throws<BadFileException>(() => OsqueryFile.Read(Encoding.UTF8.GetBytes(text))).Message, StringComparison.Ordinal);

    [Fact]
    public void Odd_text_is_judged_in_no_time() =>
        Assert.Throws<BadFileException>(() => OsqueryFile.Read(Encoding.UTF8.GetBytes("--- " + string.Concat(Enumerable.Repeat("# ", 5_000)) + "!")));

    [Fact]
    public async Task Of_two_packs_of_one_name_the_second_is_refused()
    {
        await using var world = await World.OpenAsync();
        var refused = Assert.Throws<ConfigRefusedException>(() => Plan(world, """{"packs":{"a":{"queries":{} },"*":{"a":{"queries":{} } } } }"""));
        Assert.Equal("packs.a", Assert.Single(refused.Faults).Path);
    }

    [Fact]
    public void Text_in_UTF16_is_told_as_what_it_is()
    {
        foreach (var encoding in new[] { Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            byte[] bytes = [.. encoding.GetPreamble(), .. encoding.GetBytes("{}")];
            Assert.Contains("UTF-16", Assert.Throws<BadFileException>(() => OsqueryFile.Read(bytes)).Message, StringComparison.Ordinal);
            Assert.Contains("UTF-16", Assert.Throws<BadFileException>(() => OsqueryFile.Read(bytes.AsSpan(2))).Message, StringComparison.Ordinal);
        }
    }

    private static async Task<ConfigFindings> FindAsync(string file)
    {
        await using var world = await World.OpenAsync();
        return Plan(world, file).Found;
    }

    private static ImportPlan Plan(World world, string json) => world.Get<ConfigImport>().Plan("x", TagSet.Of(["t"]), OsqueryFile.Read(Encoding.UTF8.GetBytes(json)));
}

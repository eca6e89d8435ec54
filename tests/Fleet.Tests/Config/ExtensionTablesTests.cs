using System.Net;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Config;

/// <summary>Tables of extensions are named or learned, without a restart; queries over them are warned of, and not refused.</summary>
public sealed class ExtensionTablesTests : ApiTest
{
    [Fact]
    public async Task A_table_that_a_person_named_may_be_queried_at_once()
    {
        Assert.False((bool)(await CheckAsync("select version from munki_info"))["valid"]!);
        await Api.OkAsync("PUT", "/api/extension-tables/munki_info", """{"columns":["version","name"]}""");
        var verdict = await CheckAsync("select version from munki_info");
        Assert.True((bool)verdict["valid"]!);
        Assert.Contains("table of an extension", (string?)verdict["notes"]![0], StringComparison.Ordinal);
        Assert.False((bool)(await CheckAsync("select nothing from munki_info"))["valid"]!);
        Assert.Contains("munki_info", (await Api.GetAsync("/api/schema/tables"))["tables"]!.AsArray().Select(table => (string?)table!["name"]));
        await Api.OkAsync("DELETE", "/api/extension-tables/munki_info");
        Assert.False((bool)(await CheckAsync("select version from munki_info"))["valid"]!);
    }

    [Theory]
    [InlineData("select anything, more from santa_rules where x = 1", true)]
    [InlineData("select * from santa_rules", true)]
    [InlineData("select s.rule, path from santa_rules s join processes using (pid)", true)]
    [InlineData("select upper(rule) from santa_rules group by state having count(*) > 1 order by rule", true)]
    [InlineData("select nothing from users, santa_rules where users.nothing = 1", false)]
    [InlineData("delete from santa_rules", false)]
    [InlineData("update santa_rules set a = 1", false)]
    [InlineData("insert into santa_rules (a) values (1)", false)]
    [InlineData("drop table santa_rules", false)]
    [InlineData("select nope(rule) from santa_rules", false)]
    public async Task Of_a_table_without_known_columns_any_column_may_be_read_and_nothing_written(string sql, bool isValid)
    {
        await Api.OkAsync("PUT", "/api/extension-tables/Santa_Rules", "{}");
        Assert.Equal(isValid, (bool)(await CheckAsync(sql))["valid"]!);
    }

    [Theory]
    [InlineData("users", "{}", "name")]
    [InlineData("a-b", "{}", "name")]
    [InlineData("ok", """{"columns":["a b"]}""", "columns[0]")]
    public async Task What_is_no_name_of_a_table_is_refused(string name, string body, string path) =>
        Assert.Equal(path, (string?)(await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/extension-tables/" + name, body))["errors"]![0]!["path"]);

    [Fact]
    public async Task Names_are_learned_from_the_registry_and_columns_from_answers()
    {
        var tables = Server.Services.GetRequiredService<ExtensionTables>();
        const string Registry = "select * from osquery_registry where registry = 'table'";
        Assert.True(tables.Interests(Registry));
        Assert.False(tables.Interests("select * from users"));
        Assert.True(await tables.LearnAsync(Registry, [Row("table", "munki_info", "0"), Row("table", "users", "0"), Row("config", "tls", "0"), Row("table", "intern", "1"), Row("table", "b a d", "0")], default));
        Assert.Equal(["munki_info"], tables.Table.Current.Items.Select(table => table.Name));
        Assert.True((bool)(await CheckAsync("select whatever from munki_info"))["valid"]!);
        Assert.True(tables.Interests("select * from munki_info;"));
        Assert.True(await tables.LearnAsync("select * from munki_info", [new Dictionary<string, string> { ["version"] = "1", ["success"] = "1" }], default));
        Assert.False(await tables.LearnAsync("select * from munki_info", [new Dictionary<string, string> { ["version"] = "2" }], default));
        Assert.False((bool)(await CheckAsync("select whatever from munki_info"))["valid"]!);
        Assert.True((bool)(await Api.GetAsync("/api/extension-tables"))["items"]![0]!["isLearned"]!);

        static Dictionary<string, string> Row(string registry, string name, string isInternal) => new() { ["registry"] = registry, ["name"] = name, ["internal"] = isInternal };
    }

    private Task<JsonNode> CheckAsync(string sql) => Api.OkAsync("POST", "/api/queries/check", new JsonObject { ["sql"] = sql }.ToJsonString());
}

using System.Text.Json.Nodes;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Agents;

/// <summary>Lines of agents that were started with another <c>pack_delimiter</c>.</summary>
public sealed class PackDelimiterTests : ApiTest
{
    [Theory]
    [InlineData("pack_base_users", "pack/base/users")]
    [InlineData("pack:base:users", "pack/base/users")]
    [InlineData("pack::base::users", "pack/base/users")]
    [InlineData("pack_base_list_users", "pack/base/list_users")]
    [InlineData("pack_my_base_users", "pack/my_base/users")]
    [InlineData("pack\u2603base\u2603users", "pack/base/users")]
    [InlineData("pack/base/users", "pack/base/users")]
    [InlineData("pack_base:users", "pack_base:users")]
    [InlineData("pack_other_users", "pack_other_users")]
    [InlineData("pack_own_query", "pack_own_query")]
    [InlineData("packages", "packages")]
    public async Task A_packs_query_has_one_name_in_results_reports_search_and_export(string sent, string name)
    {
        await Api.OkAsync("PUT", "/api/packs/base", """{"queries":{"users":{"query":"select 1","interval":60},"list_users":{"query":"select 1","interval":60}},"tags":["t"]}""");
        await Api.OkAsync("PUT", "/api/packs/my_base", """{"queries":{"users":{"query":"select 1","interval":60}},"tags":["t"]}""");
        await Api.OkAsync("PUT", "/api/packs/own", """{"queries":{"query":{"query":"select 1","interval":60}},"tags":["t"]}""");
        await Api.OkAsync("PUT", "/api/queries/pack_own_query", """{"sql":"select 1","tags":["t"]}""");
        var key = await EnrollAsync("H1");
        await Api.OkAsync("PATCH", $"/api/nodes/{IdOf("H1")}", """{"tags":["t"]}""");
        var line = new JsonObject { ["name"] = sent, ["action"] = "added", ["unixTime"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds(), ["columns"] = new JsonObject { ["name"] = "root" } };
        await Api.AgentAsync("log", new JsonObject { ["node_key"] = key, ["log_type"] = "result", ["data"] = new JsonArray(line, line.DeepClone()) }.ToJsonString());
        await Server.Services.GetRequiredService<Materialize>().DrainAsync(default);
        var found = (await Api.GetAsync($"/api/results?query={Uri.EscapeDataString(name)}"))["items"]!.AsArray();
        Assert.Equal([name, name], found.Select(one => (string?)one!["name"]));
        Assert.Equal("root", (string?)found[0]!["columns"]!["name"]);
        if (name.StartsWith("pack/", StringComparison.Ordinal)) Assert.Single((await Api.GetAsync($"/api/reports/{Uri.EscapeDataString(name)}"))["items"]!.AsArray());
    }

    [Fact]
    public async Task Rules_and_sinks_know_it_by_its_name()
    {
        await using var world = await World.OpenAsync();
        await world.Items.Packs.PutAsync("base", new("base", TagSet.Of(["t"]), (JsonObject)JsonNode.Parse("""{"queries":{"users":{"query":"select 1","interval":60}}}""")!), null, default);
        await world.AddRuleAsync("r", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"pack/base/users"}]}""", "log");
        var key = await world.EnrollAsync("A");
        await world.LogAsync(key, """[{"name":"pack_base_users","columns":{"a":"1"},"action":"added"}]""");
        await world.PumpAsync();
        Assert.Single(await world.AlertsAsync());
    }
}

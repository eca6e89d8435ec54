using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

/// <summary>A configuration above what agents take is told wherever someone would look.</summary>
public sealed class ConfigSizesTests : ApiTest
{
    protected override (string Key, string Value)[] Settings => [("Limits:ConfigBytes", "10000"), ("Limits:LargeConfigBytes", "20000")];

    [Fact]
    public async Task It_is_told_before_it_is_saved_and_where_nodes_are_looked_at()
    {
        await EnrollAsync("old", version: "5.23.1");
        await EnrollAsync("new", version: "5.24.0");
        foreach (var host in new[] { "old", "new" }) await Api.OkAsync("PATCH", "/api/nodes/" + IdOf(host), """{"tags":["t"]}""");

        var preview = await Api.OkAsync("POST", "/api/import?name=big&tags=t&dryRun=true", Pack(11_000));
        Assert.Contains("of 1 node with the tags t", (string?)preview["notes"]![0]!["message"], StringComparison.Ordinal);
        Assert.Empty((await Api.OkAsync("POST", "/api/import?name=big&tags=other&dryRun=true", Pack(1_000)))["notes"]!.AsArray());
        Assert.Contains("of a node with the tags other", (string?)(await Api.OkAsync("POST", "/api/import?name=big&tags=other&dryRun=true", Pack(11_000)))["notes"]![0]!["message"], StringComparison.Ordinal);
        Assert.Equal("ok", HealthOf(await Api.GetAsync("/api/health")));

        await Api.OkAsync("POST", "/api/import?name=big&tags=t", Pack(11_000));
        Assert.Equal("sick", HealthOf(await Api.GetAsync("/api/health")));
        Assert.NotNull((string?)(await Api.GetAsync($"/api/nodes/{IdOf("old")}/config-size"))["fault"]);
        var large = await Api.GetAsync($"/api/nodes/{IdOf("new")}/config-size");
        Assert.Null((string?)large["fault"]);
        Assert.Equal(20_000, (int)large["most"]!);
    }

    [Fact]
    public async Task Near_the_limit_it_warns()
    {
        var notes = (await Api.OkAsync("POST", "/api/import?name=big&tags=t", Pack(9_000)))["notes"]!.AsArray();
        Assert.Single(notes);
        Assert.Equal("ok", HealthOf(await Api.GetAsync("/api/health")));
        Assert.Single((await Api.OkAsync("PUT", "/api/queries/more?dryRun=true", """{"sql":"select 1","tags":["t"]}"""))["notes"]!.AsArray());
        Assert.Empty((await Api.OkAsync("PUT", "/api/queries/more?dryRun=true", """{"sql":"select 1","tags":["other"]}"""))["notes"]!.AsArray());
    }

    [Theory]
    [InlineData("5.23.1", 10_000)]
    [InlineData("5.23.0-38-ga5b14f63d", 10_000)]
    [InlineData("5.24.0", 20_000)]
    [InlineData("6.0", 20_000)]
    [InlineData("", 10_000)]
    [InlineData("?", 10_000)]
    public void How_much_an_agent_takes_follows_from_its_version(string version, int most) =>
        Assert.Equal(most, Fleet.Config.ConfigSizes.MostFor(version, Limits.Default with { ConfigBytes = 10_000, LargeConfigBytes = 20_000 }));

    private static string HealthOf(JsonNode health) => (string)health["parts"]!.AsArray().Single(part => (string?)part!["name"] == "configurations")!["status"]!;

    private static string Pack(int bytes) => $$$"""{"queries":{"a":{"query":"select '{{{new string('x', bytes)}}}'","interval":60} } }""";
}

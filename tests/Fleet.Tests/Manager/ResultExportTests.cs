using System.Text.Json.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Manager;

public sealed class ResultExportTests : ApiTest
{
    [Fact]
    public async Task Exports_have_epoch_counter_and_decorations()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var key = await EnrollAsync("A");
        await LogAsync(key, $$$"""[{"name":"q","unixTime":{{{now}}},"epoch":7,"counter":3,"decorations":{"host":"web"},"columns":{"a":"1","epoch":"own"},"action":"added"},{"name":"q","unixTime":{{{now}}},"columns":{"a":"2"},"action":"added"}]""");
        await LogAsync(key, $$$"""[{"severity":1,"unixTime":{{{now}}},"message":"m","decorations":{"host":"web"}}]""", "status");
        await Server.MaterializeAsync();

        var first = (await ReadAsync("/api/results/export?query=q")).Select(line => JsonNode.Parse(line)!).Single(row => (string?)row["columns"]!["a"] == "1");
        Assert.Equal((7, 3, "web"), ((int)first["epoch"]!, (int)first["counter"]!, (string?)first["decorations"]!["host"]));
        var csv = await ReadAsync("/api/results/export?query=q&format=csv");
        Assert.Equal("nodeId,hostIdentifier,name,action,time,epoch,counter,decorations,a,column.epoch,other", csv[0].TrimEnd('\r'));
        Assert.Contains(csv, line => line.Contains(""",7,3,"{""host"":""web""}",1,own,""", StringComparison.Ordinal));
        Assert.Contains(csv, line => line.Contains(",,,,2,,", StringComparison.Ordinal));
        Assert.Equal("web", (string?)JsonNode.Parse(Assert.Single(await ReadAsync("/api/status-logs/export")))!["decorations"]!["host"]);
    }

    private async Task<string[]> ReadAsync(string path) => (await Api.Http.GetStringAsync(new Uri(path, UriKind.Relative))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

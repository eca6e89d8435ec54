using System.Text.Json.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class ReportsApiTests : ApiTest
{
    private const string Query = "pack/base/users";

    [Fact]
    public async Task What_all_nodes_hold_is_exported_row_by_row()
    {
        foreach (var host in new[] { "one", "two" }) await HoldAsync(host, """{"name":"ada","nodeId":"their own"}""", """{"name":"bob"}""");

        var lines = (await TextAsync($"/api/report-exports/{Query}")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(["one ada", "one bob", "two ada", "two bob"], lines.Select(line => $"{line["hostIdentifier"]} {line["columns"]!["name"]}").Order(StringComparer.Ordinal));

        var csv = (await TextAsync($"/api/report-exports/{Query}?format=csv")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("nodeId,hostIdentifier,updatedAt,name,column.nodeId,other", csv[0]);
        Assert.Equal(5, csv.Length);
    }

    [Fact]
    public async Task What_one_node_holds_is_read_alone()
    {
        foreach (var host in new[] { "one", "two" }) await HoldAsync(host, """{"name":"ada"}""");
        Assert.Equal([IdOf("two")], await NamesAsync($"/api/reports/{Query}?node={IdOf("two")}", "nodeId"));
        Assert.Empty(await NamesAsync($"/api/reports/nothing?node={IdOf("two")}", "nodeId"));
        await Api.RefusedAsync(System.Net.HttpStatusCode.UnprocessableEntity, "GET", $"/api/reports/{Query}?node=two");
    }

    [Fact]
    public async Task A_report_that_nobody_has_is_empty() => Assert.Equal("", await TextAsync("/api/report-exports/nothing"));

    private async Task HoldAsync(string host, params string[] rows)
    {
        var lines = rows.Select(row => $$"""{"name":"{{Query}}","hostIdentifier":"{{host}}","unixTime":1700000000,"counter":0,"epoch":0,"action":"added","columns":{{row}}}""");
        await LogAsync(await EnrollAsync(host), $"[{string.Join(',', lines)}]");
        await Server.Services.GetRequiredService<Materialize>().RunAsync(default);
    }

    private Task<string> TextAsync(string path) => Api.Http.GetStringAsync(new Uri(path, UriKind.Relative));
}

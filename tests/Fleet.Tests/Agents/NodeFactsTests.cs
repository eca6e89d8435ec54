using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>What is known of a node is kept fresh.</summary>
public sealed class NodeFactsTests
{
    [Fact]
    public async Task A_node_is_known_and_found_by_its_host_name_as_soon_as_it_enrolls()
    {
        await using var world = await World.OpenAsync();
        await world.PostAsync("enroll", $$$"""{"enroll_secret":"{{{World.Secret}}}","host_identifier":"4C4C4544","host_details":{"system_info":{"hostname":"web-1","hardware_model":"T14","cpu_brand":""}} }""");
        var node = await world.NodeOfAsync("4C4C4544");
        Assert.Equal(("web-1", "T14", 2), (node.Name, node.Info["hardware_model"], node.Info.Count));
        Assert.Equal(node.Id, Assert.Single(await world.Get<NodeQuery>().FindAsync(new(Q: "WEB-1"), default)).Node.Id);
    }

    [Theory]
    [InlineData("""{"hostname":"web-2","hardware_model":"T14s","uuid":"u"}""", "web-2", "linux", "5.9.0")]
    [InlineData("""{"name":"macOS","version":"14.1","major":"14","platform":"darwin"}""", "web-1", "darwin", "5.9.0")]
    [InlineData("""{"name":"Ubuntu","version":"24.04","codename":"noble","platform":"ubuntu"}""", "web-1", "linux", "5.9.0")]
    [InlineData("""{"version":"5.23.1","config_hash":"h","pid":"7"}""", "web-1", "linux", "5.23.1")]
    [InlineData("""{"name":"curl","version":"8.1","source":"deb"}""", "web-1", "linux", "5.9.0")]
    [InlineData("""{"hostname":"other.example.org","address":"192.0.2.1"}""", "web-1", "linux", "5.9.0")]
    public async Task Rows_of_any_query_bring_news(string row, string name, string platform, string version)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync("enroll", $$$"""{"enroll_secret":"{{{World.Secret}}}","host_identifier":"H","platform_type":"9","host_details":{"system_info":{"hostname":"web-1"},"osquery_info":{"version":"5.9.0"}} }""");
        await world.LogAsync((string)reply.Json["node_key"]!, $$"""[{"name":"any","action":"added","columns":{{row}} }]""");
        await world.MaterializeAsync();
        var node = await world.NodeOfAsync("H");
        Assert.Equal((name, platform, version), (node.Name, node.Platform, node.OsqueryVersion));
    }

    [Fact]
    public async Task A_node_that_is_known_by_its_certificate_alone_is_asked_once_what_it_is()
    {
        await using var world = await World.OpenAsync();
        var enrolled = await world.Get<Enrollment>().EnrollCertifiedAsync("web-1.example.org", HostDetails.Unknown, default);
        Assert.Contains("system_info", (string?)(await ReadAsync())[DetailsQuestion.Id], StringComparison.Ordinal);
        Assert.Empty(await ReadAsync());
        await world.PostAsync("distributed/write", $$$"""{"node_key":"{{{enrolled.NodeKey}}}","queries":{"{{{DetailsQuestion.Id}}}":[{"hostname":"web-1","hardware_model":"T14","os_platform":"ubuntu","osquery_version":"5.23.1","instance_id":"i"}]}}""");
        var node = (await world.Get<NodeStore>().FindAsync(enrolled.Node!.Id, default))!;
        Assert.Equal(("web-1", "linux", "5.23.1", "T14", "web-1.example.org"), (node.Name, node.Platform, node.OsqueryVersion, node.Info["hardware_model"], node.HostIdentifier));
        world.Clock.Advance(TimeSpan.FromHours(2));
        Assert.Empty(await ReadAsync());

        async Task<JsonObject> ReadAsync() => (JsonObject)(await world.PostAsync("distributed/read", $$"""{"node_key":"{{enrolled.NodeKey}}"}""")).Json["queries"]!;
    }

    [Fact]
    public async Task Nobody_else_answers_that_question()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.PostAsync("distributed/write", $$$"""{"node_key":"{{{key}}}","queries":{"{{{DetailsQuestion.Id}}}":[{"hostname":"made-up"}]}}""");
        Assert.Equal("H1", (await world.NodeOfAsync("H1")).Name);
    }
}

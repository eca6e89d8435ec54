using System.IO.Compression;
using System.Text;
using Fleet.Results;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Agents;

/// <summary>Whatever happens, an agent gets a JSON object that is not empty, and <c>error</c> exactly when the call failed.</summary>
public sealed class FailureTests
{
    private static readonly string[] s_calls = ["enroll", "config", "log", "distributed/read", "distributed/write"];

    public static TheoryData<string> Calls => [.. s_calls];

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task A_body_that_is_no_JSON_object_is_an_error_and_not_an_invalid_node(string call)
    {
        await using var world = await World.OpenAsync();
        foreach (var body in new[] { "", "{", "[]", "null", "\"x\"", "1", "x=1", "{\"node_key\":\"a\"}}", "\uFEFF{}", "{\"a\":1,}" })
        {
            var reply = await world.PostAsync(call, body);
            Assert.Equal(400, reply.Status);
            Assert.True(reply.IsError, $"{call} {body}: {reply.Text}");
            if (call != "enroll") Assert.False(reply.Json.ContainsKey("node_invalid"), $"{call} {body}: {reply.Text}");
        }
    }

    [Theory]
    [InlineData("config")]
    [InlineData("log")]
    [InlineData("distributed/read")]
    [InlineData("distributed/write")]
    public async Task A_key_that_is_proven_bad_is_an_invalid_node_without_an_error(string call)
    {
        await using var world = await World.OpenAsync();
        var good = await world.EnrollAsync("H1");
        var altered = good[..^1] + (good[^1] == 'A' ? 'B' : 'A');
        foreach (var key in new[] { "\"\"", "null", "17", "\"71e424842de7d8c059ff6f14543ab714\"", $"\"{altered}\"", $"\"{good}x\"" })
        {
            var reply = await world.PostAsync(call, $$"""{"node_key":{{key}},"log_type":"result","data":[]}""");
            Assert.True(reply.IsInvalid, $"{call} {key}: {reply.Text}");
            Assert.False(reply.IsError);
            Assert.Equal(200, reply.Status);
        }

        Assert.True((await world.PostAsync(call, """{"x":1}""")).IsInvalid);

        // That is no key, and no proof either.
        foreach (var key in new[] { "{\"a\":1}", "[]", "[\"x\"]", "{\"log_type\":\"result\"}" })
        {
            var reply = await world.PostAsync(call, $$"""{"node_key":{{key}},"log_type":"result","data":[]}""");
            Assert.True(reply.IsError, $"{call} {key}: {reply.Text}");
            Assert.False(reply.Json.ContainsKey("node_invalid"));
        }
    }

    [Theory]
    [InlineData("\"log_type\":{\"a\":1},\"data\":[LINE]")]
    [InlineData("\"log_type\":[\"result\"],\"data\":[LINE]")]
    [InlineData("\"log_type\":7,\"data\":[LINE]")]
    [InlineData("\"log_type\":{\"node_key\":\"KEY\",\"log_type\":\"result\"},\"data\":[LINE]")]
    [InlineData("\"log_type\":\"result\",\"data\":\"LINE\"")]
    [InlineData("\"log_type\":\"result\",\"data\":LINE")]
    [InlineData("\"log_type\":\"result\",\"data\":7")]
    [InlineData("\"log_type\":\"result\",\"data\":[],\"data\":[LINE]")]
    [InlineData("\"log_type\":\"result\",\"data\":\"\",\"data\":[LINE]")]
    [InlineData("\"log_type\":\"result\",\"Data\":[LINE]")]
    [InlineData("\"log_type\":\"result\",\"data\":[],\"DATA\":[LINE]")]
    public async Task Lines_that_are_not_taken_are_not_acknowledged(string members)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        const string Line = """{"name":"q","columns":{"a":"1"},"action":"added"}""";
        var body = $"{{\"node_key\":\"{key}\",{members}}}".Replace("\"LINE\"", System.Text.Json.JsonSerializer.Serialize(Line), StringComparison.Ordinal).Replace("LINE", Line, StringComparison.Ordinal);
        var reply = await world.PostAsync("log", body.Replace("KEY", key, StringComparison.Ordinal));
        Assert.True(reply.IsError, reply.Text);
        Assert.False(reply.Json.ContainsKey("node_invalid"));
    }

    [Theory]
    [InlineData("config")]
    [InlineData("log")]
    [InlineData("distributed/read")]
    [InlineData("distributed/write")]
    public async Task A_damaged_store_is_an_error_of_the_server_and_never_the_agents(string call)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.PutQueryAsync("q", "select 1");
        foreach (var table in new[] { Fleet.Storage.Schema.Queries, Fleet.Storage.Schema.Nodes })
        {
            await world.Get<Fleet.Storage.Embedded.SqliteDatabase>().Writer.RunAsync(connection => { Fleet.Storage.Embedded.SqliteDatabase.Run(connection, $"UPDATE {table} SET c = x'0101617A'"); return 0; }, several: false, default);
            await using var second = await World.ReopenAsync(world);
            var reply = await second.PostAsync(call, $$"""{"node_key":"{{key}}","log_type":"result","data":[]}""");
            Assert.True(reply.IsError, reply.Text);
            Assert.InRange(reply.Status, 500, 599);
            Assert.False(reply.Json.ContainsKey("node_invalid"));
        }
    }

    [Theory]
    [InlineData("config")]
    [InlineData("log")]
    [InlineData("distributed/read")]
    [InlineData("distributed/write")]
    public async Task An_outage_of_the_store_is_an_error_and_never_an_invalid_node(string call)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await using var second = await world.OpenSecondAsync();
        second.Tables.IsDown = true;
        var reply = await second.PostAsync(call, $$"""{"node_key":"{{key}}","log_type":"result","data":[{"name":"q","columns":{},"action":"added"}]}""");
        Assert.Equal(503, reply.Status);
        Assert.True(reply.IsError);
        Assert.False(reply.Json.ContainsKey("node_invalid"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_instance_that_has_just_started_and_read_no_signing_key_yet_takes_a_nodes_first_logs(bool inHeader)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await using var second = await world.OpenSecondAsync(isCold: true);
        var line = $$"""{"name":"q","columns":{"a":"{{new string('x', 100_000)}}"},"action":"added"}""";
        var reply = await second.PostAsync(
            "log", $$"""{{{(inHeader ? "" : $"\"node_key\":\"{key}\",")}}"log_type":"result","data":[{{line}}]}""", request => { if (inHeader) request.Headers.Authorization = "NodeKey " + key; });
        Assert.False(reply.IsError, reply.Text);
        Assert.False(reply.IsInvalid, reply.Text);
    }

    [Fact]
    public async Task During_an_outage_a_known_node_keeps_its_configuration_and_its_logs()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        world.Tables.IsDown = true;
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsError);
        Assert.True((await world.LogAsync(key, """[{"name":"q","columns":{"a":"1"},"action":"added"}]""")).IsError);
        world.Tables.IsDown = false;
        Assert.False((await world.LogAsync(key, """[{"name":"q","columns":{"a":"1"},"action":"added"}]""")).IsError);
    }

    [Fact]
    public async Task An_outage_refuses_no_enrollment_for_good()
    {
        await using var world = await World.OpenAsync();
        world.Tables.IsDown = true;
        var reply = await world.PostAsync("enroll", $$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"H1"}""");
        Assert.Equal(503, reply.Status);
        Assert.True(reply.IsError);
        world.Tables.IsDown = false;
        Assert.NotEmpty(await world.EnrollAsync("H1"));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task Other_methods_are_told_so_in_JSON(string call)
    {
        await using var world = await World.OpenAsync();
        foreach (var method in new[] { "GET", "HEAD", "DELETE", "PATCH", "OPTIONS" })
        {
            var reply = await world.PostAsync(call, "{}", request => request.Method = method);
            Assert.Equal(405, reply.Status);
            Assert.True(reply.IsError);
        }
    }

    [Theory]
    [InlineData("v1/nothing")]
    [InlineData("api/osquery/distributed/reed")]
    [InlineData("api/v1/osquery/logs")]
    public async Task A_misspelt_call_is_an_error(string path)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync(path, "{}");
        Assert.Equal(404, reply.Status);
        Assert.True(reply.IsError);
    }

    [Theory]
    [InlineData("v1/")]
    [InlineData("api/osquery/")]
    [InlineData("api/v1/osquery/")]
    [InlineData("")]
    public async Task Doormans_and_Fleets_paths_are_served_too_and_PUT_as_POST(string prefix)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync(prefix + "enroll", $$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"H1"}""", request => request.Method = "PUT");
        var key = reply.Json["node_key"]!.GetValue<string>();
        foreach (var call in s_calls.Skip(1))
        {
            Assert.False((await world.PostAsync(prefix + call, $$"""{"node_key":"{{key}}","log_type":"status","data":[]}""")).IsError);
        }
    }

    [Fact]
    public async Task A_log_body_over_the_limit_is_refused_whole_whether_or_not_it_says_its_length()
    {
        await using var world = await World.OpenAsync(("Limits:AgentBodyBytes", "1000"));
        var key = await world.EnrollAsync("H1");
        var body = $$"""{"data":[{"name":"q","columns":{"a":"{{new string('x', 2_000)}}"},"action":"added"}],"log_type":"result","node_key":"{{key}}"}""";
        foreach (var length in new long?[] { body.Length, null })
        {
            var reply = await world.PostAsync("log", body, request => request.ContentLength = length);
            Assert.Equal(413, reply.Status);
            Assert.Contains("1000", reply.Json["error"]!.GetValue<string>(), StringComparison.Ordinal);
        }

        var node = await world.NodeOfAsync("H1");
        Assert.DoesNotContain((await world.Get<ResultPages>().ResultsAsync(node.Id, new(null, null, null), 10, null, default)).Items, row => row.Name == "q");
    }

    [Fact]
    public async Task Gzip_is_known_by_its_first_bytes_on_every_call()
    {
        await using var world = await World.OpenAsync();
        var enroll = await world.PostAsync("enroll", Gzip($$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"H1"}"""));
        var key = enroll.Json["node_key"]!.GetValue<string>();
        var body = $$"""{"node_key":"{{key}}","log_type":"result","data":[]}""";
        foreach (var call in s_calls.Skip(1)) Assert.False((await world.PostAsync(call, Gzip(body))).IsError);

        // A header that lies changes nothing.
        Assert.False((await world.PostAsync("log", body, request => request.Headers.ContentEncoding = "gzip")).IsError);
    }

    [Fact]
    public async Task Broken_gzip_and_a_bomb_are_refused()
    {
        await using var world = await World.OpenAsync(("Limits:InflatedBodyBytes", "100000"));
        var packed = Gzip(new string(' ', 50_000) + "{}");
        Assert.Equal(400, (await world.PostAsync("log", packed[..^20])).Status);
        Assert.Equal(400, (await world.PostAsync("log", new byte[] { 0x1F, 0x8B, 1, 2, 3 })).Status);
        var key = await world.EnrollAsync("H1");
        var bomb = await world.PostAsync("log", Gzip($"{{\"node_key\":\"{key}\"" + new string(' ', 200_000) + "}"));
        Assert.Equal(413, bomb.Status);
        Assert.True(bomb.IsError);
    }

    [Fact]
    public async Task What_a_stranger_packed_is_not_unpacked()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var filler = new string(' ', 1 << 20);
        var altered = key[..^1] + (key[^1] == 'A' ? 'B' : 'A');

        // A key that is good, before what it is for; one that is none; none; and one that hides behind what it would be for.
        Assert.False((await world.PostAsync("log", Gzip($"{{\"node_key\":\"{key}\",{filler}\"log_type\":\"result\",\"data\":[]}}"))).IsError);
        Assert.True((await world.PostAsync("log", Gzip($"{{\"node_key\":\"{altered}\",{filler}{filler}\"log_type\":\"result\",\"data\":[]}}"))).IsInvalid);
        Assert.Equal(400, (await world.PostAsync("log", Gzip($"{filler}{{}}"))).Status);
        Assert.Equal(400, (await world.PostAsync("log", Gzip($"{{\"log_type\":\"result\",{filler}\"data\":[],\"node_key\":\"{key}\"}}"))).Status);
        Assert.False((await world.PostAsync("log", Gzip($"{{\"log_type\":\"result\",{filler}\"data\":[],\"node_key\":\"{key}\"}}"), request => request.Headers.Authorization = $"NodeKey {key}")).IsError);
        Assert.True((await world.PostAsync("log", Gzip($"{{{filler}}}"), request => request.Headers.Authorization = $"NodeKey {altered}")).IsInvalid);
    }

    [Fact]
    public async Task Nothing_of_the_budget_is_left_taken()
    {
        await using var world = await World.OpenAsync(("Limits:BodyBytesInFlight", "4000000"));
        var key = await world.EnrollAsync("H1");
        for (var i = 0; i < 30; i++)
        {
            await world.PostAsync("log", Gzip($"{{\"node_key\":\"{key}\"" + new string(' ', 3_000_000) + "}"));
            await world.PostAsync("log", Gzip(new string(' ', 100_000)));
            await world.PostAsync("log", new string('x', 500_000));
            await world.PostAsync("log", $"{{\"node_key\":\"{key}x\"" + new string(' ', 100_000));
        }

        Assert.Equal(200, (await world.PostAsync("log", $$"""{"node_key":"{{key}}",{{new string(' ', 900_000)}}"log_type":"result","data":[]}""")).Status);
    }

    [Fact]
    public async Task What_inflates_counts_among_the_bytes_that_are_held()
    {
        await using var world = await World.OpenAsync(("Limits:BodyBytesInFlight", "150000"));
        var key = await world.EnrollAsync("H1");
        var body = $$"""{"node_key":"{{key}}",{{new string(' ', 50_000)}}"log_type":"result","data":[]}""";
        Assert.Equal(503, (await world.PostAsync("log", Gzip(body), request => request.Headers.Authorization = $"NodeKey {key}")).Status);
        Assert.Equal(200, (await world.PostAsync("log", body, request => request.Headers.Authorization = $"NodeKey {key}")).Status);
    }

    [Fact]
    public async Task Calls_whose_bodies_are_small_take_no_large_ones()
    {
        await using var world = await World.OpenAsync();
        foreach (var call in new[] { "enroll", "config", "distributed/read" })
        {
            Assert.Equal(413, (await world.PostAsync(call, new string(' ', 2 << 20) + "{}")).Status);
            Assert.Equal(400, (await world.PostAsync(call, Gzip(new string(' ', 2 << 20) + "{}"))).Status);
        }
    }

    [Fact]
    public async Task Answers_over_the_limit_whose_key_cannot_be_found_are_no_proof_of_a_bad_one()
    {
        await using var world = await World.OpenAsync(("Limits:AgentBodyBytes", "1000"));
        var key = await world.EnrollAsync("H1");
        var reply = await world.PostAsync("distributed/write", $$$"""{"node_key":"{{{key}}}","queries":{"x":[{"a":"{{{new string('x', 600_000)}}}"}]}}""");
        Assert.True(reply.IsError);
        Assert.False(reply.Json.ContainsKey("node_invalid"));
    }

    [Fact]
    public async Task Too_many_bytes_at_once_are_told_to_come_back()
    {
        await using var world = await World.OpenAsync(("Limits:BodyBytesInFlight", "20000"));
        var reply = await world.PostAsync("config", new string(' ', 7_000) + """{"node_key":"x"}""");
        Assert.Equal(503, reply.Status);
        Assert.Equal("busy, retry", reply.Json["error"]!.GetValue<string>());
        Assert.False((await world.PostAsync("config", """{"node_key":"x"}""")).IsError);
    }

    [Fact]
    public async Task The_keys_header_serves_when_the_body_has_none_and_is_never_needed()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        Assert.False((await world.PostAsync("config", "{}", Header)).IsInvalid);
        Assert.False((await world.PostAsync("config", """{"node_key":""}""", Header)).IsInvalid);
        Assert.True((await world.PostAsync("config", """{"node_key":"bad"}""", Header)).IsInvalid);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);

        void Header(HttpRequest request) => request.Headers.Authorization = $"NodeKey {key}";
    }

    [Fact]
    public async Task Where_agents_are_switched_off_each_of_their_paths_says_so_in_a_way_that_keeps_their_logs()
    {
        await using var server = await RunningServer.StartAsync(("Agents:Enabled", "false"));
        using var api = new Api(server.Url, token: null);
        foreach (var path in new[] { "log", "v1/log", "api/osquery/log", "api/v1/osquery/config", "distributed/write" })
        {
            Assert.True((await api.AgentAsync(path, """{"node_key":"x","data":[]}""")).ContainsKey("error"), path);
        }
    }

    internal static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }
}

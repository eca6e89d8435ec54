using System.Formats.Tar;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Storage;
using Fleet.Tests.Support;
using Fleet.Upkeep;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Agents;

public sealed class CarveTests
{
    private const string CarveGuid = "2d9e3fcb-2ee2-4b86-8f1e-6f0e2c0f2f11";
    private static readonly byte[] s_bytes = Encoding.ASCII.GetBytes("0123456789abcdefghijklm");

    [Fact]
    public async Task Blocks_in_any_order_and_twice_are_one_carve_whose_digest_is_recorded()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var session = await StartAsync(world, key);
        Assert.Equal(session, await StartAsync(world, key));
        foreach (var block in new[] { 2, 0, 0, 2 }) await SendAsync(world, session, block);
        Assert.Equal(CarveState.Receiving, (await CarveAsync(world)).State);
        await SendAsync(world, session, 1);
        Assert.Equal(CarveState.Complete, (await CarveAsync(world)).State);
        await SendAsync(world, session, 1);
        await world.Get<TidyCarves>().RunAsync(default);

        var carve = await CarveAsync(world);
        Assert.Equal((Convert.ToHexStringLower(SHA256.HashData(s_bytes)), "none"), (carve.Sha256, carve.Packing));
        await using var stream = await world.Get<IBlobs>().OpenAsync(CarveStore.BlobOf(carve.Id), default);
        using var reader = new StreamReader(stream!);
        Assert.Equal(Encoding.ASCII.GetString(s_bytes), await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task Zstd_is_told_by_its_magic()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        byte[] packed = [0x28, 0xB5, 0x2F, 0xFD, .. s_bytes];
        var session = await StartAsync(world, key, size: packed.Length, blocks: 1, blockSize: 100);
        Assert.False((await world.PostAsync("carve/continue", Body(session, 0, packed))).Text.StartsWith("failed", StringComparison.Ordinal));
        await world.Get<TidyCarves>().RunAsync(default);
        Assert.Equal("zstd", (await CarveAsync(world)).Packing);
    }

    [Theory]
    [InlineData("""{"carve_id":"g","block_count":0,"block_size":10,"carve_size":23}""")]
    [InlineData("""{"carve_id":"g","block_count":2,"block_size":10,"carve_size":23}""")]
    [InlineData("""{"carve_id":"g","block_count":3,"block_size":-10,"carve_size":23}""")]
    [InlineData("""{"carve_id":"g","block_count":3,"block_size":10,"carve_size":99999999999}""")]
    [InlineData("""{"carve_id":"g","block_count":99999,"block_size":1,"carve_size":99999}""")]
    [InlineData("""{"block_count":3,"block_size":10,"carve_size":23}""")]
    public async Task A_start_that_cannot_be_gets_no_session_and_takes_no_place(string body)
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var reply = await world.PostAsync("carve/start", body.Replace("}", $",\"node_key\":\"{key}\"}}", StringComparison.Ordinal));
        Assert.False(reply.Json.ContainsKey("session_id"));
        Assert.True(reply.IsError);
        Assert.DoesNotContain(await world.Get<CarveStore>().ListAsync(default), carve => carve.State != CarveState.Refused || carve.Size > 0);
    }

    [Fact]
    public async Task A_node_without_a_key_gets_no_session()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var reply = await world.PostAsync("carve/start", $$"""{"carve_id":"{{CarveGuid}}","block_count":1,"block_size":10,"carve_size":5,"node_key":""}""");
        Assert.False(reply.Json.ContainsKey("session_id"));
    }

    [Fact]
    public async Task What_fails_is_told_in_plain_text_since_any_JSON_is_success_to_an_agent()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var session = await StartAsync(world, key);
        var forged = session[..^1] + (session[^1] == 'A' ? 'B' : 'A');
        foreach (var body in new[] { Body(forged, 0, s_bytes[..10]), Body("", 0, s_bytes[..10]), Body(session, 3, s_bytes[..10]), Body(session, 0, s_bytes[..9]), Body(session, 2, s_bytes[..10]), "{", "{}", "[]" })
        {
            var reply = await world.PostAsync("carve/continue", body);
            Assert.True(reply.Status >= 400, body);
            Assert.StartsWith("failed: ", reply.Text, StringComparison.Ordinal);
            Assert.ThrowsAny<System.Text.Json.JsonException>(() => JsonNode.Parse(reply.Bytes));
        }

        world.Tables.IsDown = true;
        Assert.StartsWith("failed: ", (await world.PostAsync("carve/continue", Body(session, 0, s_bytes[..10]))).Text, StringComparison.Ordinal);
        Assert.StartsWith("failed: ", (await world.PostAsync("carve/continue", Body(session, 0, s_bytes[..10]), request => request.Method = "GET")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_session_is_its_nodes_alone()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var session = await StartAsync(world, await world.EnrollAsync("H1"));
        var other = await world.EnrollAsync("H2");
        var reply = await world.PostAsync("carve/continue", Body(session, 0, s_bytes[..10]), request => request.Headers.Authorization = "NodeKey " + other);
        Assert.StartsWith("failed: ", reply.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_carve_that_does_not_arrive_expires_and_one_that_is_old_is_removed()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var session = await StartAsync(world, key);
        await SendAsync(world, session, 0);
        world.Clock.Advance(world.Limits.CarveLife + TimeSpan.FromMinutes(1));
        await TidyTwiceAsync(world);
        Assert.Equal(CarveState.Expired, (await CarveAsync(world)).State);
        Assert.Empty(await world.Get<IBlobs>().StagedAsync(CarveStore.BlobOf((await CarveAsync(world)).Id), default));
        Assert.StartsWith("failed: ", (await world.PostAsync("carve/continue", Body(session, 1, s_bytes[10..20]))).Text, StringComparison.Ordinal);
        world.Clock.Advance(TimeSpan.FromDays(30));
        await TidyTwiceAsync(world);
        Assert.Empty(await world.Get<CarveStore>().ListAsync(default));
    }

    [Fact]
    public async Task A_carve_that_nobody_asked_for_is_refused_and_one_that_a_query_asked_for_is_taken_in_any_order()
    {
        await using var world = await World.OpenAsync();
        var (key, other) = (await world.EnrollAsync("H1"), await world.EnrollAsync("H2"));
        Assert.True((await world.PostAsync("carve/start", Start(key, CarveGuid, 23, 3, 10))).IsError);
        Assert.Empty(await world.Get<CarveStore>().ListAsync(default));

        // Sent to the node: its carve may begin before its answer arrives.
        var campaign = await world.AskAsync("select * from carves where path = '/etc/hosts' and carve = 1", World.Everyone);
        Assert.True((await world.PostAsync("carve/start", Start(key, CarveGuid, 23, 3, 10))).IsError);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        Assert.False((await world.PostAsync("carve/start", Start(key, CarveGuid, 23, 3, 10))).IsError);
        Assert.True((await world.PostAsync("carve/start", Start(other, CarveGuid, 23, 3, 10))).IsError);
        Assert.NotEmpty(campaign.Id);
    }

    [Fact]
    public async Task A_node_announces_no_more_carves_than_it_may()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var campaign = await world.AskAsync("select * from carves where carve = 1", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        var rows = string.Join(',', Enumerable.Range(0, 500).Select(i => $$"""{"carve_guid":"{{i:x8}}-2ee2-4b86-8f1e-6f0e2c0f2f11","carve":"1"}"""));
        Assert.False((await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign.Id}}}":[{{{rows}}}]},"statuses":{"{{{campaign.Id}}}":0},"node_key":"{{{key}}}"}""")).IsError);
        Assert.Equal(world.Limits.OpenCarves, (await world.Get<CarveStore>().ListAsync(default)).Count);
    }

    [Fact]
    public async Task An_answer_to_a_question_that_does_not_carve_or_is_anothers_announces_none()
    {
        await using var world = await World.OpenAsync();
        var (key, other) = (await world.EnrollAsync("H1"), await world.EnrollAsync("H2"));
        var plain = await world.AskAsync("select 1", World.Everyone);
        var carving = await world.AskAsync("select * from carves where carve = 1", World.Everyone);
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await AnswerAsync(key, plain.Id);
        await AnswerAsync(other, carving.Id);
        Assert.Empty(await world.Get<CarveStore>().ListAsync(default));

        async Task AnswerAsync(string node, string campaign) => Assert.False((await world.PostAsync(
            "distributed/write", $$$"""{"queries":{"{{{campaign}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"1"}]},"statuses":{"{{{campaign}}}":0},"node_key":"{{{node}}}"}""")).IsError);
    }

    [Fact]
    public async Task One_node_keeps_a_tenth_of_what_is_kept_of_all_but_always_one_carve()
    {
        await using var world = await World.OpenAsync(("Limits:CarvesBytes", "400"), ("Limits:CarveBytes", "30"), ("Carves:Unasked", "true"));
        var (key, other) = (await world.EnrollAsync("H1"), await world.EnrollAsync("H2"));
        Assert.False((await world.PostAsync("carve/start", Start(key, "1" + CarveGuid[1..], 23, 3, 10))).IsError);
        Assert.True((await world.PostAsync("carve/start", Start(key, "3" + CarveGuid[1..], 23, 3, 10))).IsError);
        Assert.False((await world.PostAsync("carve/start", Start(other, CarveGuid, 23, 3, 10))).IsError);
    }

    [Fact]
    public async Task A_clock_that_is_wrong_for_a_while_ends_and_removes_nothing()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var session = await StartAsync(world, await world.EnrollAsync("H1"));
        await SendAsync(world, session, 0);
        var campaign = await world.AskAsync("select 1", World.Everyone, expiresAt: world.Clock.Now.AddHours(1));
        foreach (var jump in new[] { TimeSpan.FromDays(4_000), TimeSpan.FromDays(-4_000) })
        {
            world.Clock.Advance(jump);
            foreach (var _ in Enumerable.Range(0, 3))
            {
                await world.Get<TidyCarves>().RunAsync(default);
                await world.Get<Expiry>().RunAsync(default);
                await world.Get<Retention>().RunAsync(default);
                world.Clock.Advance(TimeSpan.FromMinutes(1));
            }
        }

        Assert.Equal(CarveState.Receiving, (await CarveAsync(world)).State);
        Assert.Single(await world.Get<IBlobs>().StagedAsync(CarveStore.BlobOf((await CarveAsync(world)).Id), default));
        Assert.Contains(campaign.Id, world.Get<CampaignStore>().Active.ByName.Keys);
    }

    private static async Task TidyTwiceAsync(World world)
    {
        await world.Get<TidyCarves>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(31));
        await world.Get<TidyCarves>().RunAsync(default);
    }

    [Fact]
    public async Task Over_the_quota_a_carve_is_refused()
    {
        await using var world = await World.OpenAsync(("Limits:CarvesBytes", "30"), ("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        await StartAsync(world, key);
        var reply = await world.PostAsync("carve/start", Start(key, "another", 23, 3, 10));
        Assert.Contains("delete some", (string?)reply.Json["error"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_carve_that_was_complete_when_the_process_died_is_finished_by_upkeep()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var session = await StartAsync(world, await world.EnrollAsync("H1"));
        foreach (var block in new[] { 0, 2 }) await SendAsync(world, session, block);
        await world.Get<IBlobs>().StageAsync(CarveStore.BlobOf(session.Split('.')[0]), 1, s_bytes.AsMemory(10, 10), default);
        await world.Get<TidyCarves>().RunAsync(default);
        Assert.Equal(CarveState.Complete, (await CarveAsync(world)).State);
    }

    [Fact]
    public async Task A_carve_that_was_committed_when_the_process_died_is_finished_even_when_it_is_late()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var session = await StartAsync(world, await world.EnrollAsync("H1"));
        foreach (var block in new[] { 1, 2 }) await SendAsync(world, session, block);
        var blob = CarveStore.BlobOf(session.Split('.')[0]);
        await world.Get<IBlobs>().StageAsync(blob, 0, s_bytes.AsMemory(0, 10), default);
        Assert.True(await world.Get<IBlobs>().CommitAsync(blob, 3, default));
        world.Clock.Advance(world.Limits.CarveLife + TimeSpan.FromMinutes(1));
        await world.Get<TidyCarves>().RunAsync(default);
        Assert.Equal(CarveState.Complete, (await CarveAsync(world)).State);
    }

    [Fact]
    public async Task One_node_cannot_take_the_room_of_all()
    {
        await using var world = await World.OpenAsync(("Limits:OpenCarves", "2"), ("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        foreach (var guid in new[] { "a", "b" }) Assert.False((await world.PostAsync("carve/start", Start(key, guid, 23, 3, 10))).IsError);
        Assert.Contains("under way", (string?)(await world.PostAsync("carve/start", Start(key, "c", 23, 3, 10))).Json["error"], StringComparison.Ordinal);
        Assert.False((await world.PostAsync("carve/start", Start(await world.EnrollAsync("H2"), "c", 23, 3, 10))).IsError);
    }

    [Fact]
    public async Task A_deactivated_node_sends_no_more_blocks()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var session = await StartAsync(world, await world.EnrollAsync("H1"));
        await world.Get<NodeStore>().ChangeAsync(NodeId.OfHost("H1"), node => node with { Active = false }, default);
        Assert.StartsWith("failed: ", (await world.PostAsync("carve/continue", Body(session, 0, s_bytes[..10]))).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_question_about_old_carves_does_not_make_them_its_own()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var first = await world.AskAsync("select * from carves where carve = 1", World.Everyone);
        await AnswerAsync(first.Id, "1");
        var second = await world.AskAsync("select * from carves", World.Everyone);
        await AnswerAsync(second.Id, "0");
        var third = await world.AskAsync("select carve('/x')", World.Everyone);
        await AnswerAsync(third.Id, "1");
        Assert.Equal(first.Id, (await CarveAsync(world)).Campaign);

        async Task AnswerAsync(string campaign, string carve)
        {
            await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
            Assert.False((await world.PostAsync("distributed/write", $$$"""{"queries":{"{{{campaign}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"{{{carve}}}"}]},"statuses":{"{{{campaign}}}":0},"node_key":"{{{key}}}"}""")).IsError);
        }
    }

    [Fact]
    public async Task People_ask_for_a_carve_see_what_is_in_it_fetch_it_and_delete_it()
    {
        await using var server = await RunningServer.StartAsync();
        using var admin = await server.SignInAsync(Role.Admin);
        var key = (string)(await admin.AgentAsync("enroll", $$"""{"enroll_secret":"{{server.Secret}}","host_identifier":"H1"}"""))["node_key"]!;
        var node = (string)(await admin.GetAsync("/api/nodes"))["items"]![0]!["id"]!;
        var errors = (await admin.RefusedAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/carves", """{"nodeId":"x","path":"","reason":" "}"""))["errors"]!.AsArray();
        Assert.Equal(["nodeId", "path", "reason"], errors.Select(error => (string)error!["path"]!));
        var asked = await admin.OkAsync("POST", "/api/carves", $$"""{"nodeId":"{{node}}","path":"/home/o'brien/%%","reason":"Ticket 12"}""");
        Assert.Contains("FROM carves WHERE path LIKE '/home/o''brien/%%' AND carve = 1", (string?)asked["sql"], StringComparison.Ordinal);
        Assert.True((bool)(await admin.OkAsync("POST", "/api/queries/check", $$"""{"sql":"{{(string?)asked["sql"]}}"}"""))["valid"]!);

        var campaign = (string)asked["campaignId"]!;
        Assert.NotNull((await admin.AgentAsync("distributed/read", $$"""{"node_key":"{{key}}"}"""))["queries"]![campaign]);
        await admin.AgentAsync("distributed/write", $$$"""{"queries":{"{{{campaign}}}":[{"carve_guid":"{{{CarveGuid}}}","carve":"1","status":"SCHEDULED"}]},"statuses":{"{{{campaign}}}":0},"node_key":"{{{key}}}"}""");
        var listed = Assert.Single((await admin.GetAsync("/api/carves?nodeId=" + node))["items"]!.AsArray())!;
        Assert.Equal(("requested", campaign), ((string?)listed["status"], (string?)listed["campaignId"]));
        await admin.RefusedAsync(HttpStatusCode.Conflict, "GET", $"/api/carves/{listed["id"]}/archive");

        var tar = Tar(("/tmp/osquery_carve_" + CarveGuid + "/home/o'brien/notes.txt", "hello"), ("../../etc/passwd", "evil"), ("C:\\x\u0001\u202Ey", "odd"));
        var session = (string)(await admin.AgentAsync("carve/start", Start(key, CarveGuid, tar.Length, (tar.Length + 999) / 1_000, 1_000)))["session_id"]!;
        for (var block = 0; block * 1_000 < tar.Length; block++) await admin.AgentAsync("carve/continue", Body(session, block, tar[(block * 1_000)..Math.Min(tar.Length, (block + 1) * 1_000)]));
        await server.Services.GetRequiredService<TidyCarves>().RunAsync(default);

        var carve = await admin.GetAsync($"/api/carves/{listed["id"]}");
        Assert.Equal(("complete", campaign, (long)tar.Length, Convert.ToHexStringLower(SHA256.HashData(tar))), ((string?)carve["status"], (string?)carve["campaignId"], (long)carve["size"]!, (string?)carve["sha256"]));
        using var archive = await admin.Http.GetAsync(new Uri($"/api/carves/{listed["id"]}/archive", UriKind.Relative));
        Assert.Equal(tar, await archive.Content.ReadAsByteArrayAsync());
        Assert.EndsWith(".tar", archive.Content.Headers.ContentDisposition!.FileName, StringComparison.Ordinal);
        var files = (await admin.GetAsync($"/api/carves/{listed["id"]}/files"))["items"]!.AsArray();
        Assert.Equal(["home/o'brien/notes.txt", "_/_/etc/passwd", "C_/x__y"], files.Select(file => (string)file!["name"]!));
        using var viewer = await server.SignInAsync(Role.Viewer);
        Assert.Equal(HttpStatusCode.Forbidden, (await viewer.SendAsync("GET", $"/api/carves/{listed["id"]}/archive")).Status);
        await admin.OkAsync("DELETE", $"/api/carves/{listed["id"]}");
        await admin.RefusedAsync(HttpStatusCode.NotFound, "GET", $"/api/carves/{listed["id"]}");
    }

    [Fact]
    public async Task Fleets_paths_are_answered_too()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var session = (string)(await world.PostAsync("api/osquery/carve/begin", Start(key, CarveGuid, 23, 3, 10))).Json["session_id"]!;
        Assert.True((bool)(await world.PostAsync("api/osquery/carve/block", Body(session, 0, s_bytes[..10]))).Json["success"]!);
    }

    [Fact]
    public async Task A_block_that_goes_to_a_misspelt_path_is_not_taken_for_sent()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        Assert.StartsWith("failed: ", (await world.PostAsync("v1/carve/blocks", "{}")).Text, StringComparison.Ordinal);
    }

    private static async Task<Carve> CarveAsync(World world) => Assert.Single(await world.Get<CarveStore>().ListAsync(default));

    private static async Task<string> StartAsync(World world, string key, int size = 23, int blocks = 3, int blockSize = 10) =>
        (string)(await world.PostAsync("carve/start", Start(key, CarveGuid, size, blocks, blockSize))).Json["session_id"]!;

    private static async Task SendAsync(World world, string session, int block)
    {
        var reply = await world.PostAsync("carve/continue", Body(session, block, s_bytes[(block * 10)..Math.Min(s_bytes.Length, (block + 1) * 10)]));
        Assert.True((bool)reply.Json["success"]!, reply.Text);
    }

    private static string Start(string key, string guid, int size, int blocks, int blockSize) =>
        $$"""{"block_count":{{blocks}},"block_size":{{blockSize}},"carve_size":{{size}},"carve_id":"{{guid}}","request_id":"r","node_key":"{{key}}"}""";

    private static string Body(string session, int block, byte[] bytes) =>
        $$"""{"block_id":{{block}},"session_id":"{{session}}","request_id":"r","data":"{{Convert.ToBase64String(bytes)}}"}""";

    private static byte[] Tar(params (string Name, string Text)[] files)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, text) in files) tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
        }

        return bytes.ToArray();
    }
}

using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Agents;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Fuzz;

/// <summary>A target for each parser that reads what agents send. For hours, all of them or one:
/// <c>FLEET_FUZZ_MINUTES=60 dotnet test tests/Fleet.Tests -c Release --filter FullyQualifiedName~FuzzTests.Log</c></summary>
public sealed class FuzzTests
{
    /// <summary>In corpora this stands for a key that is good, and another for a session.</summary>
    private const string Key = "NODEKEY";
    private const string Session = "SESSION";
    private const string Guid = "2d9e3fcb-2ee2-4b86-8f1e-6f0e2c0f2f11";

    [Fact]
    public async Task Log_bodies_are_taken_or_refused_and_what_is_taken_can_be_read()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var node = await world.NodeOfAsync("H1");
        await new Fuzzer("log").RunAsync(async input =>
        {
            var reply = await world.PostAsync("log", With(input, Key, key));
            Answered(reply);
            if (reply.Status != 200) return;
            var body = LogBody.Scan(Repaired(With(input, Key, key)));
            Assert.All(LineReader.Read(body.Lines, world.Clock.Now), row => Assert.DoesNotContain("cannot be read", row.Fault ?? "", StringComparison.Ordinal));
            StatusLine.Read(body.Lines, world.Clock.Now);
        });

        // All of it together stops nothing.
        await world.MaterializeAsync();
        Assert.Empty(await world.Get<Quarantine>().ListAsync(10, default));
        for (string? after = null; ;)
        {
            var page = await world.Get<ResultPages>().ResultsAsync(node.Id, new(null, null, null), 1_000, after, default);
            if ((after = page.After) is null) break;
        }
    }

    [Fact]
    public async Task Enroll_bodies_are_taken_or_refused()
    {
        await using var world = await World.OpenAsync();
        await new Fuzzer("enroll").RunAsync(async input => Answered(await world.PostAsync("enroll", input)));
        await foreach (var node in world.Get<NodeStore>().AllAsync(default)) Assert.NotNull(node.HostIdentifier);
    }

    [Fact]
    public async Task Answers_are_taken_or_refused()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var campaign = await world.AskAsync("select * from carves where carve = 1", World.Everyone);
        await new Fuzzer("distributed-write").RunAsync(async input =>
        {
            await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
            Answered(await world.PostAsync("distributed/write", With(With(input, Key, key), "CAMPAIGN", campaign.Id)));
        });
        Assert.InRange((await world.Get<CarveStore>().ListAsync(default)).Count, 0, world.Limits.OpenCarves);
    }

    [Fact]
    public async Task Carves_are_begun_or_refused_and_their_blocks_are_taken_or_refused()
    {
        await using var world = await World.OpenAsync(("Carves:Unasked", "true"));
        var key = await world.EnrollAsync("H1");
        var session = (string)(await world.PostAsync("carve/start", $$"""{"block_count":3,"block_size":10,"carve_size":23,"carve_id":"{{Guid}}","node_key":"{{key}}"}""")).Json["session_id"]!;
        await new Fuzzer("carve").RunAsync(async input =>
        {
            var body = With(With(input, Key, key), Session, session);
            Answered(await world.PostAsync("carve/start", body));
            var reply = await world.PostAsync("carve/continue", body);
            Assert.True(reply.Status is 200 ? reply.Text == """{"success":true}""" : reply.Status < 500 && reply.Text.StartsWith("failed: ", StringComparison.Ordinal), reply.Text);
        });
    }

    /// <summary>Packed bytes that were changed, and packed bodies that were.</summary>
    [Fact]
    public async Task Gzip_is_inflated_or_refused()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        var good = Compression.Gzip(Encoding.UTF8.GetBytes($$"""{"node_key":"{{key}}","log_type":"result","data":[{"name":"q","columns":{"a":"1"},"action":"added"}]}"""));
        await new Fuzzer("gzip", good, [.. good, .. good], Compression.Gzip(Compression.Gzip(good))).RunAsync(async input => Answered(await world.PostAsync("log", input)));
        await new Fuzzer("log").RunAsync(async input => Answered(await world.PostAsync("log", Compression.Gzip(With(input, Key, key)))));
    }

    [Fact]
    public async Task A_carves_tar_is_listed_or_refused_and_its_names_are_safe()
    {
        using var made = new MemoryStream();
        await using (var tar = new TarWriter(made, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var name in new[] { "tmp/osquery_carve_1/etc/passwd", "../../x", "a/" + new string('b', 300), "C:\\x", "é\u202e" })
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name, new Dictionary<string, string> { ["k"] = "v" }) { DataStream = new MemoryStream([1, 2, 3]) });
            }
        }

        await new Fuzzer("tar", made.ToArray()).RunAsync(async input =>
        {
            try
            {
                var names = await CarveListing.ReadAsync(new MemoryStream(input), 1_000, 1 << 20, default);
                Assert.All(names, one => Assert.False(one.Name.StartsWith('/') || one.Name.Split('/').Contains("..") || one.Name.Any(char.IsControl) || one.Size < 0, one.Name));
            }
            catch (InvalidDataException)
            {
                // Refused in words.
            }
        });
    }

    [Fact]
    public async Task A_client_certificate_is_a_name_or_nothing()
    {
        using var authority = new TestAuthority("Fleet test authority");
        using var other = new TestAuthority("Fleet test authority");
        var certificates = new ClientCertificates(new(authority.Pem, null, [], ByHeader: true), TimeProvider.System);
        await new Fuzzer("certificate", authority.Issue("CN=laptop-7, O=Fleet").RawData, other.Issue("CN=laptop-8").RawData, authority.Issue("", dns: "laptop-9").RawData).RunAsync(input =>
        {
            foreach (var header in new[] { Convert.ToBase64String(input), Encoding.Latin1.GetString(input).Replace("\r", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal) })
            {
                var context = new DefaultHttpContext();
                context.Request.Headers["X-ARR-ClientCert"] = header;

                // What one changed bit makes of a certificate is signed by nobody.
                Assert.Contains(certificates.NameIn(context), new[] { null, "laptop-7", "laptop-9" });
            }

            return Task.CompletedTask;
        });
    }

    private static void Answered(AgentReply reply)
    {
        Assert.NotEmpty(reply.Bytes);
        Assert.True(reply.Status is 200 or 400 or 413 or 503, $"{reply.Status} {reply.Text}");
        var json = Assert.IsType<JsonObject>(JsonNode.Parse(reply.Bytes));
        Assert.Equal(reply.Status != 200, json.ContainsKey("error"));
    }

    private static byte[] With(byte[] input, string mark, string text) => Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(input).Replace(mark, text, StringComparison.Ordinal));

    private static byte[] Repaired(byte[] input) => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(input is [0x1F, 0x8B, ..] ? [] : input));
}

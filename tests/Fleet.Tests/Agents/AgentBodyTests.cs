using System.Text;
using System.Text.Json;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Bodies as agents of all ages send them, odd ones included: none may be refused for its form, and none may break the server.</summary>
public sealed class AgentBodyTests
{
    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (var file in SharedData.Files("agent-bodies.ndjson", "agent/osquery-cases.ndjson"))
        {
            var count = File.ReadLines(file).Count(line => line.Length > 0);
            for (var i = 0; i < count; i++) cases.Add(file, i);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_body_that_an_agent_sends_is_taken(string file, int number)
    {
        await using var world = await World.OpenAsync();
        await world.AddSecretAsync("7tZq-wLm02-fleetA");
        var key = await world.EnrollAsync("sender");
        var line = File.ReadLines(file).Where(l => l.Length > 0).ElementAt(number);
        using var json = JsonDocument.Parse(line, new() { MaxDepth = 512 });
        var endpoint = json.RootElement.GetProperty("endpoint").GetString()!;
        if (endpoint.StartsWith("carve", StringComparison.Ordinal)) return; // no such calls yet: FailureTests holds what they answer

        var body = Body(json.RootElement, key, out var wasKeyed);
        var reply = await world.PostAsync(endpoint.Replace('_', '/'), body);

        var why = $"{json.RootElement.GetProperty("why").GetString()}: {reply.Text}";
        Assert.False(reply.IsError, why);
        if (endpoint == "enroll") Assert.Equal(json.RootElement.GetProperty("body").GetProperty("enroll_secret").GetString()!.StartsWith("wrong", StringComparison.Ordinal), reply.IsInvalid);
        else Assert.Equal(!wasKeyed, reply.IsInvalid);
        await world.MaterializeAsync();
        await world.PumpAsync();
    }

    /// <summary>The body with the sender's own key in place of the made-up one; exact bytes where they matter, packed again if they were packed.</summary>
    private static byte[] Body(JsonElement line, string key, out bool wasKeyed)
    {
        wasKeyed = false;
        var bytes = line.TryGetProperty("body_base64", out var exact) ? exact.GetBytesFromBase64() : Encoding.UTF8.GetBytes(line.GetProperty("body").GetRawText());
        var isPacked = bytes is [0x1F, 0x8B, ..];
        if (isPacked)
        {
            using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(bytes), System.IO.Compression.CompressionMode.Decompress);
            using var plain = new MemoryStream();
            gzip.CopyTo(plain);
            bytes = plain.ToArray();
        }

        // Latin-1 keeps every byte as it is.
        var text = Encoding.Latin1.GetString(bytes);
        var keyed = System.Text.RegularExpressions.Regex.Replace(text, "\"node_key\":\\s*\"[^\"]+\"", $"\"node_key\":\"{key}\"");
        wasKeyed = keyed != text;
        bytes = Encoding.Latin1.GetBytes(keyed);
        return isPacked ? FailureTests.Gzip(Encoding.UTF8.GetString(bytes)) : bytes;
    }
}

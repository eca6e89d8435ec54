using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fleet.Swarm;

/// <summary>Sends a carve as osqueryd's carver does: a start, then blocks from 0 on, each tried three times; any answer that parses is success.</summary>
internal sealed partial class CarveSender(AgentTransport transport, string nodeKey, string version)
{
    private const int Tries = 3;

    /// <summary>Whether a query begins a carve.</summary>
    public static bool Asks(string sql) => Request().IsMatch(sql);

    /// <summary>What such a query answers: the new carve alone, and the flag, if it asks for that too.</summary>
    public static List<JsonObject> Announce(string guid, string sql)
    {
        var path = Request().Match(sql).Groups["path"].Value.Replace("''", "'", StringComparison.Ordinal);
        var rows = new List<JsonObject> { new() { ["carve_guid"] = guid, ["carve"] = "1", ["path"] = path, ["status"] = "SCHEDULED" } };
        if (sql.Contains("osquery_flags", StringComparison.Ordinal)) rows.Add(new() { ["carve_guid"] = "", ["carve"] = "0", ["path"] = "disable_carver", ["status"] = "false" });
        return rows;
    }

    /// <summary>Announces a carve; the session, or null if it was refused.</summary>
    public async Task<string?> StartAsync(string guid, int size, int blockSize, CancellationToken ct)
    {
        var body = new JsonObject
        {
            ["block_count"] = BlocksOf(size, blockSize),
            ["block_size"] = blockSize,
            ["carve_size"] = size,
            ["carve_id"] = guid,
            ["request_id"] = Guid.NewGuid().ToString(),
            ["node_key"] = nodeKey,
        };
        for (var i = 0; i < Tries; i++)
        {
            if ((await PostAsync("carve/start", body, ct)).Body?["session_id"] is JsonValue session && session.TryGetValue<string>(out var text) && text.Length > 0) return text;
        }

        return null;
    }

    /// <summary>Sends one block; whether the agent takes it for sent.</summary>
    public async Task<bool> SendBlockAsync(string session, byte[] carve, int blockSize, int block, CancellationToken ct)
    {
        var bytes = carve.AsMemory(block * blockSize, Math.Min(blockSize, carve.Length - (block * blockSize)));
        var body = new JsonObject
        {
            ["block_id"] = block,
            ["session_id"] = session,
            ["request_id"] = Guid.NewGuid().ToString(),
            ["data"] = Convert.ToBase64String(bytes.Span),
        };
        for (var i = 0; i < Tries; i++)
        {
            if ((await PostAsync("carve/continue", body, ct)).Body is not null) return true;
        }

        return false;
    }

    /// <summary>All of it, in order; whether the agent takes it for sent.</summary>
    public async Task<bool> SendAsync(string guid, byte[] carve, int blockSize, CancellationToken ct)
    {
        if (await StartAsync(guid, carve.Length, blockSize, ct) is not { } session) return false;
        for (var block = 0; block < BlocksOf(carve.Length, blockSize); block++)
        {
            if (!await SendBlockAsync(session, carve, blockSize, block, ct)) return false;
        }

        return true;
    }

    /// <summary>A tar as osqueryd's: files under its own temporary folder.</summary>
    public static byte[] MakeUp(string guid, string host)
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (path, text) in new[] { ("home/ada/.ssh/authorized_keys", "ssh-ed25519 AAAA ada\n"), ("etc/hostname", host + "\n") })
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"tmp/osquery_carve_{guid}/{path}") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) });
            }
        }

        return bytes.ToArray();
    }

    [GeneratedRegex(@"from\s+carves\s+where\s+path\s+(?:=|like)\s+'(?<path>(?:[^']|'')*)'\s+and\s+carve\s*=\s*1\b", RegexOptions.IgnoreCase)]
    private static partial Regex Request();

    private static int BlocksOf(int size, int blockSize) => (size + blockSize - 1) / blockSize;

    private Task<Verdict> PostAsync(string call, JsonObject body, CancellationToken ct) =>
        transport.PostAsync(call, Encoding.UTF8.GetBytes(body.ToJsonString()), nodeKey, version, gzip: false, ct);
}

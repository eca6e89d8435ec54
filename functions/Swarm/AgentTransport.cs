using System.IO.Compression;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>How an agent speaks.</summary>
/// <param name="KeepAlive">Reuse connections; a real osqueryd 5.23 opens one for each request.</param>
/// <param name="Prefix">Before each path, such as <c>/v1</c>.</param>
internal sealed record TransportOptions(Uri Url, bool KeepAlive = false, string Prefix = "", bool AcceptGzip = false);

/// <summary>What an agent makes of an answer.</summary>
/// <param name="Error">Why the call failed, or null.</param>
internal sealed record Verdict(JsonObject? Body, string? Error, bool NodeInvalid)
{
    public bool IsOk => Error is null;
}

/// <summary>osqueryd's TLS plugins' manners: 16 seconds for all of it, one immediate second try, and the body alone is judged, never the status.</summary>
internal sealed class AgentTransport : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(16);

    private readonly TransportOptions _options;
    private readonly SwarmMeter? _meter;
    private readonly HttpClient _http;

    /// <param name="options">Where to and how.</param>
    /// <param name="meter">Counts what is sent and how long it takes.</param>
    /// <param name="shared">A handler that many agents share, or null for one of its own.</param>
    public AgentTransport(TransportOptions options, SwarmMeter? meter, SocketsHttpHandler? shared = null)
    {
        (_options, _meter) = (options, meter);
        _http = new(shared ?? NewHandler(options), disposeHandler: shared is null) { BaseAddress = options.Url, Timeout = s_patience };
    }

    /// <summary>Trusts any certificate: this is a load tool, and the servers that it meets made theirs themselves.</summary>
    public static SocketsHttpHandler NewHandler(TransportOptions options) => new()
    {
        AllowAutoRedirect = false,
        PooledConnectionLifetime = options.KeepAlive ? Timeout.InfiniteTimeSpan : TimeSpan.Zero,
#pragma warning disable CA5359 // A load tool for servers that made their certificates themselves; it sends made-up data only.
        SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
#pragma warning restore CA5359
    };

    /// <summary>Posts JSON to a call; a broken connection is tried once more at once, a time-out is not.</summary>
    public async Task<Verdict> PostAsync(string call, byte[] json, string? nodeKey, string version, bool gzip, CancellationToken ct)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            var verdict = await TryAsync(call, json, nodeKey, version, gzip, ct);
            _meter?.Count(call, System.Diagnostics.Stopwatch.GetElapsedTime(began), verdict.Error);
            if (verdict.Error is not Broken || !isFirst) return verdict;
        }
    }

    public void Dispose() => _http.Dispose();

    private const string Broken = "connection broken";

    private async Task<Verdict> TryAsync(string call, byte[] json, string? nodeKey, string version, bool gzip, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{_options.Prefix}/{call}") { Content = new ByteArrayContent(gzip ? Pack(json) : json) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (gzip) request.Content.Headers.ContentEncoding.Add("gzip");
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.UserAgent.ParseAdd($"osquery/{version}");
        if (_options.AcceptGzip) request.Headers.AcceptEncoding.ParseAdd("gzip");
        if (!string.IsNullOrEmpty(nodeKey) && version.StartsWith("5.23", StringComparison.Ordinal)) request.Headers.Authorization = new("NodeKey", nodeKey);
        try
        {
            using var response = await _http.SendAsync(request, ct);
            var body = await response.Content.ReadAsByteArrayAsync(ct);
            if ((int)response.StatusCode is >= 300 and < 400) return new(null, "redirect without Location", false);
            return Judge(response.Content.Headers.ContentEncoding.Contains("gzip") ? Unpack(body) : body);
        }
        catch (HttpRequestException)
        {
            return new(null, Broken, false);
        }
        catch (TaskCanceledException) when (!ct.IsCancellationRequested)
        {
            return new(null, "no answer within 16 s", false);
        }
    }

    /// <summary>osquery's own order: empty is success, then <c>node_invalid: true</c>, then an <c>error</c> of any value.</summary>
    public static Verdict Judge(byte[] body)
    {
        if (body.Length == 0) return new([], null, false);
        JsonObject? json;
        try
        {
            json = JsonNode.Parse(body) as JsonObject;
        }
        catch (JsonException)
        {
            json = null;
        }

        if (json is null) return new(null, $"not a JSON object: {Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 80)))}", false);
        if (json.TryGetPropertyValue("node_invalid", out var invalid) && invalid is JsonValue flag && flag.GetValueKind() == JsonValueKind.True) return new(json, "node invalid", true);
        return json.TryGetPropertyValue("error", out var error) ? new(json, error?.ToString() ?? "<unknown>", false) : new(json, null, false);
    }

    private static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(bytes);
        return packed.ToArray();
    }

    private static byte[] Unpack(byte[] bytes)
    {
        using var gzip = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        gzip.CopyTo(plain);
        return plain.ToArray();
    }
}

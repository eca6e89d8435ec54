using System.Diagnostics;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>How an agent speaks.</summary>
/// <param name="KeepAlive">Reuse connections; a real osqueryd 5.23 opens one for each request.</param>
/// <param name="Prefix">Before each path, such as <c>/v1</c>.</param>
/// <param name="Connections">At most so many at once, whichever agent needs one; null for as many as there are requests.</param>
internal sealed record TransportOptions(Uri Url, bool KeepAlive = false, string Prefix = "", bool AcceptGzip = false, int? Connections = null);

/// <summary>What an agent makes of an answer.</summary>
/// <param name="Error">Why the call failed, or null.</param>
internal sealed record Verdict(JsonObject? Body, string? Error, bool NodeInvalid)
{
    /// <summary>The body as it came.</summary>
    public byte[] Bytes { get; init; } = [];

    /// <summary>What an agent takes for success.</summary>
    public bool IsOk => Error is null;

    /// <summary>The connection could not be made, or broke: an agent tries once more at once.</summary>
    public bool IsBroken { get; init; }

    /// <summary>Of an answer to enroll: the key it gives, or empty.</summary>
    public string NodeKey => (Body?["node_key"] ?? Body?["id"]) is JsonValue key && key.TryGetValue<string>(out var text) ? text : "";

    /// <summary>An answer without a body. Agents take it for success and delete what they sent, though no server has said that it has it.</summary>
    public bool IsEmpty => IsOk && Bytes.Length == 0;
}

/// <summary>osqueryd's TLS plugins' manners: 16 seconds for all of it, one immediate second try, and the body alone is judged, never the status.</summary>
internal sealed class AgentTransport : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(16);

    private readonly TransportOptions _options;
    private readonly SwarmMeter? _meter;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim? _connections;

    /// <param name="options">Where to and how.</param>
    /// <param name="meter">Counts what is sent and how long it takes.</param>
    public AgentTransport(TransportOptions options, SwarmMeter? meter)
    {
        (_options, _meter) = (options, meter);
        _http = new(NewHandler(options)) { BaseAddress = options.Url, Timeout = s_patience };
        if (options.Connections is { } most) _connections = new(most);
    }

    /// <summary>Posts JSON to a call; a broken connection is tried once more at once, a time-out is not.</summary>
    public async Task<Verdict> PostAsync(string call, byte[] json, string? nodeKey, string version, bool gzip, CancellationToken ct)
    {
        await WaitForConnectionAsync(ct);
        try
        {
            for (var isFirst = true; ; isFirst = false)
            {
                var began = Stopwatch.GetTimestamp();
                var verdict = await TryAsync(call, json, nodeKey, version, gzip, ct);
                _meter?.Count(call, Stopwatch.GetElapsedTime(began), verdict);
                if (!verdict.IsBroken || !isFirst) return verdict;
            }
        }
        finally
        {
            _connections?.Release();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _connections?.Dispose();
    }

    /// <summary>Waits for one of the connections. This is no time that the server took, so it is counted apart.</summary>
    private async Task WaitForConnectionAsync(CancellationToken ct)
    {
        if (_connections is null) return;
        var began = Stopwatch.GetTimestamp();
        try
        {
            await _connections.WaitAsync(ct);
        }
        finally
        {
            _meter?.CountWait(Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>Trusts any certificate: this is a load tool, and the servers that it meets made theirs themselves.</summary>
    public static SocketsHttpHandler NewHandler(TransportOptions options) => new()
    {
        AllowAutoRedirect = false,
        MaxConnectionsPerServer = options.Connections ?? int.MaxValue,
        PooledConnectionLifetime = options.KeepAlive ? Timeout.InfiniteTimeSpan : TimeSpan.Zero,
#pragma warning disable CA5359 // A load tool for servers that made their certificates themselves; it sends made-up data only.
        SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true },
#pragma warning restore CA5359
    };

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
            var verdict = Judge(response.Content.Headers.ContentEncoding.Contains("gzip") ? Unpack(body) : body);

            // Here only a key counts, whatever else is in the answer.
            return call != "enroll" ? verdict : verdict.NodeKey.Length > 0 ? verdict with { Error = null } : verdict with { Error = "not enrolled: the answer gives no node_key; is the secret right?", NodeInvalid = false };
        }
        catch (HttpRequestException e)
        {
            var reason = e.InnerException is SocketException { SocketErrorCode: var code } ? code.ToString() : e.HttpRequestError.ToString();
            return new(null, OwnLimit(e) ?? $"connection broken: {reason}", false) { IsBroken = true };
        }
        catch (InvalidDataException)
        {
            return new(null, "not gzip, as its header says", false);
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
        return json.TryGetPropertyValue("error", out var error) ? new(json, error?.ToString() ?? "<unknown>", false) : new(json, null, false) { Bytes = body };
    }

    /// <summary>What this machine is short of, so that the connection could not be made; null if it is not that.</summary>
    private static string? OwnLimit(HttpRequestException e) => (e.InnerException as SocketException)?.SocketErrorCode switch
    {
        SocketError.TooManyOpenSockets => SwarmLimits.Descriptors,
        SocketError.AddressNotAvailable or SocketError.AddressAlreadyInUse => SwarmLimits.Ports,
        SocketError.NoBufferSpaceAvailable => SwarmLimits.Memory,
        _ => null,
    };

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

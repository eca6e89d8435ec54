using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>Stands before every call: reads the body within the limits, and sees to it that whatever happens, the agent gets JSON that it understands.</summary>
internal sealed class AgentEndpoint(IReadOnlyDictionary<string, IAgentCall> calls, ClientCertificates certificates, NodeKeys keys, Limits limits, ILogger<AgentEndpoint> log)
{
    private static readonly AgentAnswer s_busy = AgentAnswer.Error(503, "busy, retry");
    private static readonly AgentAnswer s_unavailable = AgentAnswer.Error(503, "temporarily unavailable, retry");
    private static readonly AgentAnswer s_slow = AgentAnswer.Error(408, "the body took too long to arrive, retry");
    private static readonly AgentAnswer s_method = AgentAnswer.Error(405, "use POST or PUT");
    private static readonly AgentAnswer s_unknown = AgentAnswer.Error(404, "there is no such call: check the agent's *_tls_endpoint flags");

    private readonly ByteBudget _budget = new(ByteBudget.Fitting(limits.BodyBytesInFlight));

    /// <summary>Answers a request for a call; null for a path under the agents' prefixes that is none.</summary>
    public async Task HandleAsync(HttpContext context, string? call)
    {
        var began = Stopwatch.GetTimestamp();
        var answer = call is null ? s_unknown
            : HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsPut(context.Request.Method) ? await AnswerAsync(context, calls[call])
            : s_method;
        Telemetry.Calls.Add(1, new("call", call ?? "unknown"), new("outcome", OutcomeOf(answer)));
        Telemetry.CallDuration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("call", call ?? "unknown"));
        await WriteAsync(context, answer, inText: answer.Status >= 400 && (call is null ? IsCarve(context) : calls[call].ReadsNoError));
    }

    /// <summary>Answers a path that nobody serves, so that an agent does not take it for success.</summary>
    public static Task UnknownAsync(HttpContext context) => WriteAsync(context, s_unknown, IsCarve(context));

    /// <summary>A block that lost its way, by a misspelt flag, must not be taken for sent.</summary>
    private static bool IsCarve(HttpContext context) => context.Request.Path.Value?.Contains("carve", StringComparison.OrdinalIgnoreCase) == true;

    private static async Task WriteAsync(HttpContext context, AgentAnswer answer, bool inText = false)
    {
        if (context.RequestAborted.IsCancellationRequested) return;

        var response = context.Response;
        response.StatusCode = answer.Status;
        response.ContentType = inText ? "text/plain" : "application/json";
        var body = inText ? (byte[])[.. "failed: "u8, .. answer.Body.Span] : answer.Body;
        if (!answer.Gzip.IsEmpty)
        {
            response.Headers.ContentEncoding = "gzip";
            body = answer.Gzip;
        }

        if (answer.Status == 405) response.Headers.Allow = "POST, PUT";
        response.ContentLength = body.Length;
        await response.BodyWriter.WriteAsync(body, CancellationToken.None);
    }

    private async ValueTask<AgentAnswer> AnswerAsync(HttpContext context, IAgentCall call)
    {
        var most = call.IsSmall ? limits.SmallBodyBytes : limits.AgentBodyBytes;
        if (context.Request.ContentLength > most && !call.TakesOversized) return TooLarge(most);

        using var budget = new ByteBudget.Share(_budget);
        using var buffer = new BodyBuffer(call.TakesOversized, budget);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        patience.CancelAfter(limits.BodyTime);
        try
        {
            var (headerKey, (certified, certificateFault)) = (HeaderKey(context.Request), certificates.Read(context));
            if (certified is not null || (headerKey.Length > 0 && keys.TryRead(headerKey, out _) == KeyVerdict.Good)) budget.MakeKnown();
            var body = await ReadAsync(context, call, buffer, budget, isForeign: call.TakesKey && headerKey.Length > 0 && !budget.IsKnown, patience.Token);

            // Storing a log packs it, and packing may take as much again.
            if (!call.IsSmall && !buffer.IsOversized) budget.Take(body.Length);

            // From here on the work is finished even if the agent hangs up: it sends the same again, and finds it done.
            var request = new AgentRequest(body, headerKey, Address(context), AcceptsGzip(context.Request), buffer.Size, buffer.IsOversized, certified, context.Request.Headers.UserAgent.ToString(), certificateFault);
            return await call.HandleAsync(request, CancellationToken.None);
        }
        catch (BadBodyException fault)
        {
            return AgentAnswer.Error(400, $"the body is not the JSON that this call takes: {fault.Message}");
        }
        catch (TooLargeException fault)
        {
            return AgentAnswer.Error(413, fault.Message);
        }
        catch (Exception fault) when (fault is StorageBusyException or ByteBudget.SpentException)
        {
            return s_busy;
        }
        catch (Exception fault) when (fault is StorageUnavailableException or StorageDamagedException or OutOfMemoryException)
        {
            log.LogError(fault, "{Path} failed", context.Request.Path);
            return s_unavailable;
        }
        catch (BadHttpRequestException fault)
        {
            return AgentAnswer.Error(fault.StatusCode, fault.Message);
        }
        catch (Exception fault) when (fault is OperationCanceledException or IOException && patience.IsCancellationRequested)
        {
            return s_slow;
        }
        catch (Exception fault)
        {
            log.LogError(fault, "{Path} failed", context.Request.Path);
            return AgentAnswer.Error(500, "internal error, retry");
        }
    }

    /// <summary>The whole body; of one whose key this server did not sign just that key, which is what the answer is about.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContext context, IAgentCall call, BodyBuffer buffer, ByteBudget.Share budget, bool isForeign, CancellationToken ct)
    {
        var pipe = new PatientReader(context.Request.BodyReader, ct);
        var reader = new BodyReader(pipe, buffer, budget, call.TakesKey ? keys : null);
        var most = Math.Min(call.IsSmall ? limits.SmallBodyBytes : limits.AgentBodyBytes, _budget.MostForOne);
        if (!isForeign) await reader.ReadAsync(most, call.IsSmall ? most : Math.Min(limits.InflatedBodyBytes, _budget.MostForOne));
        if (!isForeign && reader.ForeignKey is null) return buffer.Bytes;

        // An agent reads no answer before it has sent all.
        await DrainAsync(pipe);
        return reader.ForeignKey is { } key ? (byte[])[.. "{\"node_key\":\""u8, .. key.Span, .. "\"}"u8] : "{}"u8.ToArray();
    }

    private async ValueTask DrainAsync(PipeReader pipe)
    {
        var bytes = 0L;
        for (var read = await pipe.ReadAsync(); ; read = await pipe.ReadAsync())
        {
            bytes += read.Buffer.Length;
            pipe.AdvanceTo(read.Buffer.End);
            if (bytes > limits.AgentBodyBytes) throw new TooLargeException("the body", limits.AgentBodyBytes);
            if (read.IsCompleted) return;
        }
    }

    private static string OutcomeOf(AgentAnswer answer) =>
        answer == AgentAnswer.NodeInvalid ? "invalid" : answer.Status switch { < 400 => "ok", 503 => "busy", _ => "error" };

    private static AgentAnswer TooLarge(int most) => AgentAnswer.Error(413, FormattableString.Invariant($"the body is over the limit of {most} bytes"));

    private static IPAddress? Address(HttpContext context) =>
        context.Connection.RemoteIpAddress is { IsIPv4MappedToIPv6: true } mapped ? mapped.MapToIPv4() : context.Connection.RemoteIpAddress;

    private static string HeaderKey(HttpRequest request)
    {
        const string Scheme = "NodeKey ";
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : "";
    }

    private static bool AcceptsGzip(HttpRequest request) =>
        request.Headers.AcceptEncoding.Any(value => value?.Split(',').Any(token => token.Split(';')[0].Trim() == "gzip") ?? false);
}

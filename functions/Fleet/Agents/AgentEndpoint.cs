using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>Stands before every call: reads the body within the limits, and sees to it that whatever happens, the agent gets JSON that it understands.</summary>
internal sealed class AgentEndpoint(IReadOnlyDictionary<string, IAgentCall> calls, IAnswerWriter writer, ClientCertificates certificates, NodeKeys keys, Limits limits, ILogger<AgentEndpoint> log)
{
    private const string Internal = "internal error, retry";

    /// <summary>Where nothing is done for the request, there is nothing to open the answer for.</summary>
    private static readonly WholeAnswerWriter s_whole = new();

    private static readonly AgentAnswer s_busy = AgentAnswer.Error(503, "busy, retry");
    private static readonly AgentAnswer s_unavailable = AgentAnswer.Error(503, "temporarily unavailable, retry");
    private static readonly AgentAnswer s_slow = AgentAnswer.Error(408, "the body took too long to arrive, retry");
    private static readonly AgentAnswer s_late = AgentAnswer.Error(503, "this takes longer than expected, retry");
    private static readonly AgentAnswer s_method = AgentAnswer.Error(405, "use POST or PUT");
    private static readonly AgentAnswer s_unknown = AgentAnswer.Error(404, "there is no such call: check the agent's *_tls_endpoint flags");

    private readonly ByteBudget _budget = new(ByteBudget.Fitting(limits.BodyBytesInFlight));

    /// <summary>Answers a request for a call; null for a path under the agents' prefixes that is none.</summary>
    public async Task HandleAsync(HttpContext context, string? name)
    {
        var began = Stopwatch.GetTimestamp();
        var call = name is null ? null : calls[name];
        var isServed = call is not null && (HttpMethods.IsPost(context.Request.Method) || HttpMethods.IsPut(context.Request.Method));
        if (isServed) await writer.OpenAsync(context, mayPack: call!.PacksAnswer && AcceptsGzip(context.Request));

        // Routing, which names others' spans, does not come here.
        if (isServed) System.Diagnostics.Activity.Current?.DisplayName = $"{context.Request.Method} /{name}";
        var answer = isServed ? await AnswerAsync(context, call!) : call is null ? s_unknown : s_method;
        Telemetry.Calls.Add(1, new("call", name ?? "unknown"), new("outcome", OutcomeOf(answer)));
        Telemetry.CallDuration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("call", name ?? "unknown"));
        await (isServed ? writer : s_whole).CloseAsync(context, answer, isUnread: answer.Status >= 400 && (call?.ReadsNoError ?? IsCarve(context)));
    }

    /// <summary>Answers a path that nobody serves, so that an agent does not take it for success.</summary>
    public static Task UnknownAsync(HttpContext context) => s_whole.CloseAsync(context, s_unknown, IsCarve(context)).AsTask();

    /// <summary>Answers in words where nothing else can: an answer without a body would be success to an agent.</summary>
    public static Task RefuseAsync(HttpContext context, int status, string words) => s_whole.CloseAsync(context, AgentAnswer.Error(status, words), IsCarve(context)).AsTask();

    /// <summary>Ends an answer after a fault that nobody met: one that has begun is broken off, and else the fault is told.</summary>
    public static Task FailAsync(HttpContext context)
    {
        if (!context.Response.HasStarted) return RefuseAsync(context, StatusCodes.Status500InternalServerError, Internal);
        context.Abort();
        return Task.CompletedTask;
    }

    /// <summary>A block that lost its way, by a misspelt flag, must not be taken for sent.</summary>
    private static bool IsCarve(HttpContext context) => context.Request.Path.Value?.Contains("carve", StringComparison.OrdinalIgnoreCase) == true;

    private async ValueTask<AgentAnswer> AnswerAsync(HttpContext context, IAgentCall call)
    {
        var most = call.IsSmall ? limits.SmallBodyBytes : limits.AgentBodyBytes;
        if (context.Request.ContentLength > most && !call.TakesOversized) return TooLarge(most);

        var path = context.Request.Path;
        var body = new Body(new(_budget), call.TakesOversized);
        AgentRequest request;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        patience.CancelAfter(limits.BodyTime);
        try
        {
            request = await ReceiveAsync(context, call, body, patience.Token);
        }
        catch (Exception fault)
        {
            body.Dispose();
            return fault is OperationCanceledException or IOException && patience.IsCancellationRequested ? s_slow : AnswerTo(fault, path);
        }

        // From here on the work is finished even if the agent hangs up, or is told to come back: it sends the same again, and finds it done.
        try
        {
            return await WorkAsync(path, call, request, body).WaitAsync(limits.AnswerTime);
        }
        catch (TimeoutException)
        {
            log.LogWarning("{Path} took more than {Time}: the agent is told to come back", path, limits.AnswerTime);
            return s_late;
        }
    }

    private async ValueTask<AgentRequest> ReceiveAsync(HttpContext context, IAgentCall call, Body body, CancellationToken ct)
    {
        var (headerKey, (certified, certificateFault)) = (HeaderKey(context.Request), certificates.Read(context));
        if (certified is not null || (headerKey.Length > 0 && keys.TryRead(headerKey, out _) == KeyVerdict.Good)) body.Budget.MakeKnown();
        var bytes = await ReadAsync(context, call, body, isForeign: call.TakesKey && headerKey.Length > 0 && !body.Budget.IsKnown && keys.CanTell, ct);

        // Storing a log packs it, and packing may take as much again.
        if (!call.IsSmall && !body.Buffer.IsOversized) body.Budget.Take(bytes.Length);
        return new(bytes, headerKey, Address(context), AcceptsGzip(context.Request), body.Buffer.Size, body.Buffer.IsOversized, certified, context.Request.Headers.UserAgent.ToString(), certificateFault);
    }

    /// <summary>Looks at nothing of the connection's: it may be over by then.</summary>
    private async Task<AgentAnswer> WorkAsync(PathString path, IAgentCall call, AgentRequest request, Body body)
    {
        using var held = body;
        try
        {
            return await call.HandleAsync(request, CancellationToken.None);
        }
        catch (Exception fault)
        {
            return AnswerTo(fault, path);
        }
    }

    private AgentAnswer AnswerTo(Exception fault, PathString path)
    {
        switch (fault)
        {
            case BadBodyException:
                return AgentAnswer.Error(400, $"the body is not the JSON that this call takes: {fault.Message}");
            case TooLargeException:
                return AgentAnswer.Error(413, fault.Message);
            case BadHttpRequestException bad:
                return AgentAnswer.Error(bad.StatusCode, bad.Message);
            case StorageBusyException or ByteBudget.SpentException:
                return s_busy;
            case StorageUnavailableException or StorageDamagedException or OutOfMemoryException:
                log.LogError(fault, "{Path} failed", path);
                return s_unavailable;
            default:
                log.LogError(fault, "{Path} failed", path);
                return AgentAnswer.Error(500, Internal);
        }
    }

    /// <summary>The whole body; of one whose key this server did not sign just that key, which is what the answer is about.</summary>
    private async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContext context, IAgentCall call, Body body, bool isForeign, CancellationToken ct)
    {
        var pipe = new PatientReader(context.Request.BodyReader, ct);
        var reader = new BodyReader(pipe, body.Buffer, body.Budget, call.TakesKey ? keys : null);
        var most = Math.Min(call.IsSmall ? limits.SmallBodyBytes : limits.AgentBodyBytes, _budget.MostForOne);
        if (!isForeign) await reader.ReadAsync(most, call.IsSmall ? most : Math.Min(limits.InflatedBodyBytes, _budget.MostForOne));
        if (!isForeign && reader.ForeignKey is null) return body.Buffer.Bytes;

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

    /// <summary>A body as it is held, and what it takes of the budget.</summary>
    private sealed class Body(ByteBudget.Share budget, bool keepsEnd) : IDisposable
    {
        public ByteBudget.Share Budget => budget;

        public BodyBuffer Buffer { get; } = new(keepsEnd, budget);

        public void Dispose()
        {
            Buffer.Dispose();
            budget.Dispose();
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

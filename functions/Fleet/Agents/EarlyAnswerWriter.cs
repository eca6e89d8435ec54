using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>Opens the answer before the body is read, with the first byte of what comes in any case, and goes on from there.</summary>
/// <remarks>The Functions host answers for a worker that dies, throws or is late: with an empty body, which agents take for success, and delete
/// their logs. Once one byte of the body is on its way it can only break the answer off, and agents send again. The price is that status and
/// headers are fixed by then: errors are told in the body alone, which is all that agents read.</remarks>
internal sealed class EarlyAnswerWriter : IAnswerWriter
{
    private static readonly byte[] s_brace = "{"u8.ToArray();

    /// <summary>RFC 1952: the two magic bytes, deflate, no flags, no time, no hints, unknown system.</summary>
    private static readonly byte[] s_gzipHeader = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

    public async ValueTask OpenAsync(HttpContext context, bool mayPack)
    {
        var response = context.Response;
        response.ContentType = "application/json";
        if (mayPack) response.Headers.ContentEncoding = "gzip";

        // Headers alone are not passed on by the host.
        await response.BodyWriter.WriteAsync(mayPack ? s_gzipHeader : s_brace, CancellationToken.None);
    }

    public async ValueTask CloseAsync(HttpContext context, AgentAnswer answer, bool isUnread)
    {
        var isPacked = context.Response.Headers.ContentEncoding.Count > 0;
        var rest = isPacked ? AfterGzipHeader(answer) : isUnread ? (byte[])[.. "failed: "u8, .. answer.Body.Span] : AfterBrace(answer);
        if (rest is { } bytes) await context.Response.BodyWriter.WriteAsync(bytes, CancellationToken.None);
        else context.Abort();
    }

    /// <summary>Null for a body that does not go on from what was written.</summary>
    private static ReadOnlyMemory<byte>? AfterBrace(AgentAnswer answer) => answer.Body.Span.StartsWith(s_brace) ? answer.Body[1..] : null;

    /// <summary>What stands between the header's flags and the data is hints alone.</summary>
    private static ReadOnlyMemory<byte>? AfterGzipHeader(AgentAnswer answer)
    {
        var gzip = answer.Gzip.IsEmpty ? Compression.Gzip(answer.Body.ToArray()) : answer.Gzip;
        return gzip.Span.StartsWith(s_gzipHeader.AsSpan(0, 4)) ? gzip[s_gzipHeader.Length..] : null;
    }
}

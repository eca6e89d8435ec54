namespace Fleet.Agents;

/// <summary>Writes the answer when it is known, with its status and length. If the process dies before, the agent sees a broken connection.</summary>
internal sealed class WholeAnswerWriter : IAnswerWriter
{
    public ValueTask OpenAsync(HttpContext context, bool mayPack) => ValueTask.CompletedTask;

    public async ValueTask CloseAsync(HttpContext context, AgentAnswer answer, bool isUnread)
    {
        if (context.RequestAborted.IsCancellationRequested) return;

        var response = context.Response;
        response.StatusCode = answer.Status;
        response.ContentType = isUnread ? "text/plain" : "application/json";
        var body = isUnread ? (byte[])[.. "failed: "u8, .. answer.Body.Span] : answer.Body;
        if (!answer.Gzip.IsEmpty)
        {
            response.Headers.ContentEncoding = "gzip";
            body = answer.Gzip;
        }

        if (answer.Status == 405) response.Headers.Allow = "POST, PUT";
        response.ContentLength = body.Length;
        await response.BodyWriter.WriteAsync(body, CancellationToken.None);
    }
}

using System.IO.Pipelines;

namespace Fleet.Hosting;

/// <summary>Lets out what is written while a request is answered, and closes the connection on anything else.</summary>
/// <remarks>Kestrel refuses by itself what it cannot read (400, 408, 414, 431, 505), with an empty body, which an osquery agent takes for success: it deletes its logs.</remarks>
internal sealed class AnswerWriter(PipeWriter inner, ClientConnection connection) : PipeWriter
{
    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void Advance(int bytes) => inner.Advance(bytes);

    public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        // What was written and not let out must not go with the end of the connection.
        if (!connection.IsAnswering && inner.CanGetUnflushedBytes && inner.UnflushedBytes > 0) connection.Abort("The request cannot be read.");
        inner.Complete(exception);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
        connection.IsAnswering ? inner.FlushAsync(cancellationToken) : Close();

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
        connection.IsAnswering ? inner.WriteAsync(source, cancellationToken) : Close();

    private ValueTask<FlushResult> Close()
    {
        connection.Abort("The request cannot be read.");
        return new(new FlushResult(isCanceled: false, isCompleted: true));
    }
}

/// <summary>Reading and writing ends of a connection.</summary>
internal sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

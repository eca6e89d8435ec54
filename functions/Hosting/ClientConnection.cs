using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Fleet.Hosting;

/// <summary>A connection to a client: whether a request is under way on it, and since when it rests.</summary>
internal sealed class ClientConnection(ConnectionContext transport, string address, TimeProvider clock)
{
    private int _requests;
    private long _restsSince = clock.GetTimestamp();

    public string Address { get; } = address;

    /// <summary>Whether a request is being answered: what is written then is our answer.</summary>
    public bool IsAnswering => Volatile.Read(ref _requests) > 0;

    /// <summary>How long nothing was asked.</summary>
    public TimeSpan Rests => IsAnswering ? TimeSpan.Zero : clock.GetElapsedTime(Volatile.Read(ref _restsSince));

    public void Begin() => Interlocked.Increment(ref _requests);

    public void End()
    {
        Volatile.Write(ref _restsSince, clock.GetTimestamp());
        Interlocked.Decrement(ref _requests);
    }

    /// <summary>Closes it at once, without a word.</summary>
    public void Abort(string reason) => transport.Abort(new ConnectionAbortedException(reason));
}

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

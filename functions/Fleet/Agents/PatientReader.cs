using System.IO.Pipelines;

namespace Fleet.Agents;

/// <summary>Reads until patience ends.</summary>
/// <remarks>The pipe is told to end the read, and not by its token: Kestrel's would think ever after that it is being read, and write an error to the log for each slow client.</remarks>
internal sealed class PatientReader(PipeReader inner, CancellationToken patience) : PipeReader
{
    public override bool TryRead(out ReadResult result) => inner.TryRead(out result);

    public override void AdvanceTo(SequencePosition consumed) => inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    /// <exception cref="OperationCanceledException">Patience has ended.</exception>
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        await using var ending = patience.UnsafeRegister(static pipe => ((PipeReader)pipe!).CancelPendingRead(), inner);
        var read = await inner.ReadAsync(CancellationToken.None);
        if (!read.IsCanceled) return read;
        inner.AdvanceTo(read.Buffer.Start);
        throw new OperationCanceledException(patience);
    }
}

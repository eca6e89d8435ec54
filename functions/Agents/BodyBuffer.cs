using System.Buffers;

namespace Fleet.Agents;

/// <summary>A request's body in a rented array. Past a limit only its end is kept.</summary>
internal sealed class BodyBuffer(int most, long? expected, ByteBudget.Share budget) : IDisposable
{
    private const int TailBytes = 256 << 10;

    private const int FirstBytes = 1 << 20;

    // One byte more than is expected, so that the end is seen without growing; a large body's room is made as it arrives.
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(expected + 1 ?? 4_096, 256, Math.Min(most + 1L, FirstBytes)));
    private int _held;

    /// <summary>Bytes that came.</summary>
    public long Size { get; private set; }

    /// <summary>More came than is kept: <see cref="Bytes"/> is the end.</summary>
    public bool IsOversized => Size > most;

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _held);

    public async ValueTask ReadAsync(Stream body, CancellationToken ct)
    {
        for (; ; )
        {
            if (_held == _bytes.Length) Grow();
            var read = await body.ReadAsync(_bytes.AsMemory(_held), ct);
            if (read == 0) return;
            budget.Take(read);
            _held += read;
            Size += read;
            if (IsOversized) KeepEnd();
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

    private void Grow()
    {
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(_bytes.Length * 4L, most + 1L));
        _bytes.AsSpan(0, _held).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }

    private void KeepEnd()
    {
        if (_held <= TailBytes) return;
        _bytes.AsSpan(_held - TailBytes, TailBytes).CopyTo(_bytes);
        _held = TailBytes;
    }
}

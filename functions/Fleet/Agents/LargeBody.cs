using System.Buffers;
using System.Runtime.InteropServices;

namespace Fleet.Agents;

/// <summary>Room for one large body, outside the garbage collector's heap: it is the system's again at once, and what is reserved takes memory only as bytes are written to it.</summary>
/// <remarks>On the heap each step of growth leaves an array that counts until the next full collection: bodies of 200 MB took 900.</remarks>
internal sealed unsafe class LargeBody : MemoryManager<byte>
{
    /// <summary>The C library maps what is larger by itself, whatever its threshold has grown to, and unmaps it when it is freed.</summary>
    private const int AlwaysMapped = (32 << 20) + 1;

    private readonly int _bytes;
    private byte* _room;

    public LargeBody(int bytes)
    {
        _bytes = bytes;
        _room = (byte*)NativeMemory.Alloc((nuint)Math.Max(bytes, AlwaysMapped));
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_room is null, this);
        return new(_room, _bytes);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new(_room + elementIndex);

    public override void Unpin()
    {
        // It never moves.
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(_room);
        _room = null;
    }
}

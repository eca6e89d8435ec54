using System.Buffers;
using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>A body that grows as it arrives. Past a limit only its end is kept, or nothing.</summary>
/// <param name="keepsEnd">Past the limit the end is kept, instead of an error.</param>
/// <param name="budget">Is told of bytes before they are held.</param>
internal sealed class BodyBuffer(bool keepsEnd, ByteBudget.Share budget) : IDisposable
{
    private const int FirstBytes = 4 << 10;
    private const int TailBytes = 256 << 10;

    /// <summary>Up to here it is in an array of the pool, and beyond in <see cref="LargeBody"/>.</summary>
    private const int MostPooled = 64 << 10;

    private byte[] _pooled = [];
    private LargeBody? _large;
    private int _room;
    private int _held;

    /// <summary>Bytes that are kept.</summary>
    public int Most { get; set; }

    /// <summary>Bytes that came.</summary>
    public long Size { get; private set; }

    /// <summary>More came than is kept: <see cref="Bytes"/> is the end.</summary>
    public bool IsOversized => Size > Most;

    public ReadOnlyMemory<byte> Bytes => Room[.._held];

    private Memory<byte> Room => _large?.Memory ?? _pooled;

    /// <exception cref="TooLargeException">It is over the limit.</exception>
    /// <exception cref="ByteBudget.SpentException">There is no room now.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Size += bytes.Length;
        if (IsOversized && !keepsEnd) throw new TooLargeException("the body", Most);
        while (!bytes.IsEmpty)
        {
            if (_held == _room && !TryGrow(bytes.Length)) KeepEnd();
            var part = bytes[..Math.Min(bytes.Length, _room - _held)];
            part.CopyTo(Room.Span[_held..]);
            _held += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    public void Dispose()
    {
        Free();
        (_large as IDisposable)?.Dispose();
        _large = null;
        _room = _held = 0;
    }

    /// <summary>Doubles an array of the pool; of a large body's room, which is there already, a further piece is counted.</summary>
    private bool TryGrow(int more)
    {
        if (_room >= Most) return false;
        var wanted = _large is null ? Math.Max(FirstBytes, Math.Max(_held + (long)more, _room * 2L)) : _room + (long)MostPooled;
        var room = (int)Math.Min(Most, wanted);
        if (room > MostPooled) budget.Take(room - (_large is null ? 0 : _room));
        if (room > MostPooled && _large is null) Move(new LargeBody(Most));
        else if (_large is null) room = MoveToArray(room);
        _room = room;
        return true;
    }

    private int MoveToArray(int bytes)
    {
        var larger = ArrayPool<byte>.Shared.Rent(bytes);
        budget.Take(larger.Length);
        Bytes.Span.CopyTo(larger);
        Free();
        _pooled = larger;
        return larger.Length;
    }

    private void Move(LargeBody large)
    {
        Bytes.Span.CopyTo(large.Memory.Span);
        Free();
        _large = large;
    }

    private void KeepEnd()
    {
        var kept = Math.Min(_held / 2, TailBytes);
        Room.Slice(_held - kept, kept).CopyTo(Room);
        _held = kept;
    }

    /// <summary>Gives the array back to the pool.</summary>
    private void Free()
    {
        if (_pooled.Length == 0) return;
        ArrayPool<byte>.Shared.Return(_pooled);
        budget.Release(_pooled.Length);
        _pooled = [];
    }
}

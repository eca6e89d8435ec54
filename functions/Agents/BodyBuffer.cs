using System.Buffers;
using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>A body that grows as it arrives. Past a limit only its end is kept, or nothing.</summary>
/// <param name="keepsEnd">Past the limit the end is kept, instead of an error.</param>
/// <param name="budget">Is told of each array before it is made.</param>
internal sealed class BodyBuffer(bool keepsEnd, ByteBudget.Share budget) : IDisposable
{
    private const int FirstBytes = 4 << 10;
    private const int TailBytes = 256 << 10;

    /// <summary>Larger arrays are not pooled: a pool would keep what the budget thinks is free.</summary>
    private const int MostPooled = 1 << 20;

    private byte[] _bytes = [];
    private int _held;

    /// <summary>Bytes that are kept.</summary>
    public int Most { get; set; }

    /// <summary>Bytes that came.</summary>
    public long Size { get; private set; }

    /// <summary>More came than is kept: <see cref="Bytes"/> is the end.</summary>
    public bool IsOversized => Size > Most;

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _held);

    /// <exception cref="TooLargeException">It is over the limit.</exception>
    /// <exception cref="ByteBudget.SpentException">There is no room now.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Size += bytes.Length;
        if (IsOversized && !keepsEnd) throw new TooLargeException("the body", Most);
        while (!bytes.IsEmpty)
        {
            if (_held == _bytes.Length && !TryGrow(bytes.Length)) KeepEnd();
            var part = bytes[..Math.Min(bytes.Length, _bytes.Length - _held)];
            part.CopyTo(_bytes.AsSpan(_held));
            _held += part.Length;
            bytes = bytes[part.Length..];
        }
    }

    public void Dispose()
    {
        Free(_bytes);
        _bytes = [];
        _held = 0;
    }

    private bool TryGrow(int more)
    {
        if (_bytes.Length >= Most) return false;
        var wanted = (int)Math.Min(Most, Math.Max(FirstBytes, Math.Max(_held + (long)more, _bytes.Length * 2L)));
        budget.Take(wanted);
        var larger = wanted <= MostPooled ? ArrayPool<byte>.Shared.Rent(wanted) : GC.AllocateUninitializedArray<byte>(wanted);
        if (larger.Length > wanted) budget.Take(larger.Length - wanted);
        _bytes.AsSpan(0, _held).CopyTo(larger);
        var before = _bytes;
        _bytes = larger;
        Free(before);
        budget.Release(before.Length);
        return true;
    }

    private void KeepEnd()
    {
        var kept = Math.Min(_held / 2, TailBytes);
        _bytes.AsSpan(_held - kept, kept).CopyTo(_bytes);
        _held = kept;
    }

    private static void Free(byte[] bytes)
    {
        if (bytes.Length is > 0 and <= MostPooled) ArrayPool<byte>.Shared.Return(bytes);
    }
}

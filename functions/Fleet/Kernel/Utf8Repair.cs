using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Fleet.Kernel;

/// <summary>Takes pieces of UTF-8 from machines that do not check theirs, and passes them on with each bad sequence replaced by U+FFFD, as .NET's decoder would.</summary>
/// <remarks>osquery's snapshots and distributed rows carry file names byte for byte, whatever their encoding. What is good is passed on as it came, without a copy.</remarks>
internal struct Utf8Repair
{
    private const int LongestRune = 4;

    private byte _first;
    private byte _second;
    private byte _third;
    private int _pending;

    /// <summary>Takes a piece; a sequence that it cuts off waits for the next.</summary>
    /// <param name="bytes">The piece.</param>
    /// <param name="append">Takes what is good.</param>
    public void Write(ReadOnlySpan<byte> bytes, Action<ReadOnlySpan<byte>> append)
    {
        if (_pending > 0) bytes = bytes[Complete(bytes, append)..];
        if (bytes.IsEmpty) return;
        if (Rune.DecodeLastFromUtf8(bytes, out _, out var cut) == OperationStatus.NeedMoreData)
        {
            Keep(bytes[^cut..]);
            bytes = bytes[..^cut];
        }

        if (Utf8.IsValid(bytes)) append(bytes);
        else Replace(bytes, append);
    }

    /// <summary>Nothing more comes: a sequence that was cut off is a bad one.</summary>
    public void End(Action<ReadOnlySpan<byte>> append)
    {
        if (_pending > 0) append("\uFFFD"u8);
        _pending = 0;
    }

    /// <summary>Joins what was cut off with the piece that follows; how much of that piece is done with.</summary>
    private int Complete(ReadOnlySpan<byte> bytes, Action<ReadOnlySpan<byte>> append)
    {
        Span<byte> joined = stackalloc byte[2 * LongestRune];
        Span<byte> pending = [_first, _second, _third];
        pending[.._pending].CopyTo(joined);
        var taken = Math.Min(LongestRune, bytes.Length);
        bytes[..taken].CopyTo(joined[_pending..]);
        joined = joined[..(_pending + taken)];

        var done = 0;
        while (done < _pending)
        {
            var status = Rune.DecodeFromUtf8(joined[done..], out _, out var used);
            if (status == OperationStatus.NeedMoreData)
            {
                Keep(joined[done..]);
                return taken;
            }

            append(status == OperationStatus.Done ? joined.Slice(done, used) : "\uFFFD"u8);
            done += used;
        }

        var of = done - _pending;
        _pending = 0;
        return of;
    }

    private void Keep(ReadOnlySpan<byte> cut)
    {
        _pending = cut.Length;
        (_first, _second, _third) = (cut[0], cut.Length > 1 ? cut[1] : (byte)0, cut.Length > 2 ? cut[2] : (byte)0);
    }

    private static void Replace(ReadOnlySpan<byte> bytes, Action<ReadOnlySpan<byte>> append)
    {
        var good = 0;
        for (var at = 0; at < bytes.Length;)
        {
            var ascii = bytes[at..].IndexOfAnyExceptInRange((byte)0, (byte)0x7F);
            if (ascii < 0) break;
            at += ascii;
            var status = Rune.DecodeFromUtf8(bytes[at..], out _, out var used);
            if (status != OperationStatus.Done)
            {
                if (at > good) append(bytes[good..at]);
                append("\uFFFD"u8);
                good = at + used;
            }

            at += used;
        }

        if (good < bytes.Length) append(bytes[good..]);
    }
}

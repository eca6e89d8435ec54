using System.Buffers;
using System.IO.Compression;

namespace Fleet.Kernel;

/// <summary>Gzip as agents speak it, and the compression of stored lines.</summary>
internal static class Compression
{
    /// <summary>Whether the bytes begin as gzip does. Agents' and proxies' headers are not to be trusted; two bytes are.</summary>
    public static bool IsGzip(ReadOnlySpan<byte> bytes) => bytes is [0x1F, 0x8B, ..];

    public static byte[] Gzip(ReadOnlySpan<byte> bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(bytes);
        return packed.ToArray();
    }

    /// <summary>Packs stored text. The first byte says how: 0 as it is, 1 brotli.</summary>
    /// <remarks>Under <see cref="WorthPacking"/> bytes it stays as it is. Brotli at quality 1 was measured
    /// to pack a third smaller than gzip's fastest for a third more time, and disks are slower than that: see <c>tests/Fleet.Benchmarks/README.md</c>.</remarks>
    public static byte[] Pack(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= WorthPacking)
        {
            var rented = ArrayPool<byte>.Shared.Rent(1 + BrotliEncoder.GetMaxCompressedLength(bytes.Length));
            try
            {
                if (BrotliEncoder.TryCompress(bytes, rented.AsSpan(1), out var written, quality: 1, window: 16)
                    && written < bytes.Length)
                {
                    rented[0] = 1;
                    return rented.AsSpan(0, written + 1).ToArray();
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }

        return [0, .. bytes];
    }

    /// <summary>The bytes that <see cref="Pack"/> was given.</summary>
    public static byte[] Unpack(ReadOnlySpan<byte> packed)
    {
        if (packed[0] == 0) return packed[1..].ToArray();

        using var source = new MemoryStream(packed[1..].ToArray(), writable: false);
        using var brotli = new BrotliStream(source, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        brotli.CopyTo(bytes);
        return bytes.ToArray();
    }

    private const int WorthPacking = 512;
}

using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Fleet.Carves;

/// <summary>How a carve's tar is packed: as it is, or with zstd, where the agent was started with <c>--carver_compression</c>.</summary>
internal static class CarveArchive
{
    public const string Zstd = "zstd";
    public const string Plain = "none";

    /// <summary>Bytes that say which it is.</summary>
    public const int StartLength = 4;

    /// <summary>Of the memory that a frame asks for, as a power of two: agents' need 512 KiB, and others may ask for gigabytes.</summary>
    private const int MostWindow = 23;

    private static readonly byte[] s_zstd = [0x28, 0xB5, 0x2F, 0xFD];

    public static string PackingOf(ReadOnlySpan<byte> start) => start.StartsWith(s_zstd) ? Zstd : Plain;

    /// <summary>The tar, unpacked while it is read.</summary>
    /// <param name="carve">The bytes as the node sent them; disposed with what is returned.</param>
    /// <param name="packing">As <see cref="PackingOf"/> says.</param>
    public static Stream Open(Stream carve, string? packing)
    {
        if (packing != Zstd) return carve;
        var unpacked = new DecompressionStream(carve, leaveOpen: false);
        unpacked.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, MostWindow);
        return unpacked;
    }
}

using System.Text;
using System.Text.Unicode;

namespace Fleet.Kernel;

/// <summary>UTF-8 from machines that do not check theirs.</summary>
internal static class Utf8Text
{
    /// <summary>The same bytes if they are UTF-8, else a copy in which each bad sequence is U+FFFD.</summary>
    /// <remarks>osquery's snapshots and distributed rows carry file names byte for byte, whatever their encoding.</remarks>
    public static ReadOnlyMemory<byte> Repair(ReadOnlyMemory<byte> bytes) =>
        Utf8.IsValid(bytes.Span) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes.Span));
}

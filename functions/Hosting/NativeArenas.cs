using System.Runtime.InteropServices;

namespace Fleet.Hosting;

/// <summary>How many heaps glibc makes for OpenSSL's allocations. It would be eight for each core, and what thousands of TLS connections leave in each of them is not given back.</summary>
internal static partial class NativeArenas
{
    private const int ArenaMax = -8;

    /// <summary>Call it before there are many threads.</summary>
    public static void Limit()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = MallOpt(ArenaMax, Math.Max(1, Environment.ProcessorCount / 2));
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another C library, such as musl.
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);
}

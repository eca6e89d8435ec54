using System.Runtime.InteropServices;

namespace Fleet.Hosting;

/// <summary>Keeps the C library's heap small, which holds what OpenSSL and SQLite allocate: glibc gives back by itself only what is free at the heap's end, and after thousands of TLS
/// connections have come and gone that is little.</summary>
internal sealed partial class NativeHeap(TimeProvider clock) : BackgroundService
{
    private const int ArenaMax = -8;
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    /// <summary>Fewer heaps than glibc would make, which is eight for each core. Call it before there are many threads.</summary>
    public static void LimitArenas() => Try(() => MallOpt(ArenaMax, Math.Max(1, Environment.ProcessorCount / 2)));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_interval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken) && Try(() => MallocTrim(0)))
        {
            // Again at the next tick.
        }
    }

    /// <summary>False where there is another C library, such as musl.</summary>
    private static bool Try(Func<int> call)
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            _ = call();
            return true;
        }
        catch (Exception fault) when (fault is EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int MallOpt(int parameter, int value);

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nint pad);
}

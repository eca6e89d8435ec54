using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Fleet.Storage.Embedded;

/// <summary>SQLite's memory, of which one thread can be given a budget: past it SQLite is told that there is none, ends what it does, and gives back what it took.</summary>
/// <remarks>SQLite's own limit of its heap holds for the whole process, so that a statement that expands would take the memory from the store. Here each thread counts by itself.
/// <c>sqlite3_config</c> works only before SQLite is used: whoever uses it calls <see cref="Init"/> first.</remarks>
internal static unsafe class SqliteMemory
{
    private const int ConfigMalloc = 4;
    private const int ConfigGetMalloc = 5;

    private static readonly Lazy<bool> s_ready = new(Configure);
    private static Methods s_default;

    [ThreadStatic]
    private static bool t_isLimited;

    [ThreadStatic]
    private static bool t_isSpent;

    [ThreadStatic]
    private static long t_left;

    [ThreadStatic]
    private static long t_end;

    /// <exception cref="InvalidOperationException">SQLite was used before, or its library is another one.</exception>
    public static void Init() => _ = s_ready.Value;

    /// <summary>Gives this thread so many bytes beyond what it has, and so much time, until <see cref="End"/>.</summary>
    public static void Begin(long bytes, TimeSpan time) =>
        (t_left, t_end, t_isSpent, t_isLimited) = (bytes, Stopwatch.GetTimestamp() + (long)(time.TotalSeconds * Stopwatch.Frequency), false, true);

    /// <summary>Ends it; whether the budget was spent.</summary>
    public static bool End()
    {
        t_isLimited = false;
        return t_isSpent;
    }

    private static bool Configure()
    {
        Batteries_V2.Init();
        var config = SqliteLibrary.Export("sqlite3_config");
        fixed (Methods* methods = &s_default)
        {
            Check(Call(config, ConfigGetMalloc, methods));
        }

        var ours = s_default;
        ours.Malloc = &Malloc;
        ours.Realloc = &Realloc;
        ours.Free = &Free;
        Check(Call(config, ConfigMalloc, &ours));
        return true;
    }

    private static void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new InvalidOperationException($"SQLite takes no memory of ours (code {code}): it was used before it was set up.");
    }

    /// <summary>The function takes a variable number of arguments, which Apple's processors expect on the stack, behind eight registers.</summary>
    private static int Call(nint function, int option, Methods* methods) => OperatingSystem.IsMacOS() && RuntimeInformation.ProcessArchitecture == Architecture.Arm64
        ? ((delegate* unmanaged[Cdecl]<int, nint, nint, nint, nint, nint, nint, nint, Methods*, int>)function)(option, 0, 0, 0, 0, 0, 0, 0, methods)
        : ((delegate* unmanaged[Cdecl]<int, Methods*, int>)function)(option, methods);

    private static bool IsRefused(int more)
    {
        if (t_left >= more && Stopwatch.GetTimestamp() <= t_end) return false;
        return t_isSpent = true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Malloc(int bytes)
    {
        if (!t_isLimited) return s_default.Malloc(bytes);
        if (IsRefused(bytes)) return 0;
        var made = s_default.Malloc(bytes);
        if (made != 0) t_left -= s_default.Size(made);
        return made;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Realloc(nint before, int bytes)
    {
        if (!t_isLimited) return s_default.Realloc(before, bytes);
        var had = s_default.Size(before);
        if (bytes > had && IsRefused(bytes - had)) return 0;
        var made = s_default.Realloc(before, bytes);
        if (made != 0) t_left -= s_default.Size(made) - had;
        return made;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(nint memory)
    {
        if (t_isLimited && memory != 0) t_left += s_default.Size(memory);
        s_default.Free(memory);
    }

    /// <summary><c>sqlite3_mem_methods</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Methods
    {
        public delegate* unmanaged[Cdecl]<int, nint> Malloc;
        public delegate* unmanaged[Cdecl]<nint, void> Free;
        public delegate* unmanaged[Cdecl]<nint, int, nint> Realloc;
        public delegate* unmanaged[Cdecl]<nint, int> Size;
        public nint Roundup;
        public nint Init;
        public nint Shutdown;
        public nint AppData;
    }
}

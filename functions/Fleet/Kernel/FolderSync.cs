using System.Runtime.InteropServices;

namespace Fleet.Kernel;

/// <summary>Makes a rename durable: on Linux and macOS a file's new name is on the disk only when its folder is.</summary>
internal static class FolderSync
{
    private const int ReadOnly = 0;

    /// <summary>Moves a finished file into its place, whole or not at all, and returns when both are on the disk.</summary>
    public static void Move(string draft, string path)
    {
        File.Move(draft, path, overwrite: true);
        Sync(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <exception cref="IOException">The folder cannot be written to the disk.</exception>
    public static void Sync(string folder)
    {
        // NTFS writes names to its journal by itself.
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0) throw new IOException($"{folder} cannot be opened to write it to the disk: {Marshal.GetLastPInvokeErrorMessage()}");
        try
        {
            if (Flush(descriptor) != 0) throw new IOException($"{folder} cannot be written to the disk: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Flush(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int descriptor);
}

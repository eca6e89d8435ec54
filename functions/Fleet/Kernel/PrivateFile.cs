namespace Fleet.Kernel;

/// <summary>Files and folders that their owner alone can read (0600, 0700), whatever the umask says.</summary>
internal static class PrivateFile
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static FileStreamOptions Options(FileMode mode, FileShare share = FileShare.None)
    {
        var options = new FileStreamOptions { Mode = mode, Access = mode == FileMode.Append ? FileAccess.Write : FileAccess.ReadWrite, Share = share };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = Owner;
        return options;
    }

    /// <summary>Makes the folder, and those above it, if they are not there.</summary>
    public static void MakeFolder(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, Owner | UnixFileMode.UserExecute);
    }

    /// <summary>Takes a file or folder away from everybody but its owner.</summary>
    public static void Restrict(string path)
    {
        if (OperatingSystem.IsWindows()) return;
        var wanted = Directory.Exists(path) ? Owner | UnixFileMode.UserExecute : Owner;
        if (File.GetUnixFileMode(path) != wanted) File.SetUnixFileMode(path, wanted);
    }
}

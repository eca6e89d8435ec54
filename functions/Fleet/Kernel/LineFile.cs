namespace Fleet.Kernel;

/// <summary>A file of lines that is only added to.</summary>
internal static class LineFile
{
    /// <summary>Adds whole lines by one write. What an earlier write left that broke off, because the process died or the disk was full, stays a line of its own.</summary>
    /// <param name="path">The file; it is made if there is none.</param>
    /// <param name="lines">Each ends with a line feed.</param>
    /// <param name="isDurable">It returns when they are on the disk.</param>
    /// <param name="ct">Stops the write.</param>
    public static async ValueTask AppendAsync(string path, byte[] lines, bool isDurable, CancellationToken ct)
    {
        if (IsBroken(path)) lines = [(byte)'\n', .. lines];
        var options = PrivateFile.Options(FileMode.Append, FileShare.ReadWrite);
        options.BufferSize = 0;
        await using var file = new FileStream(path, options);
        await file.WriteAsync(lines, ct);
        if (isDurable) file.Flush(flushToDisk: true);
    }

    private static bool IsBroken(string path)
    {
        if (new FileInfo(path) is not { Exists: true, Length: > 0 }) return false;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        file.Seek(-1, SeekOrigin.End);
        return file.ReadByte() != '\n';
    }
}

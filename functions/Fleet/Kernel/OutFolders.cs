namespace Fleet.Kernel;

/// <summary>Where alerters and sinks may write files: in the data folder's <c>out</c>, and in folders that a setting names. Nowhere else, and through no link that leads out.</summary>
internal sealed class OutFolders
{
    private readonly string _own;
    private readonly IReadOnlyList<string> _all;

    /// <param name="own">What relative paths are relative to.</param>
    /// <param name="more">Other folders.</param>
    public OutFolders(string own, IEnumerable<string> more)
    {
        _own = Path.GetFullPath(own);
        _all = [_own, .. more.Select(Path.GetFullPath)];
    }

    /// <summary>Why a path is not written to; null if it is.</summary>
    public string? FaultOf(string path)
    {
        if (path.Any(char.IsControl)) return "A path holds no control characters.";
        return RootOf(Path.GetFullPath(path, _own)) is null ? $"Files are written in {string.Join(", ", _all)} only: to write elsewhere, add the folder to Fleet__Outbound__Folders." : null;
    }

    /// <summary>The whole path of a file that may be written to, whose folders are made.</summary>
    /// <exception cref="AddressRefusedException">It may not, or a link leads out.</exception>
    public string Prepare(string path)
    {
        if (FaultOf(path) is { } fault) throw new AddressRefusedException(fault);
        var whole = Path.GetFullPath(path, _own);
        CheckLinks(whole);
        PrivateFile.MakeFolder(Path.GetDirectoryName(whole)!);
        if (Directory.Exists(whole)) throw new AddressRefusedException($"{whole} is a folder.");
        return whole;
    }

    /// <summary>Before folders are made: they would be made behind the link.</summary>
    private void CheckLinks(string whole)
    {
        var root = RootOf(whole)!;
        for (var at = whole; at.Length > root.Length; at = Path.GetDirectoryName(at)!)
        {
            if (new FileInfo(at).LinkTarget is not null) throw new AddressRefusedException($"{at} is a symbolic link: files are written through none.");
        }
    }

    private string? RootOf(string whole) => _all.FirstOrDefault(root => whole.StartsWith(root.TrimEnd(Path.DirectorySeparatorChar) + Path.DirectorySeparatorChar, StringComparison.Ordinal));
}

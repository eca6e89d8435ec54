using System.Globalization;
using Fleet.Kernel;

namespace Fleet.Storage.Embedded;

/// <summary>Blobs as files. A committed blob is a folder of its blocks with a list of them, so that committing copies nothing.</summary>
internal sealed class FileBlobs(string folder) : IBlobs
{
    private const string List = "committed";

    public async ValueTask StageAsync(BlobName blob, int block, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        // A block that comes late changes nothing of what is committed.
        if (File.Exists(Path.Combine(BlocksOf(blob), List))) return;
        var path = BlockOf(blob, block);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await WriteAsync(path, bytes, ct);
    }

    public ValueTask<IReadOnlyDictionary<int, long>> StagedAsync(BlobName blob, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var blocks = new DirectoryInfo(BlocksOf(blob));
        var staged = blocks.Exists && !File.Exists(Path.Combine(blocks.FullName, List))
            ? blocks.EnumerateFiles().Where(file => file.Name.All(char.IsAsciiDigit)).ToDictionary(file => int.Parse(file.Name, CultureInfo.InvariantCulture), file => file.Length)
            : [];
        return ValueTask.FromResult<IReadOnlyDictionary<int, long>>(staged);
    }

    public async ValueTask<bool> CommitAsync(BlobName blob, int count, CancellationToken ct)
    {
        for (var block = 0; block < count; block++)
        {
            if (!File.Exists(BlockOf(blob, block))) return false;
        }

        await WriteAsync(Path.Combine(BlocksOf(blob), List), System.Text.Encoding.ASCII.GetBytes(count.ToString(CultureInfo.InvariantCulture)), ct);
        return true;
    }

    public async ValueTask AppendAsync(BlobName blob, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(blob))!);
        await GuardAsync(async () =>
        {
            var isNew = !File.Exists(PathOf(blob));
            await using var file = new FileStream(PathOf(blob), FileMode.Append, FileAccess.Write, FileShare.Read);
            await file.WriteAsync(bytes, ct);
            file.Flush(flushToDisk: true);
            if (isNew) FolderSync.Sync(Path.GetDirectoryName(PathOf(blob))!);
        });
    }

    public async ValueTask<Stream?> OpenAsync(BlobName blob, CancellationToken ct)
    {
        if (File.Exists(PathOf(blob))) return new FileStream(PathOf(blob), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var list = Path.Combine(BlocksOf(blob), List);
        if (!File.Exists(list)) return null;
        var count = int.Parse(await File.ReadAllTextAsync(list, ct), CultureInfo.InvariantCulture);
        return new FilesStream([.. Enumerable.Range(0, count).Select(block => BlockOf(blob, block))]);
    }

    public ValueTask RemoveAsync(BlobName blob, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        if (Directory.Exists(BlocksOf(blob))) Directory.Delete(BlocksOf(blob), recursive: true);
        if (File.Exists(PathOf(blob))) File.Delete(PathOf(blob));
        return ValueTask.CompletedTask;
    }

    /// <summary>Whole or not at all: what a crash leaves behind has a name of its own.</summary>
    private static Task WriteAsync(string path, ReadOnlyMemory<byte> bytes, CancellationToken ct) => GuardAsync(async () =>
    {
        var draft = $"{path}.{Guid.NewGuid():N}";
        await using (var file = new FileStream(draft, FileMode.CreateNew, FileAccess.Write))
        {
            await file.WriteAsync(bytes, ct);
            file.Flush(flushToDisk: true);
        }

        FolderSync.Move(draft, path);
    });

    private static async Task GuardAsync(Func<Task> write)
    {
        try
        {
            await write();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnavailableException($"A blob cannot be written: {fault.Message}", fault);
        }
    }

    private string PathOf(BlobName blob) => Path.Combine(folder, blob.Container, blob.Name.Replace('/', Path.DirectorySeparatorChar));

    private string BlocksOf(BlobName blob) => PathOf(blob) + ".blocks";

    private string BlockOf(BlobName blob, int block) => Path.Combine(BlocksOf(blob), block.ToString("D5", CultureInfo.InvariantCulture));
}

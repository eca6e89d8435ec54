namespace Fleet.Storage.Embedded;

/// <summary>Files one after another, as one stream to read.</summary>
internal sealed class FilesStream(IReadOnlyList<string> paths) : Stream
{
    private FileStream? _current;
    private int _next;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length { get; } = paths.Sum(path => new FileInfo(path).Length);

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count)
    {
        while (Advance() is { } file)
        {
            if (file.Read(buffer, offset, count) is > 0 and var read) return read;
            End();
        }

        return 0;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (Advance() is { } file)
        {
            if (await file.ReadAsync(buffer, cancellationToken) is > 0 and var read) return read;
            End();
        }

        return 0;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) End();
        base.Dispose(disposing);
    }

    private FileStream? Advance() => _current ??= _next < paths.Count ? new(paths[_next++], FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete) : null;

    private void End()
    {
        _current?.Dispose();
        _current = null;
    }
}

namespace Fleet.Storage.Embedded;

/// <summary>The first bytes of a stream, however long it becomes. Reading forward only.</summary>
/// <exception cref="IOException">On reading: it became shorter.</exception>
internal sealed class FirstBytesStream(Stream inner, long length) : Stream
{
    private long _position;

    public override bool CanRead => true;

    /// <summary>Its length is known beforehand.</summary>
    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var wanted = buffer[..(int)Math.Min(buffer.Length, length - _position)];
        return Count(inner.Read(wanted), wanted.Length);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var wanted = buffer[..(int)Math.Min(buffer.Length, length - _position)];
        return Count(await inner.ReadAsync(wanted, cancellationToken), wanted.Length);
    }

    public override void Flush()
    {
        // There is nothing to write.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private int Count(int read, int wanted)
    {
        if (read == 0 && wanted > 0) throw new IOException("The file became shorter while it was read.");
        _position += read;
        return read;
    }
}

namespace Fleet.Storage;

/// <summary>Large things by container and name. Every implementation passes <c>BlobContract</c>.</summary>
/// <remarks>Names are ASCII letters, digits and <c>- _ . = /</c>. A container is made by its first write. All calls may throw
/// <see cref="StorageUnavailableException"/>, and are safe to repeat; appending again appends twice.</remarks>
internal interface IBlobs
{
    /// <summary>Keeps a block of a blob to be; the same id again replaces it. Nothing can be read before <see cref="CommitAsync"/>.</summary>
    /// <param name="blob">Which blob.</param>
    /// <param name="block">0 to 49,999.</param>
    /// <param name="bytes">1 byte to 4,000 MiB.</param>
    /// <param name="ct">Stops the write.</param>
    ValueTask StageAsync(BlobName blob, int block, ReadOnlyMemory<byte> bytes, CancellationToken ct);

    /// <summary>The blocks that are staged and not committed, with their sizes.</summary>
    ValueTask<IReadOnlyDictionary<int, long>> StagedAsync(BlobName blob, CancellationToken ct);

    /// <summary>Makes the blob from its staged blocks 0 to <paramref name="count"/> - 1: no byte is copied. False if one of them is not there.</summary>
    ValueTask<bool> CommitAsync(BlobName blob, int count, CancellationToken ct);

    /// <summary>Adds to the end of a log blob, which is made if it is not there.</summary>
    /// <param name="blob">Which blob; never one that was committed.</param>
    /// <param name="bytes">At most 4 MiB.</param>
    /// <param name="ct">Stops the write.</param>
    ValueTask AppendAsync(BlobName blob, ReadOnlyMemory<byte> bytes, CancellationToken ct);

    /// <summary>The blob from its start on; null if there is none. The caller disposes of the stream.</summary>
    ValueTask<Stream?> OpenAsync(BlobName blob, CancellationToken ct);

    /// <summary>Removes the blob and its staged blocks. That it is not there is no failure.</summary>
    ValueTask RemoveAsync(BlobName blob, CancellationToken ct);
}

/// <summary>Where a blob lies.</summary>
/// <param name="Container">3 to 63 lower-case letters, digits and hyphens.</param>
/// <param name="Name">At most 200 characters.</param>
internal readonly record struct BlobName(string Container, string Name)
{
    public string Name { get; } = IsName(Name) ? Name : throw new ArgumentException($"'{Name}' is no blob's name.");

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 200 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or '=') && !name.Split('/').Any(part => part is "" or "." or "..");

    public override string ToString() => $"{Container}/{Name}";
}

using System.Globalization;
using System.Text;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Fleet.Storage.Azure;

/// <summary>Blobs of a storage account. The container is made when a write finds that it is not there.</summary>
/// <remarks>Blocks that are never committed vanish after a week by themselves.</remarks>
internal sealed class AzureBlobs(StorageAccount account) : IBlobs
{
    private readonly BlobServiceClient _service = account.NewBlobs();

    public ValueTask StageAsync(BlobName blob, int block, ReadOnlyMemory<byte> bytes, CancellationToken ct) => WriteAsync(blob, async () =>
    {
        using var content = BinaryData.FromBytes(bytes).ToStream();
        await BlocksOf(blob).StageBlockAsync(IdOf(block), content, cancellationToken: ct);
    }, ct);

    public async ValueTask<IReadOnlyDictionary<int, long>> StagedAsync(BlobName blob, CancellationToken ct)
    {
        var list = await FindAsync(blob, async () => (await BlocksOf(blob).GetBlockListAsync(BlockListTypes.Uncommitted, cancellationToken: ct)).Value, ct);
        return (list?.UncommittedBlocks ?? []).ToDictionary(block => int.Parse(Encoding.ASCII.GetString(Convert.FromBase64String(block.Name)), CultureInfo.InvariantCulture), block => block.SizeLong);
    }

    public async ValueTask<bool> CommitAsync(BlobName blob, int count, CancellationToken ct)
    {
        try
        {
            return await FindAsync(blob, async () => (await BlocksOf(blob).CommitBlockListAsync(Enumerable.Range(0, count).Select(IdOf), cancellationToken: ct)).Value, ct) is not null;
        }
        catch (RequestFailedException fault) when (fault.ErrorCode is "InvalidBlockList" or "InvalidBlockId")
        {
            return false;
        }
    }

    public ValueTask AppendAsync(BlobName blob, ReadOnlyMemory<byte> bytes, CancellationToken ct) => WriteAsync(blob, async () =>
    {
        var log = _service.GetBlobContainerClient(blob.Container).GetAppendBlobClient(blob.Name);
        for (var isMade = false; ; isMade = true)
        {
            try
            {
                using var content = BinaryData.FromBytes(bytes).ToStream();
                await log.AppendBlockAsync(content, cancellationToken: ct);
                return;
            }
            catch (RequestFailedException fault) when (fault.ErrorCode == "BlobNotFound" && !isMade)
            {
                // Only if it is not there: an instance that was faster has appended already.
                await log.CreateIfNotExistsAsync(cancellationToken: ct);
            }
        }
    }, ct);

    public async ValueTask<Stream?> OpenAsync(BlobName blob, CancellationToken ct) =>
        (await FindAsync(blob, async () => (await BlocksOf(blob).DownloadStreamingAsync(cancellationToken: ct)).Value, ct))?.Content;

    public async ValueTask RemoveAsync(BlobName blob, CancellationToken ct) => await FindAsync(blob, () => BlocksOf(blob).DeleteAsync(cancellationToken: ct), ct);

    /// <summary>What there is; null if there is no such blob or container.</summary>
    private static async ValueTask<T?> FindAsync<T>(BlobName blob, Func<Task<T>> ask, CancellationToken ct)
        where T : class
    {
        try
        {
            return await ask();
        }
        catch (RequestFailedException fault) when (fault.ErrorCode is "BlobNotFound" or "ContainerNotFound")
        {
            return null;
        }
        catch (Exception fault) when (AzureFault.Unavailable(fault, "Blob Storage", blob.ToString(), ct) is { } unavailable)
        {
            throw unavailable;
        }
    }

    /// <summary>A write that makes the container if that is what is missing.</summary>
    private async ValueTask WriteAsync(BlobName blob, Func<Task> write, CancellationToken ct)
    {
        for (var isMade = false; ; isMade = true)
        {
            try
            {
                await write();
                return;
            }
            catch (RequestFailedException fault) when (fault.ErrorCode == "ContainerNotFound" && !isMade)
            {
                await WriteAsync(blob, () => _service.GetBlobContainerClient(blob.Container).CreateIfNotExistsAsync(cancellationToken: ct), ct);
            }
            catch (Exception fault) when (AzureFault.Unavailable(fault, "Blob Storage", blob.ToString(), ct) is { } unavailable)
            {
                throw unavailable;
            }
        }
    }

    private BlockBlobClient BlocksOf(BlobName blob) => _service.GetBlobContainerClient(blob.Container).GetBlockBlobClient(blob.Name);

    /// <summary>All of one length, as a blob's block ids must be.</summary>
    private static string IdOf(int block) => Convert.ToBase64String(Encoding.ASCII.GetBytes(block.ToString("D5", CultureInfo.InvariantCulture)));
}

using System.Security.Cryptography;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Finishes what a crash left open, reads new carves through for their digest, expires what never came, and removes what is old.</summary>
internal sealed class TidyCarves(CarveStore carves, CarveIntake intake, IBlobs blobs, RetentionSettings settings, Limits limits, TimeProvider clock, ILogger<TidyCarves> log)
{
    private static readonly byte[] s_zstd = [0x28, 0xB5, 0x2F, 0xFD];

    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        foreach (var carve in await carves.ListAsync(ct))
        {
            try
            {
                await TidyAsync(carve, now, ct);
            }
            catch (Exception fault) when (fault is not (StorageUnavailableException or OperationCanceledException))
            {
                // One that is broken must not hold up the others.
                log.LogError(fault, "Carve {Carve} is passed over", carve.Id);
            }
        }
    }

    private async ValueTask TidyAsync(Carve carve, DateTimeOffset now, CancellationToken ct)
    {
        var isLate = carve.CreatedAt < now - limits.CarveLife;
        if (carve.CreatedAt < now - settings.Carves)
        {
            await carves.RemoveAsync(carve.Id, ct);
            return;
        }

        if (carve is { State: CarveState.Complete, Sha256: null }) await ReadThroughAsync(carve, ct);
        if (carve is { State: CarveState.Receiving, IsClosing: true }) await intake.TryFinishAsync(carve, ct);
        if (isLate && await carves.FindAsync(carve.Id, ct) is { State: CarveState.Receiving or CarveState.Requested }) await ExpireAsync(carve, ct);
    }

    private async ValueTask ReadThroughAsync(Carve carve, CancellationToken ct)
    {
        await using var stream = await blobs.OpenAsync(CarveStore.BlobOf(carve.Id), ct);
        if (stream is null) return;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        var isZstd = false;
        for (var (isFirst, read) = (true, await stream.ReadAtLeastAsync(buffer, s_zstd.Length, throwOnEndOfStream: false, ct)); read > 0; read = await stream.ReadAsync(buffer, ct))
        {
            if (isFirst) isZstd = buffer.AsSpan(0, read).StartsWith(s_zstd);
            isFirst = false;
            hash.AppendData(buffer, 0, read);
        }

        var sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
        await carves.ChangeAsync(carve.Id, before => before is null ? null : before with { Sha256 = sha256, Packing = isZstd ? "zstd" : "none" }, ct);
    }

    private async ValueTask ExpireAsync(Carve carve, CancellationToken ct)
    {
        await carves.ChangeAsync(carve.Id, before => before is { State: CarveState.Receiving or CarveState.Requested } ? before with { State = CarveState.Expired } : before, ct);
        await blobs.RemoveAsync(CarveStore.BlobOf(carve.Id), ct);
    }
}

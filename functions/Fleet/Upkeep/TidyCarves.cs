using System.Security.Cryptography;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Finishes what a crash left open, reads new carves through for their digest, asks after those that take long, expires what never came,
/// and removes what is old.</summary>
internal sealed class TidyCarves(CarveStore carves, CarveIntake intake, IBlobs blobs, CampaignStore campaigns, TwoRuns runs, RetentionSettings settings, Limits limits, TimeProvider clock, ILogger<TidyCarves> log)
{
    /// <summary>What agents send where no file was found: a tar of zeros. libarchive pads it to a record of 10 KiB.</summary>
    private const int MostEmptyBytes = 10 << 10;

    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var all = await carves.ListAsync(ct);
        await AskAsync(all, now, ct);
        var late = all.Where(carve => IsOld(carve, now) || IsLate(carve, now)).Select(carve => carve.Id).ToList();
        var agreed = await runs.AgreeAsync("carves", late, ct);
        foreach (var carve in all)
        {
            try
            {
                await TidyAsync(carve, agreed.Contains(carve.Id), now, ct);
            }
            catch (Exception fault) when (fault is not (StorageUnavailableException or OperationCanceledException))
            {
                // One that is broken must not hold up the others.
                log.LogError(fault, "Carve {Carve} is passed over", carve.Id);
            }
        }
    }

    private bool IsOld(Carve carve, DateTimeOffset now) => carve.CreatedAt < now - settings.Carves;

    private bool IsLate(Carve carve, DateTimeOffset now) => carve.CreatedAt < now - limits.CarveLife && carve.IsOpen;

    /// <param name="carve">The carve.</param>
    /// <param name="isAgreed">Two runs found it late or old.</param>
    /// <param name="now">The time.</param>
    /// <param name="ct">Stops before the next step.</param>
    private async ValueTask TidyAsync(Carve carve, bool isAgreed, DateTimeOffset now, CancellationToken ct)
    {
        if (isAgreed && IsOld(carve, now))
        {
            await carves.RemoveAsync(carve.Id, ct);
            return;
        }

        if (carve is { State: CarveState.Complete, Sha256: null }) await ReadThroughAsync(carve, ct);
        if (carve is { State: CarveState.Receiving, IsClosing: true }) await intake.TryFinishAsync(carve, ct);
        if (isAgreed && IsLate(carve, now) && await carves.FindAsync(carve.Id, ct) is { IsOpen: true }) await ExpireAsync(carve, ct);
    }

    /// <summary>Asks the nodes of carves that take long which ones they gave up: one question an hour for all of them.</summary>
    private async ValueTask AskAsync(IEnumerable<Carve> all, DateTimeOffset now, CancellationToken ct)
    {
        var nodes = all.Where(carve => carve.IsOpen && carve.CreatedAt < now - limits.CarveInquiry && !IsLate(carve, now)).Select(carve => carve.Node).Distinct().ToList();
        if (nodes.Count == 0) return;
        var id = Campaign.IdOf(TimeKey.Hour(now), "carves that were given up");
        if (campaigns.Active.ByName.Count >= limits.ActiveCampaigns || await campaigns.FindAsync(id, ct) is not null) return;
        var targets = new Targets(All: false, nodes, Tags: [], MatchAll: false, Platforms: [], Sample: null);
        await campaigns.StartAsync(
            new(id, CarveQuery.GivenUp, "Carves that were given up", targets, now, "fleet", now, now + s_hour, CancelledAt: null, Targeted: 0, "Carves of these nodes take long to arrive."), ct);
    }

    private async ValueTask ReadThroughAsync(Carve carve, CancellationToken ct)
    {
        await using var stream = await blobs.OpenAsync(CarveStore.BlobOf(carve.Id), ct);
        if (stream is null) return;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 16];
        string? packing = null;
        for (var read = await stream.ReadAtLeastAsync(buffer, CarveArchive.StartLength, throwOnEndOfStream: false, ct); read > 0; read = await stream.ReadAsync(buffer, ct))
        {
            packing ??= CarveArchive.PackingOf(buffer.AsSpan(0, read));
            hash.AppendData(buffer, 0, read);
        }

        var sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
        var isEmpty = carve.Size <= MostEmptyBytes && await IsEmptyAsync(carve, packing, ct);
        await carves.ChangeAsync(
            carve.Id,
            before => before is null ? null : before with { Sha256 = sha256, Packing = packing, Fault = isEmpty ? CarveFault.NoFile : null, Reason = isEmpty ? "No file was at the path: the archive is empty." : null },
            ct);
    }

    private async ValueTask<bool> IsEmptyAsync(Carve carve, string? packing, CancellationToken ct)
    {
        if (await blobs.OpenAsync(CarveStore.BlobOf(carve.Id), ct) is not { } stream) return false;
        await using var tar = CarveArchive.Open(stream, packing);
        var start = new byte[MostEmptyBytes + 1];
        try
        {
            var read = await tar.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct);
            return read <= MostEmptyBytes && !start.AsSpan(0, read).ContainsAnyExcept((byte)0);
        }
        catch (Exception fault) when (fault is ZstdSharp.ZstdException or EndOfStreamException)
        {
            return false;
        }
    }

    private async ValueTask ExpireAsync(Carve carve, CancellationToken ct)
    {
        var reason = carve.State == CarveState.Requested
            ? "The node said that it would send the files and never began: its agent was ended, or could not pack them."
            : $"{(await blobs.StagedAsync(CarveStore.BlobOf(carve.Id), ct)).Count} of {carve.Blocks} blocks arrived: agents do not go on with a carve that was interrupted.";
        await carves.ChangeAsync(carve.Id, before => before is { IsOpen: true } ? before with { State = CarveState.Expired, Fault = CarveFault.Incomplete, Reason = reason } : before, ct);
        await blobs.RemoveAsync(CarveStore.BlobOf(carve.Id), ct);
    }
}

using System.Globalization;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Carves;

/// <summary>Takes carves in. Every block is staged under its number, and when the last is there the list is committed: nothing is ever put together.</summary>
internal sealed class CarveIntake(CarveStore carves, IBlobs blobs, NodeKeys keys, NodeDirectory nodes, CarveSettings settings, Limits limits, TimeProvider clock)
{
    private const string Purpose = "carve/";

    /// <summary>Refused carves of a node that are kept.</summary>
    private const int MostRefused = 20;

    /// <summary>One node may have this part of what is kept of all.</summary>
    private const int ShareOfNode = 10;

    /// <summary>Remembers that a node's answer named a carve: the query that asked is known by that.</summary>
    /// <returns>False if the node has announced as many as it may: this one is not remembered.</returns>
    public async ValueTask<bool> ExpectAsync(NodeId node, string guid, string campaign, CancellationToken ct)
    {
        var id = Carve.IdOf(node, guid);
        if (await carves.FindAsync(id, ct) is null && OpenOf(await carves.ListAsync(ct), node) >= limits.OpenCarves) return false;
        await carves.ChangeAsync(
            id,
            before => before is null
                ? Carve.WithoutBlocks(id, node, guid, campaign, CarveState.Requested, clock.GetUtcNow())
                : before.Campaign is null ? before with { Campaign = campaign } : before,
            ct);
        return true;
    }

    /// <summary>Remembers that a node was asked for files and has none to send.</summary>
    /// <param name="node">Who was asked.</param>
    /// <param name="campaign">The query that asked; of one query and node there is one such carve.</param>
    /// <param name="fault">Why there are none.</param>
    /// <param name="reason">The same for people.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask FailAsync(NodeId node, string campaign, CarveFault fault, string reason, CancellationToken ct)
    {
        var id = Carve.IdOf(node, campaign);
        await carves.ChangeAsync(id, before => before ?? Carve.WithoutBlocks(id, node, guid: "", campaign, CarveState.Failed, clock.GetUtcNow(), fault, reason), ct);
    }

    /// <summary>Ends a carve that its agent gave up. One that arrived all the same stays.</summary>
    /// <param name="node">Who says so.</param>
    /// <param name="guid">The carve's name there.</param>
    /// <param name="status">What the agent's table says of it.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask GiveUpAsync(NodeId node, string guid, string status, CancellationToken ct)
    {
        var id = Carve.IdOf(node, guid);
        var reason = $"The agent gave the carve up: {(status.Length > 100 ? status[..100] : status)}. Ask for the files again.";
        var after = await carves.ChangeAsync(id, before => before is { IsOpen: true } ? before with { State = CarveState.Failed, Fault = CarveFault.GivenUp, Reason = reason } : before, ct);
        if (after is { State: CarveState.Failed }) await blobs.RemoveAsync(CarveStore.BlobOf(id), ct);
    }

    private static int OpenOf(IEnumerable<Carve> all, NodeId node) => all.Count(carve => carve.Node == node && carve.IsOpen);

    /// <summary>Begins a carve, or finds the one that was begun: a start may come twice.</summary>
    /// <param name="node">Who begins it.</param>
    /// <param name="guid">The carve's own name.</param>
    /// <param name="blocks">How many it announces.</param>
    /// <param name="blockSize">Bytes of each but the last.</param>
    /// <param name="size">Bytes of all.</param>
    /// <param name="isAsked">A distributed query that carves was sent to the node, though no answer has named this carve yet.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <returns>The session's id, which only this server can make, or why there is none; a carve that was asked for keeps that.</returns>
    public async ValueTask<(string? Session, string? Fault)> StartAsync(NodeId node, string guid, int blocks, long blockSize, long size, bool isAsked, CancellationToken ct)
    {
        var (session, refusal) = await TryStartAsync(node, guid, blocks, blockSize, size, isAsked, ct);
        if (refusal is { Fault: { } fault } && guid.Length is > 0 and <= 100) await RefuseAsync(node, guid, fault, refusal.Reason, ct);
        return (session, refusal?.Reason);
    }

    private async ValueTask RefuseAsync(NodeId node, string guid, CarveFault fault, string reason, CancellationToken ct)
    {
        // A node can announce what it likes.
        if ((await carves.ListAsync(ct)).Count(carve => carve.Node == node && carve.State == CarveState.Refused) >= MostRefused) return;
        var id = Carve.IdOf(node, guid);
        var now = clock.GetUtcNow();
        await carves.ChangeAsync(
            id,
            before => before is { State: CarveState.Receiving or CarveState.Complete }
                ? before
                : Carve.WithoutBlocks(id, node, guid, before?.Campaign, CarveState.Refused, before?.CreatedAt ?? now, fault, reason),
            ct);
    }

    private async ValueTask<(string? Session, Refusal? Refusal)> TryStartAsync(NodeId node, string guid, int blocks, long blockSize, long size, bool isAsked, CancellationToken ct)
    {
        var id = Carve.IdOf(node, guid);
        var found = await carves.FindAsync(id, ct);
        if (found is null && !isAsked && !settings.Unasked) return (null, new(null, "nobody asked for this carve; where queries of the schedule carve, set Fleet__Carves__Unasked=true"));
        if (FaultOf(guid, blocks, blockSize, size) is { } fault) return (null, fault);
        if (found is { State: CarveState.Receiving or CarveState.Complete } known)
        {
            return known.Blocks == blocks && known.Size == size ? (SessionOf(id), null) : (null, new(null, "this carve was begun with another size"));
        }

        var all = await carves.ListAsync(ct);
        if (all.Count(carve => carve.Node == node && carve.State == CarveState.Receiving) >= limits.OpenCarves) return (null, new(CarveFault.TooMany, string.Create(CultureInfo.InvariantCulture, $"{limits.OpenCarves} carves of this node are under way already")));
        var held = all.Where(carve => carve.State is CarveState.Receiving or CarveState.Complete).Sum(carve => carve.Size);
        if (held + size > limits.CarvesBytes) return (null, new(CarveFault.StoreFull, string.Create(CultureInfo.InvariantCulture, $"{held} bytes of carves are kept already; at most {limits.CarvesBytes} are: delete some")));
        var most = Math.Max(limits.CarveBytes, limits.CarvesBytes / ShareOfNode);
        var heldOfNode = all.Where(carve => carve.Node == node && carve.State is CarveState.Receiving or CarveState.Complete).Sum(carve => carve.Size);
        if (heldOfNode + size > most) return (null, new(CarveFault.StoreFull, string.Create(CultureInfo.InvariantCulture, $"{heldOfNode} bytes of carves of this node are kept already; at most {most} are: delete some")));
        var now = clock.GetUtcNow();
        await carves.ChangeAsync(
            id,
            before => before is { State: CarveState.Receiving or CarveState.Complete }
                ? before
                : new(id, node, guid, before?.Campaign, CarveState.Receiving, now, blocks, blockSize, size, IsClosing: false, null, null, null),
            ct);
        return (SessionOf(id), null);
    }

    /// <summary>Takes a block; durable when this returns. Any order, and twice, is good.</summary>
    /// <returns>Why it is refused, or null.</returns>
    public async ValueTask<string?> TakeAsync(string session, NodeId? sender, int block, ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        if (session.Split('.', 2) is not [var id, _] || !IsSession(session, id) || await carves.FindAsync(id, ct) is not { } carve) return "there is no such session";
        if (sender is { } node && node != carve.Node) return "the session is another node's";
        if (await nodes.FindAsync(carve.Node, ct) is not { Active: true }) return "the node is deactivated";
        if (carve.State == CarveState.Complete) return null;
        if (carve.State != CarveState.Receiving) return "the carve has expired, or was refused";
        if (block < 0 || block >= carve.Blocks) return "there is no such block in this carve";
        if (bytes.Length != carve.SizeOf(block)) return string.Create(CultureInfo.InvariantCulture, $"block {block} has {bytes.Length} bytes and should have {carve.SizeOf(block)}");

        // The mark first, then the block, then a look at the mark: of two last blocks on two instances, at least one sees both.
        if (block == carve.Blocks - 1) await carves.ChangeAsync(id, before => before is { IsClosing: false } ? before with { IsClosing = true } : before, ct);
        await blobs.StageAsync(CarveStore.BlobOf(id), block, bytes, ct);
        if (await carves.FindAsync(id, ct) is not { State: CarveState.Receiving or CarveState.Complete } after)
        {
            await blobs.RemoveAsync(CarveStore.BlobOf(id), ct);
            return "the carve was deleted or given up";
        }

        if (after is { IsClosing: true, State: CarveState.Receiving }) await TryFinishAsync(after, ct);
        return null;
    }

    /// <summary>Completes a carve if all of it is there.</summary>
    public async ValueTask TryFinishAsync(Carve carve, CancellationToken ct)
    {
        var blob = CarveStore.BlobOf(carve.Id);
        var staged = await blobs.StagedAsync(blob, ct);
        if (Enumerable.Range(0, carve.Blocks).All(block => staged.TryGetValue(block, out var size) && size == carve.SizeOf(block)))
        {
            if (!await blobs.CommitAsync(blob, carve.Blocks, ct)) return;
        }
        else
        {
            // A blob is there only when it was committed: the process died right after.
            await using var committed = await blobs.OpenAsync(blob, ct);
            if (committed is null) return;
        }

        await carves.ChangeAsync(
            carve.Id, before => before is { State: CarveState.Receiving } ? before with { State = CarveState.Complete, CompletedAt = clock.GetUtcNow() } : before, ct);
    }

    private string SessionOf(string id) => $"{id}.{keys.SignText(Purpose + id)[0]}";

    private bool IsSession(string session, string id) => keys.SignText(Purpose + id).Any(signature => Secret.Equal($"{id}.{signature}", session));

    private Refusal? FaultOf(string guid, int blocks, long blockSize, long size)
    {
        if (guid.Length is 0 or > 100) return Bad("carve_id is missing or too long");
        if (size <= 0 || blockSize <= 0 || blocks <= 0) return Bad("carve_size, block_size and block_count are numbers above 0");
        if (size > limits.CarveBytes) return new(CarveFault.TooLarge, string.Create(CultureInfo.InvariantCulture, $"the carve has {size} bytes; at most {limits.CarveBytes} are taken"));
        if (blocks > Limits.CarveBlocks) return new(CarveFault.TooLarge, string.Create(CultureInfo.InvariantCulture, $"the carve has {blocks} blocks; at most {Limits.CarveBlocks} are taken: raise --carver_block_size, to 2000000 say"));
        if (blocks != (size + blockSize - 1) / blockSize) return Bad("block_count is not carve_size divided by block_size");
        return null;

        static Refusal Bad(string reason) => new(CarveFault.BadAnnouncement, reason);
    }

    /// <param name="Fault">What the carve keeps; null where none is made.</param>
    /// <param name="Reason">For people.</param>
    private sealed record Refusal(CarveFault? Fault, string Reason);
}

using System.Globalization;
using System.Security.Cryptography;

namespace Fleet.Storage;

/// <summary>Tells whether the store and the secrets belong together: both hold the installation's id, and a count that grows in both, so that one that was lost, or put back from an older copy, is noticed.</summary>
/// <remarks>Without this a server would make new signing keys for a store full of nodes, and every one of them would have to enroll anew.</remarks>
internal sealed class Installation(ITables tables, ISecrets secrets)
{
    /// <summary>The secret's name; the store has it as a row of <see cref="Schema.Upkeep"/>.</summary>
    public const string Name = "installation";

    /// <summary>The two are written one after the other, and copied one after the other.</summary>
    private const long Apart = 1;

    private const string ToDo =
        "Put back what is missing from the same backup (fleet restore), or, if this is what you want to go on with, run 'fleet keys pair'. If the signing keys are lost for good, run 'fleet keys reset': every node then enrolls anew.";

    private readonly ITable _upkeep = tables[Schema.Upkeep];

    private static Key Row => new(Schema.All, Name);

    /// <summary>Checks that the two belong together, and marks them if they are new.</summary>
    /// <exception cref="StorageDamagedException">They do not; says what happened and what to do. Nothing was changed.</exception>
    public async ValueTask CheckAsync(CancellationToken ct)
    {
        var (store, vault) = (await StoreMarkAsync(ct), await SecretMarkAsync(ct));
        if (store is null && vault is not null) throw new StorageDamagedException($"The secrets belong to a store that is not here: the database is missing, is empty, or is another one. {ToDo}");
        if (store is not null && vault is null && await HasNodesAsync(ct)) throw new StorageDamagedException($"The store holds nodes, and its secrets are gone: the secrets file was moved or emptied, or this is another vault. {ToDo}");
        if (store is { } inStore && vault is { } inVault)
        {
            if (inStore.Id != inVault.Id) throw new StorageDamagedException($"The store and the secrets are of two different installations. {ToDo}");
            if (inStore.Count < inVault.Count - Apart) throw new StorageDamagedException($"The store is older than its secrets: the database was put back from an older copy. {ToDo}");
            if (inVault.Count < inStore.Count - Apart) throw new StorageDamagedException($"The secrets are older than their store: they were put back from an older copy, and keys that were rotated since are missing. {ToDo}");
            return;
        }

        // The store first: a start that dies in between is not taken for a store that was lost.
        var mark = store ?? new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), 1);
        await WriteAsync(mark, ct);
    }

    /// <summary>Counts on: what was copied before can be told from what is copied later.</summary>
    /// <param name="ct">Stops before the write.</param>
    /// <param name="by">More than <see cref="Apart"/> where a copy from before must not be put back at all.</param>
    public async ValueTask CountAsync(CancellationToken ct, int by = 1)
    {
        if (await StoreMarkAsync(ct) is { } mark && await SecretMarkAsync(ct) is { } secret && mark.Id == secret.Id) await WriteAsync(mark with { Count = Math.Max(mark.Count, secret.Count) + by }, ct);
    }

    /// <summary>Takes store and secrets as they are for one installation.</summary>
    public async ValueTask PairAsync(CancellationToken ct)
    {
        var (store, vault) = (await StoreMarkAsync(ct), await SecretMarkAsync(ct));
        await WriteAsync(new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), Math.Max(store?.Count ?? 0, vault?.Count ?? 0) + 1), ct);
    }

    /// <summary>Whether there is a node in the store: then keys that are not there were lost, and are not made anew.</summary>
    public async ValueTask<bool> HasNodesAsync(CancellationToken ct) => (await tables[Schema.Nodes].PageAsync(KeyRange.Everything, 1, null, ct)).Items.Count > 0;

    private async ValueTask WriteAsync(Mark mark, CancellationToken ct)
    {
        await _upkeep.WriteAsync(Write.Replace(Row, new Columns { ["Id"] = mark.Id, ["Count"] = mark.Count }), ct);
        await secrets.AddAsync(Name, string.Create(CultureInfo.InvariantCulture, $"{mark.Id}/{mark.Count}"), ct);
        await secrets.RetireAsync(Name, 1, ct);
    }

    private async ValueTask<Mark?> StoreMarkAsync(CancellationToken ct) =>
        await _upkeep.FindAsync(Row, ct) is { } row && row.Columns.Text("Id") is { Length: > 0 } id ? new(id, row.Columns.Number("Count") ?? 0) : null;

    private async ValueTask<Mark?> SecretMarkAsync(CancellationToken ct) =>
        (await secrets.FindAsync(Name, ct)) is [var newest, ..] && newest.Value.Split('/') is [var id, var count] && long.TryParse(count, CultureInfo.InvariantCulture, out var number) ? new(id, number) : null;

    private sealed record Mark(string Id, long Count);
}

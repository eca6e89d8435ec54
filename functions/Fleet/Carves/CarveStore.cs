using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Carves;

/// <summary>Carves by id. Table: <see cref="Schema.Carves"/>; their bytes are blobs in the container <c>carves</c>.</summary>
internal sealed class CarveStore(ITables tables, IBlobs blobs)
{
    private readonly ITable _carves = tables[Schema.Carves];

    public static BlobName BlobOf(string id) => new("carves", id);

    public async ValueTask<Carve?> FindAsync(string id, CancellationToken ct) => await _carves.FindAsync(KeyOf(id), ct) is { } row ? Read(row) : null;

    /// <summary>All carves, newest first. There are as many as people asked for, within the retention.</summary>
    public async ValueTask<IReadOnlyList<Carve>> ListAsync(CancellationToken ct)
    {
        var carves = new List<Carve>();
        await foreach (var row in _carves.ScanAsync(KeyRange.Partition(Schema.All), ct)) carves.Add(Read(row));
        return [.. carves.OrderByDescending(carve => carve.CreatedAt).ThenBy(carve => carve.Id, StringComparer.Ordinal)];
    }

    /// <summary>Makes a carve, or changes the one that is there; repeats when someone else was faster.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="change">From what is there, or null, to what shall be; null or the same object for no change.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask<Carve?> ChangeAsync(string id, Func<Carve?, Carve?> change, CancellationToken ct)
    {
        for (; ; )
        {
            var row = await _carves.FindAsync(KeyOf(id), ct);
            var before = row is null ? null : Read(row);
            var after = change(before);
            if (after is null || ReferenceEquals(before, after)) return before;
            try
            {
                await _carves.WriteAsync(row is null ? Write.Insert(KeyOf(id), Columns(after)) : Write.Replace(KeyOf(id), Columns(after)).If(row.Etag), ct);
                return after;
            }
            catch (ConflictException)
            {
                // Look again.
            }
        }
    }

    /// <summary>Removes a carve: its bytes first, so that none are left that nobody knows of.</summary>
    public async ValueTask RemoveAsync(string id, CancellationToken ct)
    {
        await blobs.RemoveAsync(BlobOf(id), ct);
        await _carves.WriteAsync(Write.Delete(KeyOf(id)), ct);
    }

    private static Key KeyOf(string id) => new(Schema.All, KeyText.Of(id));

    private static Carve Read(Row row)
    {
        var columns = row.Columns;
        return new(
            row.Key.Row, NodeId.TryParse(columns.Text("Node"), out var node) ? node : default, columns.Text("Guid")!, columns.Text("Campaign"),
            Enum.Parse<CarveState>(columns.Text("State")!), columns.Time("CreatedAt")!.Value, (int)(columns.Number("Blocks") ?? 0), columns.Number("BlockSize") ?? 0,
            columns.Number("Size") ?? 0, columns.Flag("IsClosing"), columns.Time("CompletedAt"), columns.Text("Sha256"), columns.Text("Packing"),
            columns.Text("Fault") is { } fault ? Enum.Parse<CarveFault>(fault) : null, columns.Text("Reason"));
    }

    private static Columns Columns(Carve carve) => new Columns
    {
        ["Node"] = carve.Node.ToString(),
        ["Guid"] = carve.Guid,
        ["State"] = carve.State.ToString(),
        ["CreatedAt"] = carve.CreatedAt,
        ["Blocks"] = (long)carve.Blocks,
        ["BlockSize"] = carve.BlockSize,
        ["Size"] = carve.Size,
        ["IsClosing"] = carve.IsClosing,
    }.With("Campaign", carve.Campaign).With("CompletedAt", carve.CompletedAt).With("Sha256", carve.Sha256).With("Packing", carve.Packing).With("Fault", carve.Fault?.ToString()).With("Reason", carve.Reason);
}

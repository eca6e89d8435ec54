using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Which batches hold lines of a query, by hour. Table: <see cref="Schema.ResultIndex"/>.</summary>
internal sealed class ResultIndex(ITables tables)
{
    /// <summary>Adds pointers to batches. Safe to repeat.</summary>
    public async ValueTask AddAsync(IEnumerable<Batch> batches, CancellationToken ct)
    {
        var pointers = batches.SelectMany(batch => batch.Names.Select(name => (batch, name)))
            .GroupBy(pointer => Schema.ResultIndex(TimeOf(pointer.batch)), StringComparer.Ordinal);
        foreach (var table in pointers)
        {
            await tables[table.Key].WriteManyAsync(
                table.Select(pointer => Write.Replace(
                    new($"{PartitionName(pointer.name)}-{TimeKey.Hour(TimeOf(pointer.batch))}", $"{pointer.batch.Key.Row[..19]}-{pointer.batch.Key.Node}-{pointer.batch.Key.Row[20..]}"),
                    new Columns { ["Batch"] = pointer.batch.Key.ToString() })),
                ct);
        }
    }

    private static DateTimeOffset TimeOf(Batch batch) => batch.Key.Time;

    /// <summary>The query's name, or its digest if an agent made one up that is longer than a key may be.</summary>
    internal static string PartitionName(string query) => KeyText.Of(query) is { Length: <= 400 } key ? key : "~~" + Digest.Of(query);
}

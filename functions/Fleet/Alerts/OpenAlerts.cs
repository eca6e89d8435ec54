using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerts that time does something to, and when. Table: <see cref="Schema.OpenAlerts"/>.</summary>
internal sealed class OpenAlerts(ITables tables)
{
    private readonly ITable _open = tables[Schema.OpenAlerts];

    /// <param name="id">The alert's.</param>
    /// <param name="place">Where it lies.</param>
    /// <param name="dueAt">When it is to be looked at; null for never, then it is not kept.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask SetAsync(string id, AlertKey place, DateTimeOffset? dueAt, CancellationToken ct)
    {
        if (dueAt is { } at) await _open.WriteAsync(Write.Replace(KeyOf(id), new Columns { ["Place"] = place.ToString(), ["DueAt"] = at }), ct);
        else await RemoveAsync(id, ct);
    }

    public async ValueTask RemoveAsync(string id, CancellationToken ct) => await _open.WriteAsync(Write.Delete(KeyOf(id)), ct);

    /// <summary>All, in no order. Cost: one transaction for each thousand.</summary>
    public async IAsyncEnumerable<(string Id, AlertKey Place, DateTimeOffset DueAt)> AllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var row in _open.ScanAsync(KeyRange.Everything, ct))
        {
            if (AlertKey.TryParse(row.Columns.Text("Place")!, out var place) && row.Columns.Time("DueAt") is { } dueAt) yield return (row.Key.Row, place, dueAt);
        }
    }

    private static Key KeyOf(string id) => new(id[..2], id);
}

using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Alerts that are not resolved, and when time does something to them. Table: <see cref="Schema.OpenAlerts"/>.</summary>
internal sealed class OpenAlerts(ITables tables)
{
    private readonly ITable _open = tables[Schema.OpenAlerts];

    public async ValueTask SetAsync(string id, AlertKey place, DateTimeOffset? dueAt, CancellationToken ct) =>
        await _open.WriteAsync(Write.Replace(KeyOf(id), new Columns { ["Place"] = place.ToString() }.With("DueAt", dueAt)), ct);

    public async ValueTask RemoveAsync(string id, CancellationToken ct) => await _open.WriteAsync(Write.Delete(KeyOf(id)), ct);

    /// <summary>All, in no order. Cost: one transaction for each thousand.</summary>
    public async IAsyncEnumerable<(string Id, AlertKey Place, DateTimeOffset? DueAt)> AllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var row in _open.ScanAsync(KeyRange.Everything, ct))
        {
            if (AlertKey.TryParse(row.Columns.Text("Place")!, out var place)) yield return (row.Key.Row, place, row.Columns.Time("DueAt"));
        }
    }

    private static Key KeyOf(string id) => new(id[..2], id);
}

using System.Text;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>An item as someone left it.</summary>
/// <param name="Action"><c>created</c>, <c>changed</c>, <c>deleted</c>, <c>restored</c>, <c>enrolled</c> (a node, again), or <c>found</c>: it was there
/// before anyone kept a history, or came by a command.</param>
/// <param name="Item">As PUT takes it; null when it was deleted.</param>
internal sealed record ItemVersion(string Id, DateTimeOffset At, string By, string Action, JsonObject? Item);

/// <summary>What people made of queries, packs and the like. Table: <see cref="Schema.History"/>. Rows are only ever added.</summary>
internal sealed class HistoryStore(ITables tables, TimeProvider clock)
{
    private readonly ITable _history = tables[Schema.History];

    /// <summary>Adds a version, and the one before it if nobody kept that.</summary>
    public async ValueTask AddAsync(string kind, string name, string by, string action, JsonObject? before, JsonObject? after, CancellationToken ct)
    {
        if (before is not null)
        {
            var last = (await PageAsync(kind, name, 1, null, ct)).Items;
            if (last.Count == 0 || !JsonNode.DeepEquals(last[0].Item, before)) await AddAsync(kind, name, "", "found", before, clock.GetUtcNow() - TimeSpan.FromMilliseconds(1), ct);
        }

        await AddAsync(kind, name, by, action, after, clock.GetUtcNow(), ct);
    }

    /// <summary>Versions, newest first.</summary>
    public async ValueTask<Page<ItemVersion>> PageAsync(string kind, string name, int take, string? after, CancellationToken ct)
    {
        var page = await _history.PageAsync(KeyRange.Rows(PartitionOf(kind, name), after is null ? "" : after + "!", KeyRange.Last), take, after: null, ct);
        return new([.. page.Items.Select(Read)], page.After is null ? null : page.Items[^1].Key.Row);
    }

    public async ValueTask<ItemVersion?> FindAsync(string kind, string name, string id, CancellationToken ct) =>
        IsId(id) && await _history.FindAsync(new(PartitionOf(kind, name), id), ct) is { } row ? Read(row) : null;

    private async ValueTask AddAsync(string kind, string name, string by, string action, JsonObject? item, DateTimeOffset at, CancellationToken ct)
    {
        var columns = new Columns { ["At"] = at, ["By"] = by, ["Action"] = action };
        if (item is not null) columns.WithBytes("Json", Compression.Pack(Encoding.UTF8.GetBytes(item.ToJsonString())));
        await _history.WriteAsync(Write.Insert(new(PartitionOf(kind, name), $"{TimeKey.NewestFirst(at)}-{Guid.NewGuid():N}"), columns), ct);
    }

    private static ItemVersion Read(Row row) => new(
        row.Key.Row, row.Columns.Time("At")!.Value, row.Columns.Text("By")!, row.Columns.Text("Action")!,
        row.Columns.AllBytes("Json") is { Length: > 0 } packed ? (JsonObject)JsonNode.Parse(Compression.Unpack(packed))! : null);

    private static bool IsId(string id) => id.Length == 52 && id.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static string PartitionOf(string kind, string name) => $"{kind}-{(KeyText.Of(name) is { Length: <= 400 } key ? key : "~~" + Digest.Of(name))}";
}

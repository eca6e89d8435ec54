using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Rules;

/// <summary>What rules remember, in the tables: the same on every instance. Tables: <see cref="Schema.Matches"/>, and those of <see cref="FirstSeen"/>.</summary>
internal sealed class StoredMemory(ITables tables, FirstSeen seen, TimeProvider clock) : IRuleMemory
{
    private const int MostHitsInRow = 3_000;
    private const int MostRows = 1_000;

    public ValueTask<bool> IsFirstAsync(Rule rule, Condition condition, string value, string query, NodeId node, string row, CancellationToken ct) =>
        seen.IsFirstAsync(rule.Id, condition, value, query, node, row, ct);

    /// <summary>One write, and one read for each thousand batches within the window.</summary>
    public async ValueTask<IReadOnlyList<Hit>> CountAsync(Rule rule, string place, string batch, IReadOnlyList<Hit> hits, CancellationToken ct)
    {
        var partition = Digest.Of(rule.Id, place);

        // By the server's clock: an agent's may be wrong, and rows of one table are one week's.
        var now = clock.GetUtcNow();
        var window = rule.Threshold!.Window;
        await tables[Schema.Matches(now)].WriteAsync(Write.Replace(new(partition, $"{TimeKey.NewestFirst(now)}-{Digest.Of(batch)}"), new Columns { ["Hits"] = Hit.Pack(hits, MostHitsInRow) }), ct);
        var all = new List<Hit>();
        var from = hits.Min(hit => hit.At) - window;
        foreach (var table in new[] { Schema.Matches(now), Schema.Matches(now - window) }.Distinct())
        {
            // What came so long before was of so long before, or is late: then it is not counted.
            var page = await tables[table].PageAsync(KeyRange.Rows(partition, "", TimeKey.NewestFirst(now - window - window)), MostRows, null, ct);
            all.AddRange(page.Items.SelectMany(row => Hit.Unpack(row.Columns.Bytes("Hits")!)).Where(hit => hit.At >= from));
        }

        return [.. all.DistinctBy(hit => hit.Row)];
    }
}

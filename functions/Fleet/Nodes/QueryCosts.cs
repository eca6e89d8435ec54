using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>What a query costs the machines that run it, as far as they said.</summary>
/// <param name="Name">A query of the schedule by its name, or the SQL of a distributed one.</param>
/// <param name="IsDistributed">It was asked by a campaign.</param>
/// <param name="Runs">How often its time was told.</param>
/// <param name="WallMs">Milliseconds of all these runs.</param>
/// <param name="MostMs">Of the slowest.</param>
/// <param name="Denylisted">How often an agent gave it up: it was killed while the query ran, and leaves it alone for a day.</param>
internal sealed record QueryCost(string Name, bool IsDistributed, long Runs, long WallMs, long MostMs, long Denylisted, DateTimeOffset? DenylistedAt)
{
    public double MeanMs => Runs == 0 ? 0 : (double)WallMs / Runs;
}

/// <summary>Sums up what agents say of their queries: the <c>stats</c> of distributed ones, rows of <c>osquery_schedule</c>, and warnings in status logs.
/// In memory, and written in bulk. Table: <see cref="Schema.QueryCosts"/>.</summary>
internal sealed class QueryCosts(ITables tables, TimeProvider clock)
{
    /// <summary>Queries that are kept in memory until the next flush; beyond it nothing is noted.</summary>
    private const int MostWaiting = 1_000;

    private readonly ConcurrentDictionary<(string Name, bool IsDistributed), QueryCost> _news = new();

    /// <summary>Notes runs and their time.</summary>
    public void NoteRuns(string name, bool isDistributed, long runs, long wallMs)
    {
        if (runs > 0 && wallMs >= 0) Add(new(name, isDistributed, runs, wallMs, wallMs / runs, 0, null));
    }

    public void NoteDenylisted(string name, bool isDistributed) => Add(new(name, isDistributed, 0, 0, 0, 1, clock.GetUtcNow()));

    /// <summary>Writes what is new: a read and a write for each query that was heard of.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        foreach (var key in _news.Keys)
        {
            if (!_news.TryRemove(key, out var news)) continue;
            try
            {
                await WriteAsync(news, ct);
            }
            catch
            {
                Add(news);
                throw;
            }
        }
    }

    /// <summary>All that was told this month and the one before. Cost: one transaction for each thousand.</summary>
    public async ValueTask<IReadOnlyList<QueryCost>> ListAsync(CancellationToken ct)
    {
        var costs = new Dictionary<(string, bool), QueryCost>(_news.Select(news => KeyValuePair.Create((news.Key.Name, news.Key.IsDistributed), news.Value)));
        foreach (var month in new[] { clock.GetUtcNow(), clock.GetUtcNow().AddMonths(-1) })
        {
            await foreach (var row in tables[Schema.QueryCosts(month)].ScanAsync(KeyRange.Partition(Schema.All), ct))
            {
                var cost = Read(row.Columns);
                costs[(cost.Name, cost.IsDistributed)] = costs.TryGetValue((cost.Name, cost.IsDistributed), out var news) ? Sum(cost, news) : cost;
            }
        }

        return [.. costs.Values];
    }

    private void Add(QueryCost cost)
    {
        if (_news.Count < MostWaiting) _news.AddOrUpdate((cost.Name, cost.IsDistributed), cost, (_, before) => Sum(before, cost));
    }

    private async ValueTask WriteAsync(QueryCost news, CancellationToken ct)
    {
        var key = new Key(Schema.All, Digest.Of(news.Name, news.IsDistributed ? "distributed" : "schedule"));
        var table = tables[Schema.QueryCosts(clock.GetUtcNow())];
        for (; ; )
        {
            var row = await table.FindAsync(key, ct);
            var sum = row is null ? news : Sum(Read(row.Columns), news);
            var columns = new Columns
            {
                ["Name"] = sum.Name,
                ["IsDistributed"] = sum.IsDistributed,
                ["Runs"] = sum.Runs,
                ["WallMs"] = sum.WallMs,
                ["MostMs"] = sum.MostMs,
                ["Denylisted"] = sum.Denylisted,
            }.With("DenylistedAt", sum.DenylistedAt);
            try
            {
                await table.WriteAsync(row is null ? Write.Insert(key, columns) : Write.Replace(key, columns).If(row.Etag), ct);
                return;
            }
            catch (ConflictException)
            {
                // Another instance was faster: add to what it wrote.
            }
        }
    }

    private static QueryCost Sum(QueryCost a, QueryCost b) => a with
    {
        Runs = a.Runs + b.Runs,
        WallMs = a.WallMs + b.WallMs,
        MostMs = Math.Max(a.MostMs, b.MostMs),
        Denylisted = a.Denylisted + b.Denylisted,
        DenylistedAt = b.DenylistedAt ?? a.DenylistedAt,
    };

    private static QueryCost Read(Columns columns) => new(
        columns.Text("Name")!, columns.Flag("IsDistributed"), columns.Number("Runs") ?? 0, columns.Number("WallMs") ?? 0, columns.Number("MostMs") ?? 0,
        columns.Number("Denylisted") ?? 0, columns.Time("DenylistedAt"));
}

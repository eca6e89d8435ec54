using System.Collections.Concurrent;
using System.Net;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

/// <summary>A machine that was not let in, as often as it came with the same words.</summary>
/// <param name="Host">What it called itself.</param>
/// <param name="Agent">Its User-Agent.</param>
/// <param name="ToldAt">When rules were told of it last.</param>
internal sealed record EnrollRefusal(string Reason, string Address, string Host, string Agent, long Count, DateTimeOffset First, DateTimeOffset Last, DateTimeOffset? ToldAt = null);

/// <summary>Who was refused at enrollment, and why. Anyone can be refused as often as they like, so it is summed up in memory and written once a minute, a bounded number of rows. Table: <see cref="Schema.EnrollRefusals"/>.</summary>
internal sealed class EnrollRefusals(ITables tables, TimeProvider clock)
{
    /// <summary>Different refusals of a minute; beyond it those of one reason are one.</summary>
    private const int MostAtOnce = 200;

    /// <summary>Different refusals that are kept.</summary>
    private const int MostKept = 1_000;

    private static readonly TimeSpan s_kept = TimeSpan.FromDays(7);

    private readonly ITable _refusals = tables[Schema.EnrollRefusals];
    private readonly ConcurrentDictionary<string, EnrollRefusal> _news = new(StringComparer.Ordinal);

    public void Note(string reason, IPAddress? address, string? host, string agent)
    {
        var now = clock.GetUtcNow();
        var one = new EnrollRefusal(reason, address?.ToString() ?? "", Short(host ?? ""), Short(agent), 1, now, now);
        var id = IdOf(one);
        if (_news.Count >= MostAtOnce && !_news.ContainsKey(id)) id = IdOf(one = one with { Address = "many", Host = "", Agent = "" });
        _news.AddOrUpdate(id, one, (_, known) => Sum(known, one));
    }

    /// <summary>Writes what is new.</summary>
    /// <param name="again">What was told longer ago than this is told again.</param>
    /// <param name="ct">Stops before the next write.</param>
    /// <returns>What is to be told now.</returns>
    public async ValueTask<IReadOnlyList<EnrollRefusal>> FlushAsync(TimeSpan again, CancellationToken ct)
    {
        var told = new List<EnrollRefusal>();
        foreach (var id in _news.Keys)
        {
            if (!_news.TryRemove(id, out var news)) continue;
            try
            {
                var key = new Key(Schema.All, id);
                var sum = await _refusals.FindAsync(key, ct) is { } row ? Sum(Read(row), news) : news;
                var isDue = sum.ToldAt is not { } at || (sum.Last - at).Duration() > again;
                if (isDue) told.Add(sum = sum with { ToldAt = sum.Last });
                await _refusals.WriteAsync(Write.Replace(key, Columns(sum)), ct);
            }
            catch
            {
                _news.AddOrUpdate(id, news, (_, known) => Sum(known, news));
                throw;
            }
        }

        return told;
    }

    /// <summary>Those of the last week, newest first. Cost: one transaction.</summary>
    public async ValueTask<IReadOnlyList<EnrollRefusal>> ListAsync(CancellationToken ct)
    {
        var all = new Dictionary<string, EnrollRefusal>(StringComparer.Ordinal);
        await foreach (var row in _refusals.ScanAsync(KeyRange.Partition(Schema.All), ct)) all[row.Key.Row] = Read(row);
        foreach (var (id, news) in _news) all[id] = all.TryGetValue(id, out var known) ? Sum(known, news) : news;
        return [.. all.Values.OrderByDescending(one => one.Last).ThenBy(IdOf, StringComparer.Ordinal)];
    }

    /// <summary>Removes what is old, and what is more than is kept.</summary>
    public async ValueTask PruneAsync(CancellationToken ct)
    {
        var oldest = clock.GetUtcNow() - s_kept;
        var gone = (await ListAsync(ct)).Where((one, place) => place >= MostKept || one.Last < oldest).ToList();
        await _refusals.WriteManyAsync(gone.Select(one => Write.Delete(new(Schema.All, IdOf(one)))), ct);
    }

    public static string IdOf(EnrollRefusal one) => Digest.Of(one.Reason, one.Address, one.Host, one.Agent);

    private static EnrollRefusal Sum(EnrollRefusal a, EnrollRefusal b) => a with { Count = a.Count + b.Count, First = a.First < b.First ? a.First : b.First, Last = a.Last > b.Last ? a.Last : b.Last };

    private static string Short(string text) => text.Length > 200 ? text[..200] : text;

    private static EnrollRefusal Read(Row row) => new(
        row.Columns.Text("Reason")!, row.Columns.Text("Address") ?? "", row.Columns.Text("Host") ?? "", row.Columns.Text("Agent") ?? "",
        row.Columns.Number("Count") ?? 1, row.Columns.Time("First") ?? default, row.Columns.Time("Last") ?? default, row.Columns.Time("ToldAt"));

    private static Columns Columns(EnrollRefusal one) => new Columns()
        .With("Reason", one.Reason).With("Address", one.Address).With("Host", one.Host).With("Agent", one.Agent)
        .With("Count", one.Count).With("First", one.First).With("Last", one.Last).With("ToldAt", one.ToldAt);
}

using System.Globalization;
using System.Runtime.CompilerServices;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Searches the stored lines of all nodes by the index, newest hour first. What arrived within the last minute may not be in it yet.</summary>
/// <remarks>A line counts in the hour of its own time, or where that cannot be (ahead of its batch, or three weeks behind) in its batch's.</remarks>
internal sealed class ResultSearch(ResultIndex index, BatchStore batches, LargeBatches large)
{
    /// <summary>Storage operations that one page may cost. A page that has not found enough by then ends early, and has a token.</summary>
    private const int MostOperations = 40;

    public ValueTask<Page<Found<ResultRow>>> ResultsAsync(ResultFilter filter, int take, string? after, CancellationToken ct) =>
        PageAsync(StepsAsync(filter, after, MostOperations, ct), take);

    public ValueTask<Page<Found<StatusLine>>> StatusLogsAsync(StatusFilter filter, int take, string? after, CancellationToken ct) =>
        PageAsync(StepsAsync(filter, after, MostOperations, ct), take);

    /// <summary>Everything that there is, as it is found.</summary>
    public IAsyncEnumerable<Found<ResultRow>> AllResultsAsync(ResultFilter filter, CancellationToken ct) => AllAsync(StepsAsync(filter, after: null, int.MaxValue, ct));

    public IAsyncEnumerable<Found<StatusLine>> AllStatusLogsAsync(StatusFilter filter, CancellationToken ct) => AllAsync(StepsAsync(filter, after: null, int.MaxValue, ct));

    private IAsyncEnumerable<Step<ResultRow>> StepsAsync(ResultFilter filter, string? after, int operations, CancellationToken ct)
    {
        return StepsAsync(
            new(filter.Query ?? ResultIndex.All, filter.Nodes, filter.From, filter.To), after, operations,
            batch => Read(batch).Where(filter.Wants).Select(row => (row, row.Time)),
            key => large.Find(key)?.Where(filter.Wants).Select(row => (row, row.Time)),
            ct);

        // An export reads each batch once, and only lines of its query.
        IEnumerable<ResultRow> Read(Batch batch) => operations == int.MaxValue
            ? LineReader.Read(batch.Lines, batch.Key.Time, filter.Query is { } query ? name => name == query : null).OrderByDescending(row => row.Time)
            : large.Read(batch);
    }

    private IAsyncEnumerable<Step<StatusLine>> StepsAsync(StatusFilter filter, string? after, int operations, CancellationToken ct) => StepsAsync(
        new(ResultIndex.Status, filter.Nodes, filter.From, filter.To), after, operations,
        batch => StatusLine.Read(batch.Lines, batch.Key.Time).Where(filter.Wants).OrderByDescending(line => line.Time).Select(line => (line, line.Time)), _ => null, ct);

    /// <summary>Walks from pointer to pointer. A step is something found, or a place where a page ends because it has cost enough.</summary>
    private async IAsyncEnumerable<Step<T>> StepsAsync<T>(
        Walk walk, string? after, int operations, Func<Batch, IEnumerable<(T Item, DateTimeOffset Time)>> read, Func<BatchKey, IEnumerable<(T Item, DateTimeOffset Time)>?> kept,
        [EnumeratorCancellation] CancellationToken ct)
        where T : class
    {
        var start = Place.Parse(after);
        var shown = start?.Shown ?? 0;
        await foreach (var page in index.PagesAsync(walk.Query, walk.From, walk.To, start is null ? null : (start.Table, start.At), ct))
        {
            // Reads that find nothing cost as much: a page may end before any of them.
            if (operations <= 0) yield return new(null, new(page.Table, page.Begin, 0));
            operations--;
            foreach (var pointer in page.Pointers.Where(pointer => walk.Nodes?.Contains(pointer.Batch.Node) != false))
            {
                // Where the page before ended, if the pointer is still there.
                var skip = start is not null && pointer.Table == start.Table && pointer.At == start.At ? shown : 0;
                if (operations <= 0) yield return new(null, new(pointer.Table, pointer.At, skip));
                operations--;
                if (kept(pointer.Batch) is not { } rows)
                {
                    if (await batches.ShowAsync(pointer.Batch, ct) is not { } batch) continue;
                    rows = read(batch);
                }

                var at = 0;
                foreach (var (item, _) in rows.Where(one => ResultIndex.HourOf(pointer.Batch, one.Time) == pointer.Hour))
                {
                    if (at++ >= skip) yield return new(new(pointer.Batch.Node, item), new(pointer.Table, pointer.At, at - 1));
                }
            }
        }
    }

    /// <summary>A page, and the place of the first thing that is not on it.</summary>
    private static async ValueTask<Page<Found<T>>> PageAsync<T>(IAsyncEnumerable<Step<T>> steps, int take)
        where T : class
    {
        var items = new List<Found<T>>();
        await foreach (var (found, place) in steps)
        {
            if (found is null || items.Count == take) return new(items, place.ToString());
            items.Add(found);
        }

        return new(items, null);
    }

    private static IAsyncEnumerable<Found<T>> AllAsync<T>(IAsyncEnumerable<Step<T>> steps)
        where T : class => steps.Where(step => step.Found is not null).Select(step => step.Found!);

    private sealed record Walk(string Query, IReadOnlySet<NodeId>? Nodes, DateTimeOffset? From, DateTimeOffset? To);

    private sealed record Step<T>(Found<T>? Found, Place Place)
        where T : class;

    /// <summary>Where a page begins; written <c>table|partition|row|shown</c>.</summary>
    /// <param name="Shown">How many of the pointer's rows the pages before have shown.</param>
    private sealed record Place(string Table, Key At, int Shown)
    {
        public static Place? Parse(string? text) =>
            text?.Split('|') is [var table, var partition, var row, var shown] && int.TryParse(shown, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                ? new(table, new(partition, row), count)
                : text is null ? null : throw new BadPlaceException();

        public override string ToString() => FormattableString.Invariant($"{Table}|{At.Partition}|{At.Row}|{Shown}");
    }
}

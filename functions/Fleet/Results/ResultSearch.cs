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
        var isExport = operations == int.MaxValue;
        return StepsAsync(new(filter.Query ?? ResultIndex.All, filter.Nodes, filter.From, filter.To), after, operations, new Lines<ResultRow>(isExport ? ReadOnce : large.Read, large.Find, filter.Wants, row => row.Time), ct);

        // An export reads each batch once, and only lines of its query.
        IReadOnlyList<ResultRow> ReadOnce(Batch batch) =>
            [.. LineReader.Read(batch.Lines, batch.Key.Time, filter.Query is { } query ? name => name == query : null).OrderByDescending(row => row.Time)];
    }

    private IAsyncEnumerable<Step<StatusLine>> StepsAsync(StatusFilter filter, string? after, int operations, CancellationToken ct) => StepsAsync(
        new(ResultIndex.Status, filter.Nodes, filter.From, filter.To), after, operations,
        new Lines<StatusLine>(batch => [.. StatusLine.Read(batch.Lines, batch.Key.Time).OrderByDescending(line => line.Time)], _ => null, filter.Wants, line => line.Time), ct);

    /// <summary>Walks from pointer to pointer. A step is something found, or a place where a page ends because it has cost enough.</summary>
    private async IAsyncEnumerable<Step<T>> StepsAsync<T>(Walk walk, string? after, int operations, Lines<T> lines, [EnumeratorCancellation] CancellationToken ct)
        where T : class
    {
        var start = Place.Parse(after);
        await foreach (var page in index.PagesAsync(walk.Query, walk.From, walk.To, start is null ? null : (start.Table, start.At), ct))
        {
            // Reads that find nothing cost as much: a page may end before any of them.
            if (operations <= 0) yield return new(null, new(page.Table, page.Begin, 0));
            operations--;
            foreach (var pointer in page.Pointers.Where(pointer => walk.Nodes?.Contains(pointer.Batch.Node) != false))
            {
                // Where the page before ended, if the pointer is still there.
                var from = start is not null && pointer.Table == start.Table && pointer.At == start.At ? start.From : 0;
                if (operations <= 0) yield return new(null, new(pointer.Table, pointer.At, from));
                operations--;
                if ((lines.Kept(pointer.Batch) ?? (await batches.ShowAsync(pointer.Batch, ct) is { } batch ? lines.Read(batch) : null)) is not { } all) continue;
                for (var i = from; i < all.Count; i++)
                {
                    if (lines.Wants(all[i]) && ResultIndex.HourOf(pointer.Batch, lines.TimeOf(all[i])) == pointer.Hour) yield return new(new(pointer.Batch.Node, all[i]), new(pointer.Table, pointer.At, i));
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

    /// <param name="Read">A batch's lines, newest first.</param>
    /// <param name="Kept">The same where they were read lately, else null.</param>
    private sealed record Lines<T>(Func<Batch, IReadOnlyList<T>> Read, Func<BatchKey, IReadOnlyList<T>?> Kept, Func<T, bool> Wants, Func<T, DateTimeOffset> TimeOf);

    /// <summary>Where a page begins; written <c>table|partition|row|from</c>.</summary>
    /// <param name="From">The first of the batch's lines that the pages before have not looked at.</param>
    private sealed record Place(string Table, Key At, int From)
    {
        public static Place? Parse(string? text) =>
            text?.Split('|') is [var table, var partition, var row, var from] && int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                ? new(table, new(partition, row), count)
                : text is null ? null : throw new BadPlaceException();

        public override string ToString() => FormattableString.Invariant($"{Table}|{At.Partition}|{At.Row}|{From}");
    }
}

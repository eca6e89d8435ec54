using System.Globalization;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Which of a node's lines.</summary>
/// <param name="Query">Of this query alone, or null.</param>
internal sealed record LineFilter(string? Query, DateTimeOffset? From, DateTimeOffset? To)
{
    public bool Wants(IReadOnlyCollection<string> names, DateTimeOffset? oldest, DateTimeOffset? newest) =>
        (Query is null || names.Contains(Query)) && !(newest < From) && !(oldest > To);

    public bool Wants(string name, DateTimeOffset time) =>
        (Query is null || name == Query) && !(time < From) && !(time > To);
}

/// <summary>A node's results and status logs in pages, newest first.</summary>
internal sealed class ResultPages(BatchStore batches, LargeBatches large)
{
    private const int MostLooked = 1_500;

    /// <summary>Rows of results.</summary>
    public ValueTask<Page<ResultRow>> ResultsAsync(NodeId node, LineFilter filter, int take, string? after, CancellationToken ct) =>
        PageAsync(Schema.ResultsPrefix, node, filter, take, after, large.Read, large.Find, row => filter.Wants(row.Name, row.Time), ct);

    public ValueTask<Page<StatusLine>> StatusLogsAsync(NodeId node, LineFilter filter, int take, string? after, CancellationToken ct) => PageAsync<StatusLine>(
        Schema.StatusLogsPrefix, node, filter, take, after, batch => [.. StatusLine.Read(batch.Lines, batch.Key.Time).OrderByDescending(line => line.Time)], _ => null, line => filter.Wants("", line.Time), ct);

    /// <summary>The token names a batch, and the first of its lines that was not looked at.</summary>
    private async ValueTask<Page<T>> PageAsync<T>(
        string prefix, NodeId node, LineFilter filter, int take, string? after, Func<Batch, IReadOnlyList<T>> read, Func<BatchKey, IReadOnlyList<T>?> kept, Func<T, bool> wants, CancellationToken ct)
    {
        BatchKey? start = null;
        var skip = 0;
        if (after?.Split('|') is [var key, var shown] && BatchKey.TryParse(key, out var batchKey) && int.TryParse(shown, CultureInfo.InvariantCulture, out skip)) start = batchKey;

        var items = new List<T>();
        var looked = 0;
        await foreach (var (place, batch) in batches.NewestFirstAsync(prefix, node, start, filter.Wants, key => kept(key) is not null, ct))
        {
            // A page that has looked at so many ends early, and has a token.
            if (++looked > MostLooked) return new(items, $"{place}|0");
            if ((batch is null ? kept(place) : read(batch)) is not { } lines) continue;
            for (var i = place == start ? skip : 0; i < lines.Count; i++)
            {
                if (!wants(lines[i])) continue;
                if (items.Count == take) return new(items, FormattableString.Invariant($"{place}|{i}"));
                items.Add(lines[i]);
            }
        }

        return new(items, null);
    }
}

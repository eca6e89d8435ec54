using System.Text;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Batches of lines in weekly tables, a row group each. The row's key follows from the lines and from the post before them: see <see cref="PostStore"/>.</summary>
internal sealed class BatchStore(ITables tables, TimeProvider clock)
{
    private static readonly TimeSpan s_ahead = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_behind = TimeSpan.FromDays(21);
    private const int RowBytes = 10 * (60 << 10);
    private const int RowsInWrite = 4;
    private const int RowsInPage = 50;

    /// <summary>Where these lines will lie: under the time of their newest line, or the hour of their arrival if that time cannot be, so that
    /// a batch that is sent again soon is the same batch.</summary>
    /// <param name="tableOf"><see cref="Schema.Results"/> or <see cref="Schema.StatusLogs"/>.</param>
    /// <param name="node">The node that sent them.</param>
    /// <param name="digest">Of the lines and of what came before them.</param>
    /// <param name="newest">Seconds of the newest line.</param>
    public BatchKey KeyOf(Func<DateTimeOffset, string> tableOf, NodeId node, string digest, long? newest)
    {
        var now = clock.GetUtcNow();
        var time = newest is { } seconds && seconds > (now - s_behind).ToUnixTimeSeconds() && seconds < (now + s_ahead).ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : TimeKey.Hour(now);
        return new(tableOf(time), node, $"{TimeKey.NewestFirst(time)}-{digest}");
    }

    /// <summary>Stores a batch, and a row beside it; durable when this returns. One write for up to 2.4 MB of packed lines, which is some 24 MB as they came.</summary>
    public async ValueTask WriteAsync(BatchKey key, ReadOnlyMemory<byte> lines, int count, IReadOnlyCollection<string> names, long? oldest, long? newest, CancellationToken ct,
        (string Table, Write Write)? beside = null)
    {
        var packed = Compression.Pack(lines.Span);
        var parts = packed.Chunk(RowBytes).ToArray();
        var head = new Columns { ["At"] = clock.GetUtcNow(), ["Count"] = (long)count, ["Parts"] = (long)parts.Length }
            .With("Oldest", oldest).With("Newest", newest).With("Trace", Telemetry.Trace)
            .WithBytes("N", Compression.Pack(Encoding.UTF8.GetBytes(string.Join('\n', names))))
            .WithBytes("L", parts[0]);

        // The head comes last: a batch whose head is there is whole.
        var writes = parts.Skip(1).Select((part, i) => Write.Replace(PartOf(key, i + 1), new Columns().WithBytes("L", part)))
            .Concat(beside is { } row && row.Table == key.Table ? [row.Write] : Array.Empty<Write>())
            .Append(Write.Replace(key.Key, head));
        foreach (var group in writes.Chunk(RowsInWrite)) await WriteGroupAsync(tables[key.Table], group, ct);
        if (beside is { } elsewhere && elsewhere.Table != key.Table) await tables[elsewhere.Table].WriteAsync(elsewhere.Write, ct);
    }

    public async ValueTask<Batch?> FindAsync(BatchKey key, CancellationToken ct) =>
        await tables[key.Table].FindAsync(key.Key, ct) is { } row ? await ReadAsync(key, row, ct) : null;

    /// <summary>As <see cref="FindAsync"/>, for those who show many: one that cannot be read becomes a line that says so, and the others are shown.</summary>
    public async ValueTask<Batch?> ShowAsync(BatchKey key, CancellationToken ct)
    {
        try
        {
            return await FindAsync(key, ct);
        }
        catch (Exception fault) when (!MachineFault.Is(fault))
        {
            return Unreadable(key, fault);
        }
    }

    /// <summary>A node's batches, newest first, from the newest table on. One that cannot be read becomes a line that says so.</summary>
    /// <param name="prefix"><see cref="Schema.ResultsPrefix"/> or <see cref="Schema.StatusLogsPrefix"/>.</param>
    /// <param name="node">The node.</param>
    /// <param name="after">The batch to begin with, or null for the newest.</param>
    /// <param name="wanted">By its heads' names and times: whether to read a batch's lines.</param>
    /// <param name="isKept">Whether the caller has a batch's lines: then they are not read.</param>
    /// <param name="ct">Stops the read.</param>
    /// <returns>Each batch's key, and the batch if it is wanted. Cost: one transaction for each fifty.</returns>
    public async IAsyncEnumerable<(BatchKey Key, Batch? Batch)> NewestFirstAsync(
        string prefix, NodeId node, BatchKey? after, Func<IReadOnlyCollection<string>, DateTimeOffset?, DateTimeOffset?, bool> wanted, Func<BatchKey, bool>? isKept,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var name in (await tables.ListAsync(prefix, ct)).Reverse())
        {
            if (after is { } start && string.CompareOrdinal(name, start.Table) > 0) continue;
            var from = after is { } begin && begin.Table == name ? begin.Row : "";
            await foreach (var row in tables[name].ScanAsync(KeyRange.Rows(node.ToString(), from, KeyRange.Last), ct, RowsInPage))
            {
                if (row.Key.Row.Contains('.', StringComparison.Ordinal)) continue;
                var key = new BatchKey(name, node, row.Key.Row);
                yield return (key, isKept?.Invoke(key) == true ? null : await ReadWantedAsync(key, row));
            }
        }

        async ValueTask<Batch?> ReadWantedAsync(BatchKey key, Row row)
        {
            try
            {
                return wanted(NamesOf(row), TimeOf(row, "Oldest"), TimeOf(row, "Newest")) ? await ReadAsync(key, row, ct) : null;
            }
            catch (Exception fault) when (!MachineFault.Is(fault))
            {
                return Unreadable(key, fault);
            }
        }
    }

    private static Batch Unreadable(BatchKey key, Exception fault)
    {
        var line = System.Text.Json.JsonEncodedText.Encode($"This batch cannot be read: {fault.Message}");
        return new(key, key.Time, 1, [], null, null, Encoding.UTF8.GetBytes($"[\"{line}\"]"));
    }

    private async ValueTask<Batch> ReadAsync(BatchKey key, Row head, CancellationToken ct)
    {
        using var packed = new MemoryStream();
        packed.Write(head.Columns.AllBytes("L"));
        for (var part = 1; part < head.Columns.Number("Parts"); part++)
        {
            var row = await tables[key.Table].FindAsync(PartOf(key, part), ct) ?? throw new StorageDamagedException($"Part {part} of batch {key} is missing.");
            packed.Write(row.Columns.AllBytes("L"));
        }

        return new(
            key, head.Columns.Time("At")!.Value, (int)head.Columns.Number("Count")!.Value, NamesOf(head), TimeOf(head, "Oldest"), TimeOf(head, "Newest"),
            Compression.Unpack(packed.GetBuffer().AsSpan(0, (int)packed.Length)))
        { Trace = head.Columns.Text("Trace") };
    }

    private static async ValueTask WriteGroupAsync(ITable table, Write[] group, CancellationToken ct)
    {
        if (group.Length == 1) await table.WriteAsync(group[0], ct);
        else await table.WriteAllAsync(group, ct);
    }

    private static string[] NamesOf(Row head) =>
        Encoding.UTF8.GetString(Compression.Unpack(head.Columns.AllBytes("N"))) is { Length: > 0 } names ? names.Split('\n') : [];

    private static DateTimeOffset? TimeOf(Row head, string column) =>
        head.Columns.Number(column) is > 0 and < 253_402_300_800 and var seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    private static Key PartOf(BatchKey key, int part) => new(key.Node.ToString(), FormattableString.Invariant($"{key.Row}.{part:D4}"));
}

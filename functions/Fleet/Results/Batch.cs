using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Where a batch lies; written <c>table/node/row</c> in messages.</summary>
internal readonly record struct BatchKey(string Table, NodeId Node, string Row)
{
    public static bool TryParse(string text, out BatchKey key)
    {
        key = default;
        if (text.Split('/') is not [var table, var node, var row] || !NodeId.TryParse(node, out var id)) return false;
        key = new(table, id, row);
        return true;
    }

    public Key Key => new(Node.ToString(), Row);

    /// <summary>Whether it holds osquery's own logs, and no results.</summary>
    public bool IsStatus => Table.StartsWith(Schema.StatusLogsPrefix, StringComparison.Ordinal);

    /// <summary>The time that the batch lies under. Lines that say none have this one: it does not change when they are sent again.</summary>
    public DateTimeOffset Time => TimeKey.Read(Row);

    public override string ToString() => $"{Table}/{Node}/{Row}";
}

/// <summary>Lines of one post, as they came.</summary>
/// <param name="Names">The queries that the lines name; empty for status logs.</param>
/// <param name="Lines">The JSON array of the lines.</param>
internal sealed record Batch(
    BatchKey Key, DateTimeOffset ReceivedAt, int Count, IReadOnlyCollection<string> Names, DateTimeOffset? Oldest, DateTimeOffset? Newest, byte[] Lines)
{
    /// <summary>The trace of the post that brought it; null where that was not traced.</summary>
    public string? Trace { get; init; }
}

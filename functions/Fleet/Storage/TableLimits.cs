using System.Text;

namespace Fleet.Storage;

/// <summary>Table Storage's own limits, checked before any adapter sees a write, so that the embedded store refuses what Azure would.</summary>
/// <remarks>Source: "Understanding the Table service data model" and "Performing entity group transactions".</remarks>
internal static class TableLimits
{
    public const int PropertyBytes = 64 << 10;
    public const int RowBytes = 1 << 20;
    public const int KeyBytes = 1 << 10;
    public const int Properties = 252;
    public const int BatchWrites = 100;
    public const int BatchBytes = 4 << 20;
    public const int PageRows = 1_000;

    /// <summary>Throws unless Table Storage would take this write.</summary>
    /// <exception cref="ArgumentException">Which limit, and by how much.</exception>
    public static void Check(Write write)
    {
        CheckKey(write.Key.Partition);
        CheckKey(write.Key.Row);
        if (write.Columns.Count > Properties) throw new ArgumentException($"{write.Columns.Count} columns; at most {Properties} fit in a row.");

        var bytes = 4 + 2 * (write.Key.Partition.Length + write.Key.Row.Length);
        foreach (var (name, value) in write.Columns)
        {
            if (name is "PartitionKey" or "RowKey" or "Timestamp" || !IsName(name)) throw new ArgumentException($"'{name}' is no column name.");
            var size = SizeOf(name, value);
            if (size > PropertyBytes) throw new ArgumentException($"Column {name} takes {size} bytes; at most {PropertyBytes} fit.");
            bytes += 8 + 2 * name.Length + size;
        }

        if (bytes > RowBytes) throw new ArgumentException($"The row takes {bytes} bytes; at most {RowBytes} fit.");
    }

    /// <summary>Throws unless Table Storage would take these writes as one transaction.</summary>
    public static void Check(IReadOnlyList<Write> writes)
    {
        if (writes.Count is 0 or > BatchWrites) throw new ArgumentException($"A batch holds 1 to {BatchWrites} writes, not {writes.Count}.");

        var bytes = 0;
        var rows = new HashSet<string>(StringComparer.Ordinal);
        foreach (var write in writes)
        {
            if (write.Key.Partition != writes[0].Key.Partition) throw new ArgumentException("A batch stays in one partition.");
            if (!rows.Add(write.Key.Row)) throw new ArgumentException($"Row {write.Key.Row} is in the batch twice.");
            Check(write);
            bytes += WireSizeOf(write);
        }

        if (bytes > BatchBytes) throw new ArgumentException($"The batch takes {bytes} bytes; at most {BatchBytes} fit.");
    }

    private static void CheckKey(string key)
    {
        if (key.Length * 2 > KeyBytes) throw new ArgumentException($"A key of {key.Length} characters; at most {KeyBytes / 2} fit.");
        foreach (var c in key)
        {
            if (c is '/' or '\\' or '#' or '?' or < ' ' or > '~') throw new ArgumentException($"'{key}' is no key: use KeyText.");
        }
    }

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 255 && (char.IsAsciiLetter(name[0]) || name[0] == '_') && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>What a write takes in a transaction's body, at least: headers and address, names, types, and values as JSON has them.</summary>
    private static int WireSizeOf(Write write) =>
        600 + 2 * (write.Key.Partition.Length + write.Key.Row.Length) + write.Columns.Sum(column => 40 + 2 * column.Key.Length + column.Value switch
        {
            string text => Encoding.UTF8.GetByteCount(text),
            byte[] bytes => (bytes.Length + 2) / 3 * 4,
            _ => 30,
        });

    private static int SizeOf(string name, object value) => value switch
    {
        string text => 4 + 2 * text.Length,
        byte[] bytes => 4 + bytes.Length,
        DateTimeOffset time when time.Year < 1601 => throw new ArgumentException($"Column {name} is before 1601, where Table Storage's time begins."),
        long or double or DateTimeOffset => 8,
        bool => 1,
        _ => throw new ArgumentException($"Column {name} is a {value.GetType().Name}; a row holds text, long, double, bool, time or bytes."),
    };
}

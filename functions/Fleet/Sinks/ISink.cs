using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Sinks;

/// <summary>A line on its way out.</summary>
/// <param name="Id">A digest of it and of its place: a target that knows ids stores what comes twice once.</param>
/// <param name="Name">The query; empty for a status line, and for a result that names none.</param>
/// <param name="Severity">Of a status line; null for a result.</param>
/// <param name="Json">The line in the sink's format.</param>
internal sealed record SinkRecord(string Id, DateTimeOffset Time, NodeId Node, string Host, string Name, int? Severity, byte[] Json)
{
    public bool IsStatus => Severity is not null;

    public string Kind => IsStatus ? "status" : "result";

    /// <summary>JSON lines.</summary>
    public static byte[] Lines(IEnumerable<SinkRecord> records)
    {
        using var lines = new MemoryStream();
        foreach (var record in records)
        {
            lines.Write(record.Json);
            lines.WriteByte((byte)'\n');
        }

        return lines.ToArray();
    }
}

/// <summary>Where lines go besides the tables. Does not loop or sleep: what was not taken is sent again.</summary>
internal interface ISink
{
    /// <summary>Sends lines, all or none as far as the target can: what it says of one holds for all.</summary>
    /// <returns>Rejected only for what is wrong with these lines: they are put aside, and the others go on.</returns>
    ValueTask<Delivery> SendAsync(IReadOnlyList<SinkRecord> records, CancellationToken ct);
}

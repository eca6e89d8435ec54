using System.Globalization;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>Gzipped JSON lines in append blobs, one for each kind, hour of the lines and instance. Gzip's members stand behind each other, which every reader takes for one file.</summary>
internal sealed class BlobSink(IBlobs blobs, string container) : ISink
{
    private const int MostAppend = 4 << 20;

    /// <summary>Two instances do not write to one blob, and a restart begins new ones: an append blob takes 50,000 appends.</summary>
    private readonly string _instance = Guid.NewGuid().ToString("N")[..8];

    public async ValueTask<Delivery> SendAsync(IReadOnlyList<SinkRecord> records, CancellationToken ct)
    {
        foreach (var hour in records.GroupBy(record => (record.Kind, Hour: record.Time.UtcDateTime.ToString("'date='yyyy-MM-dd'/hour='HH", CultureInfo.InvariantCulture))))
        {
            var packed = Compression.Gzip(SinkRecord.Lines(hour));
            if (packed.Length > MostAppend) return new Delivery.Rejected("A line that is larger than 4 MB, packed, does not fit in an append blob.", IsAboutContent: true);
            await blobs.AppendAsync(new(container, $"{(hour.Key.Kind == "status" ? "status" : "results")}/{hour.Key.Hour}/{_instance}.ndjson.gz"), packed, ct);
        }

        return Delivery.Ok;
    }
}

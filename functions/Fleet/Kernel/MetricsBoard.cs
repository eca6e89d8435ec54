using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Fleet.Kernel;

/// <summary>One count or measurement, as it stands.</summary>
/// <param name="Tags">Name and value, in the order in which they were given.</param>
/// <param name="Total">Since the start: of a count its sum, of a measurement how many there were.</param>
/// <param name="LastHour">The same in the last sixty minutes.</param>
/// <param name="Mean">Of measurements, since the start.</param>
/// <param name="Most">Of measurements, since the start.</param>
internal sealed record Metric(string Name, string Unit, string Description, IReadOnlyList<KeyValuePair<string, string>> Tags, long Total, long LastHour, double? Mean, double? Most);

/// <summary>What this instance has told of itself since its start, for people who have no other place to look. Some hundred bytes a series; sixty minutes are kept apart.</summary>
internal sealed class MetricsBoard : IDisposable
{
    private const int Minutes = 60;

    /// <summary>Series beyond are not kept: names of alerters, sinks and tables are few.</summary>
    private const int MostSeries = 2_000;

    private readonly ConcurrentDictionary<(Instrument Instrument, string Tags), Cell> _cells = new();
    private readonly MeterListener _listener = new();
    private readonly TimeProvider _clock;

    public MetricsBoard(TimeProvider clock)
    {
        _clock = clock;
        StartedAt = clock.GetUtcNow();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.Name) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => CellOf(instrument, tags)?.Add(value, null, Minute));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => CellOf(instrument, tags)?.Add(1, value, Minute));
        _listener.Start();
    }

    public DateTimeOffset StartedAt { get; }

    /// <summary>Everything, by name.</summary>
    public IReadOnlyList<Metric> Read() =>
    [
        .. _cells.OrderBy(cell => cell.Key.Instrument.Name, StringComparer.Ordinal).ThenBy(cell => cell.Key.Tags, StringComparer.Ordinal)
            .Select(cell => cell.Value.Read(cell.Key.Instrument, cell.Key.Tags, Minute)),
    ];

    public void Dispose() => _listener.Dispose();

    private long Minute => _clock.GetUtcNow().ToUnixTimeSeconds() / 60;

    private Cell? CellOf(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = tags.Length switch
        {
            0 => "",
            1 => $"{tags[0].Key}\n{tags[0].Value}",
            _ => Join(tags),
        };
        if (_cells.TryGetValue((instrument, text), out var cell)) return cell;
        return _cells.Count < MostSeries ? _cells.GetOrAdd((instrument, text), _ => new()) : null;
    }

    private static string Join(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var parts = new string[tags.Length];
        for (var i = 0; i < tags.Length; i++) parts[i] = $"{tags[i].Key}\n{tags[i].Value}";
        return string.Join('\n', parts);
    }

    private sealed class Cell
    {
        private readonly Lock _turn = new();
        private readonly long[] _minutes = new long[Minutes];
        private readonly long[] _counts = new long[Minutes];
        private long _total;
        private double _sum;
        private double _most;

        public void Add(long count, double? value, long minute)
        {
            lock (_turn)
            {
                var place = minute % Minutes;
                if (_minutes[place] != minute) (_minutes[place], _counts[place]) = (minute, 0);
                _counts[place] += count;
                _total += count;
                if (value is not { } measured) return;
                _sum += measured;
                _most = Math.Max(_most, measured);
            }
        }

        public Metric Read(Instrument instrument, string tags, long minute)
        {
            lock (_turn)
            {
                var lastHour = 0L;
                for (var i = 0; i < Minutes; i++) lastHour += _minutes[i] > minute - Minutes ? _counts[i] : 0;
                var isMeasured = instrument is Histogram<double>;
                return new(
                    instrument.Name, instrument.Unit ?? "", instrument.Description ?? "",
                    tags.Length == 0 ? [] : [.. tags.Split('\n').Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1]))],
                    _total, lastHour, isMeasured ? _sum / Math.Max(1, _total) : null, isMeasured ? _most : null);
            }
        }
    }
}

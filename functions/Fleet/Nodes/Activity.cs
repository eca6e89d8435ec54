using System.Globalization;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Nodes;

internal enum ActivityKind
{
    Enrollments,
    CheckIns,
    ResultLines,
    StatusLines,
    Answers,
    Alerts,
}

/// <summary>What one hour saw, by <see cref="ActivityKind"/>.</summary>
internal sealed record ActivityHour(DateTimeOffset Hour, IReadOnlyList<long> Counts);

/// <summary>Counts what goes on, by the hour: in memory, and a row an instance and hour, written when it changed. A crash loses at most
/// <see cref="Limits.SeenFlush"/> of it. Table: <see cref="Schema.Activity"/>.</summary>
internal sealed class Activity(ITables tables, TimeProvider clock)
{
    private static readonly string[] s_kinds = Enum.GetNames<ActivityKind>();

    private readonly string _instance = Guid.NewGuid().ToString("N")[..12];
    private readonly Lock _turn = new();
    private Tally _now = new(default);
    private Tally? _before;

    public void Note(ActivityKind kind, long count = 1)
    {
        var hour = TimeKey.Hour(clock.GetUtcNow());
        var tally = _now;
        if (tally.Hour != hour) tally = Turn(hour);
        Interlocked.Add(ref tally.Counts[(int)kind], count);
        tally.IsDirty = true;
    }

    /// <summary>Writes what changed since the last flush: at most two rows.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        foreach (var tally in new[] { _before, _now })
        {
            if (tally is not { IsDirty: true }) continue;
            tally.IsDirty = false;
            var columns = new Columns();
            for (var i = 0; i < s_kinds.Length; i++) columns[s_kinds[i]] = Volatile.Read(ref tally.Counts[i]);
            try
            {
                await tables[Schema.Activity(tally.Hour)].WriteAsync(Write.Replace(new(DayOf(tally.Hour), $"{tally.Hour:HH}-{_instance}"), columns), ct);
            }
            catch
            {
                tally.IsDirty = true;
                throw;
            }
        }
    }

    /// <summary>The last hours, the oldest first, this one included. Cost: one transaction a day.</summary>
    public async ValueTask<IReadOnlyList<ActivityHour>> HoursAsync(int hours, CancellationToken ct)
    {
        var last = TimeKey.Hour(clock.GetUtcNow());
        var first = last.AddHours(1 - hours);
        var counts = Enumerable.Range(0, hours).ToDictionary(i => first.AddHours(i), _ => new long[s_kinds.Length]);
        for (var day = new DateTimeOffset(first.UtcDateTime.Date, TimeSpan.Zero); day <= last; day = day.AddDays(1))
        {
            await foreach (var row in tables[Schema.Activity(day)].ScanAsync(KeyRange.Partition(DayOf(day)), ct))
            {
                var hour = day.AddHours(int.Parse(row.Key.Row.AsSpan(0, 2), CultureInfo.InvariantCulture));

                // Of these two hours this instance has newer counts in memory.
                if (row.Key.Row.EndsWith(_instance, StringComparison.Ordinal) && (hour == _now.Hour || hour == _before?.Hour)) continue;
                for (var i = 0; i < s_kinds.Length && counts.ContainsKey(hour); i++) counts[hour][i] += row.Columns.Number(s_kinds[i]) ?? 0;
            }
        }

        foreach (var tally in new[] { _before, _now })
        {
            for (var i = 0; i < s_kinds.Length && tally is not null && counts.ContainsKey(tally.Hour); i++) counts[tally.Hour][i] += Volatile.Read(ref tally.Counts[i]);
        }

        return [.. counts.OrderBy(hour => hour.Key).Select(hour => new ActivityHour(hour.Key, hour.Value))];
    }

    private Tally Turn(DateTimeOffset hour)
    {
        lock (_turn)
        {
            // A clock that was set back counts on where it was.
            if (hour <= _now.Hour) return _now;
            _before = _now.Hour == default ? null : _now;
            return _now = new(hour);
        }
    }

    private static string DayOf(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    private sealed class Tally(DateTimeOffset hour)
    {
        public DateTimeOffset Hour { get; } = hour;

        public long[] Counts { get; } = new long[s_kinds.Length];

        public volatile bool IsDirty;
    }
}

using System.Collections.Concurrent;

namespace Fleet.Swarm;

/// <summary>Counts of one kind of request.</summary>
internal sealed class CallMeter
{
    /// <summary>Buckets a tenth wide: bucket n holds what took up to 0.1 ms × 1.1^n.</summary>
    private readonly long[] _buckets = new long[160];
    private long _count;
    private long _errors;
    private long _empty;

    public long Count => Volatile.Read(ref _count);

    public long Errors => Volatile.Read(ref _errors);

    /// <summary>Answers without a body, which agents take for success.</summary>
    public long Empty => Volatile.Read(ref _empty);

    public void Add(TimeSpan took, bool isError, bool isEmpty)
    {
        Interlocked.Increment(ref _count);
        if (isError) Interlocked.Increment(ref _errors);
        if (isEmpty) Interlocked.Increment(ref _empty);
        var bucket = (int)Math.Ceiling(Math.Log(Math.Max(took.TotalMilliseconds / 0.1, 1), 1.1));
        Interlocked.Increment(ref _buckets[Math.Min(bucket, _buckets.Length - 1)]);
    }

    /// <summary>Milliseconds under which this share of the requests stayed, to a tenth.</summary>
    public double Quantile(double share)
    {
        var left = (long)Math.Ceiling(Count * share);
        for (var i = 0; i < _buckets.Length; i++)
        {
            left -= Volatile.Read(ref _buckets[i]);
            if (left <= 0) return 0.1 * Math.Pow(1.1, i);
        }

        return 0;
    }
}

/// <summary>How long something took, added up.</summary>
internal sealed class SpanMeter
{
    private long _count;
    private long _ticks;

    public TimeSpan Mean => Volatile.Read(ref _count) is > 0 and var count ? TimeSpan.FromTicks(Volatile.Read(ref _ticks) / count) : TimeSpan.Zero;

    public void Add(TimeSpan span)
    {
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _ticks, span.Ticks);
    }
}

/// <summary>What a swarm did.</summary>
internal sealed class SwarmMeter
{
    private readonly ConcurrentDictionary<string, CallMeter> _calls = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _errors = new(StringComparer.Ordinal);
    private readonly SpanMeter _waits = new();
    private readonly SpanMeter _late = new();
    private long _enrolled;
    private long _linesWritten;
    private long _linesSent;
    private long _linesAcknowledged;
    private long _linesLost;
    private long _linesPurged;

    public IReadOnlyDictionary<string, CallMeter> Calls => _calls;

    /// <summary>How often each error was met.</summary>
    public IReadOnlyDictionary<string, long> Errors => _errors;

    /// <summary>Agents that were given a key.</summary>
    public long Enrolled => Volatile.Read(ref _enrolled);

    /// <summary>Lines that agents logged.</summary>
    public long LinesWritten => Volatile.Read(ref _linesWritten);

    /// <summary>Lines in posts, repeats included.</summary>
    public long LinesSent => Volatile.Read(ref _linesSent);

    /// <summary>Lines that the server answered for.</summary>
    public long LinesAcknowledged => Volatile.Read(ref _linesAcknowledged);

    /// <summary>Lines in posts whose answer was empty: agents delete them, though no server said that it has them.</summary>
    public long LinesLost => Volatile.Read(ref _linesLost);

    /// <summary>Lines that agents dropped, since more of them waited than a buffer holds.</summary>
    public long LinesPurged => Volatile.Read(ref _linesPurged);

    /// <summary>How long a request waited for a connection.</summary>
    public TimeSpan Wait => _waits.Mean;

    /// <summary>How much later than planned an agent acted, because this machine was busy.</summary>
    public TimeSpan Late => _late.Mean;

    public void Count(string call, TimeSpan took, Verdict verdict)
    {
        _calls.GetOrAdd(call, _ => new()).Add(took, !verdict.IsOk, verdict.IsEmpty);
        if (verdict.Error is { } error) _errors.AddOrUpdate(error.Length > 100 ? error[..100] : error, 1, (_, count) => count + 1);
    }

    public void CountEnrolled() => Interlocked.Increment(ref _enrolled);

    public void CountLines(int sent, Verdict verdict)
    {
        Interlocked.Add(ref _linesSent, sent);
        if (verdict.IsEmpty) Interlocked.Add(ref _linesLost, sent);
        else if (verdict.IsOk) Interlocked.Add(ref _linesAcknowledged, sent);
    }

    public void CountWritten() => Interlocked.Increment(ref _linesWritten);

    public void CountPurged(long lines) => Interlocked.Add(ref _linesPurged, lines);

    public void CountWait(TimeSpan wait) => _waits.Add(wait);

    public void CountLate(TimeSpan late) => _late.Add(late);
}

using System.Collections.Concurrent;

namespace Fleet.Swarm;

/// <summary>Counts of one kind of request.</summary>
internal sealed class CallMeter
{
    /// <summary>Buckets a tenth wide: bucket n holds what took up to 0.1 ms × 1.1^n.</summary>
    private readonly long[] _buckets = new long[160];
    private long _count;
    private long _errors;

    public long Count => Volatile.Read(ref _count);

    public long Errors => Volatile.Read(ref _errors);

    public void Add(TimeSpan took, bool isError)
    {
        Interlocked.Increment(ref _count);
        if (isError) Interlocked.Increment(ref _errors);
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

/// <summary>What a swarm did.</summary>
internal sealed class SwarmMeter
{
    private readonly ConcurrentDictionary<string, CallMeter> _calls = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _errors = new(StringComparer.Ordinal);
    private long _linesSent;
    private long _linesAcknowledged;

    public IReadOnlyDictionary<string, CallMeter> Calls => _calls;

    /// <summary>How often each error was met.</summary>
    public IReadOnlyDictionary<string, long> Errors => _errors;

    /// <summary>Lines in posts, repeats included.</summary>
    public long LinesSent => Volatile.Read(ref _linesSent);

    /// <summary>Lines that the server answered for.</summary>
    public long LinesAcknowledged => Volatile.Read(ref _linesAcknowledged);

    public void Count(string call, TimeSpan took, string? error)
    {
        _calls.GetOrAdd(call, _ => new()).Add(took, error is not null);
        if (error is not null) _errors.AddOrUpdate(error.Length > 100 ? error[..100] : error, 1, (_, count) => count + 1);
    }

    public void CountLines(int sent, int acknowledged)
    {
        Interlocked.Add(ref _linesSent, sent);
        Interlocked.Add(ref _linesAcknowledged, acknowledged);
    }
}

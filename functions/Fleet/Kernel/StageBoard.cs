using System.Collections.Concurrent;

namespace Fleet.Kernel;

/// <summary>Whether each stage of the road that data takes moves, on this instance: a stage that finishes nothing while there is work for it stands still, whatever its reason.</summary>
internal sealed class StageBoard(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, DateTimeOffset> _waitingSince = new(StringComparer.Ordinal);

    /// <summary>There is work for the stage.</summary>
    public void Came(string stage) => _waitingSince.TryAdd(stage, clock.GetUtcNow());

    /// <summary>The stage finished something, or has nothing to do.</summary>
    public void Moved(string stage) => _waitingSince.TryRemove(stage, out _);

    /// <summary>Stages that have had work for longer than this and finished nothing.</summary>
    public IReadOnlyList<(string Stage, TimeSpan For)> Standing(TimeSpan longer) =>
        [.. _waitingSince.Select(one => (one.Key, For: clock.GetUtcNow() - one.Value)).Where(one => one.For > longer).OrderBy(one => one.Key, StringComparer.Ordinal)];
}

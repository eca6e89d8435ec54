using System.Collections.Concurrent;

namespace Fleet.Kernel;

/// <summary>What became of a chore on this instance.</summary>
/// <param name="Fault">Why it failed last; null if it did not.</param>
internal sealed record ChoreRun(string Name, DateTimeOffset At, TimeSpan Took, string? Fault);

/// <summary>How chores are doing on this instance.</summary>
internal sealed class ChoreBoard(TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, ChoreRun> _runs = new(StringComparer.Ordinal);

    public IReadOnlyCollection<ChoreRun> Runs => [.. _runs.Values.OrderBy(run => run.Name, StringComparer.Ordinal)];

    public void Note(string name, TimeSpan took, Exception? fault) => _runs[name] = new(name, clock.GetUtcNow(), took, fault?.Message);
}

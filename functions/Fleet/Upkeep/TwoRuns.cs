using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>What time ends or throws away is thrown away when two runs, half an hour apart, agree on it: a machine that starts with a wrong clock gets time to set it.</summary>
internal sealed class TwoRuns(UpkeepMemory memory, TimeProvider clock)
{
    /// <summary>What is remembered has to fit in a column; the rest comes later.</summary>
    private const int Most = 500;

    private static readonly TimeSpan s_apart = TimeSpan.FromMinutes(30);

    /// <summary>Of what this run found, that which the run before found as well. Runs that follow each other closely, such as two instances', are one.</summary>
    /// <param name="name">Of the chore.</param>
    /// <param name="found">Names without commas.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask<IReadOnlySet<string>> AgreeAsync(string name, IReadOnlyCollection<string> found, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var before = await memory.FindAsync(name, ct);
        var known = before.Text("TooOld")?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (found.Count == 0 && known.Length == 0) return new HashSet<string>();
        if (before.Time("At") is { } at && (now - at).Duration() < s_apart) return new HashSet<string>();
        await memory.WriteAsync(name, new Columns { ["At"] = now, ["TooOld"] = string.Join(',', found.Take(Most)) }, ct);
        return found.Intersect(known).ToHashSet(StringComparer.Ordinal);
    }
}

using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>When a node counts as silent: <c>Fleet__Nodes__NAME</c>.</summary>
/// <param name="After">Not heard of for so long.</param>
/// <param name="Every">Told again after so long, while it lasts.</param>
internal sealed record SilenceSettings(TimeSpan After, TimeSpan Every)
{
    /// <summary>How often to look: four times within <see cref="After"/>, at least every five minutes.</summary>
    public TimeSpan Look => TimeSpan.FromSeconds(Math.Clamp(After.TotalSeconds / 4, 1, 300));
}

/// <summary>Raises <c>fleet/node_silent</c>. What is told, and when, follows from the last check-in, so instances tell the same thing once.</summary>
internal sealed class SilentNodes(NodeStore nodes, LastSeen seen, BuiltInResults results, ChangeFeed changes, UpkeepMemory memory, SilenceSettings settings, TimeProvider clock)
{
    private const string Name = "silent-nodes";
    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_late = TimeSpan.FromMinutes(2);

    public async ValueTask RunAsync(CancellationToken ct)
    {
        // No agent may be there whose request looks.
        await changes.LookAsync(ct);

        // While nobody looked nobody could be heard: machines get time to come back first.
        var now = clock.GetUtcNow();
        var before = await memory.FindAsync(Name, ct);
        var lookedAt = before.Time("LookedAt");
        var wasUp = lookedAt <= now && now - lookedAt < settings.Look + (settings.After < s_pause ? settings.After : s_pause);
        var upSince = wasUp ? before.Time("UpSince") ?? now : now;
        var isReady = now - upSince >= (settings.After < s_grace ? settings.After : s_grace);
        if (isReady) await LookAsync(wasUp ? before.Time("ToldUpTo") : null, now, ct);
        var after = new Columns { ["LookedAt"] = now, ["UpSince"] = upSince };
        await memory.WriteAsync(Name, isReady ? after.With("ToldUpTo", now) : after, ct);
    }

    private async ValueTask LookAsync(DateTimeOffset? toldUpTo, DateTimeOffset now, CancellationToken ct)
    {
        string? after = null;
        do
        {
            var page = await nodes.PageAsync(1_000, after, ct);
            after = page.After;
            if (page.Items.Count == 0) continue;
            var times = await seen.BetweenAsync(page.Items[0].Id, page.Items[^1].Id, ct);
            foreach (var node in page.Items.Where(node => node.Active && node.EnrolledAt is not null)) await LookAsync(node, times.GetValueOrDefault(node.Id), toldUpTo, now, ct);
        }
        while (after is not null);
    }

    private async ValueTask LookAsync(Node node, Seen? seen, DateTimeOffset? toldUpTo, DateTimeOffset now, CancellationToken ct)
    {
        var last = seen?.At ?? node.EnrolledAt!.Value;
        var late = now - last - settings.After;
        if (late < TimeSpan.Zero) return;

        var at = last + settings.After + (settings.Every * Math.Floor(late / settings.Every));

        // Check-ins are flushed a little late, so what was due shortly before the last look may not have been told then.
        if (at < toldUpTo - s_late) return;
        await results.RaiseSilentAsync(node, at, seen ?? new(null, null, null), ct);
    }
}

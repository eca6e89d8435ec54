using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

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
internal sealed class SilentNodes(NodeStore nodes, LastSeen seen, BuiltInResults results, SilenceSettings settings, TimeProvider clock)
{
    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(10);

    private readonly DateTimeOffset _startedAt = clock.GetUtcNow();
    private readonly ConcurrentDictionary<NodeId, DateTimeOffset> _told = new();

    public async ValueTask RunAsync(CancellationToken ct)
    {
        // While this server was down nobody could be heard: machines get time to come back first.
        var now = clock.GetUtcNow();
        if (now - _startedAt < (settings.After < s_grace ? settings.After : s_grace)) return;

        string? after = null;
        do
        {
            var page = await nodes.PageAsync(1_000, after, ct);
            after = page.After;
            if (page.Items.Count == 0) continue;
            var times = await seen.BetweenAsync(page.Items[0].Id, page.Items[^1].Id, ct);
            foreach (var node in page.Items.Where(node => node.Active && node.EnrolledAt is not null)) await LookAsync(node, times.GetValueOrDefault(node.Id), now, ct);
        }
        while (after is not null);
    }

    private async ValueTask LookAsync(Node node, Seen? seen, DateTimeOffset now, CancellationToken ct)
    {
        var last = seen?.At ?? node.EnrolledAt!.Value;
        var late = now - last - settings.After;
        if (late < TimeSpan.Zero) return;

        var at = last + settings.After + (settings.Every * Math.Floor(late / settings.Every));
        if (_told.TryGetValue(node.Id, out var told) && told >= at) return;
        await results.RaiseSilentAsync(node, at, seen ?? new(null, null, null), ct);
        _told[node.Id] = at;
    }
}

using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>When nodes that are not heard of any more are removed: <c>Fleet__Nodes__NAME</c>.</summary>
/// <param name="ExpireAfter">Not heard of for so long; null for never.</param>
/// <param name="ExpireAfterByTag">The same for nodes with a tag; of several that a node has the longest counts.</param>
internal sealed record NodeExpirySettings(TimeSpan? ExpireAfter, IReadOnlyDictionary<string, TimeSpan> ExpireAfterByTag)
{
    public bool IsOn => ExpireAfter is not null || ExpireAfterByTag.Count > 0;

    public TimeSpan? For(TagSet tags)
    {
        var own = tags.Tags.Where(ExpireAfterByTag.ContainsKey).Select(tag => ExpireAfterByTag[tag]).ToList();
        return own.Count > 0 ? own.Max() : ExpireAfter;
    }
}

/// <summary>Removes nodes that were not heard of for long, when <see cref="TwoRuns"/> agree: after a time without a server they get half an hour to come back. A machine that enrolls later is a node again.</summary>
internal sealed class NodeExpiry(NodeStore nodes, LastSeen seen, HistoryStore history, TwoRuns runs, NodeExpirySettings settings, TimeProvider clock, ILogger<NodeExpiry> log)
{
    public async ValueTask RunAsync(CancellationToken ct)
    {
        if (!settings.IsOn) return;
        var late = new List<string>();
        string? after = null;
        do
        {
            var page = await nodes.PageAsync(1_000, after, ct);
            after = page.After;
            if (page.Items.Count == 0) continue;
            var times = await seen.BetweenAsync(page.Items[0].Id, page.Items[^1].Id, ct);
            late.AddRange(page.Items.Where(node => IsLate(node, times.GetValueOrDefault(node.Id))).Select(node => node.Id.ToString()));
        }
        while (after is not null);
        foreach (var id in await runs.AgreeAsync("node-expiry", late, ct)) await ExpireAsync(id, ct);
    }

    /// <summary>One that a person deactivated stays: otherwise it could enroll anew. So does one that was made beforehand and never came.</summary>
    private bool IsLate(Node node, Seen? heard) =>
        node is { Active: true, EnrolledAt: { } enrolled } && settings.For(node.Tags) is { } span && clock.GetUtcNow() - (heard?.At > enrolled ? heard.At.Value : enrolled) > span;

    private async ValueTask ExpireAsync(string id, CancellationToken ct)
    {
        if (!Kernel.NodeId.TryParse(id, out var key) || await nodes.FindAsync(key, ct) is not { } node || !IsLate(node, await seen.FindAsync(key, ct))) return;
        log.LogInformation("Node {Node} ({Host}) was not heard of for {Span} and is removed", id, node.Name, settings.For(node.Tags));
        await history.AddAsync(Schema.Nodes.ToLowerInvariant(), id, by: "", "expired", before: null, new() { ["hostIdentifier"] = node.HostIdentifier, ["tags"] = string.Join(", ", node.Tags.Tags) }, ct);
        await nodes.RemoveAsync(key, ct);
    }
}

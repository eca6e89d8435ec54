using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Results;

/// <summary>Queries over which an agent was ended, and which it leaves alone for a day: kept with the node, and told to rules.</summary>
internal sealed class Denylistings(NodeStore nodes, BuiltInResults results, TimeProvider clock)
{
    /// <summary>Queries that a node remembers; more are told all the same.</summary>
    private const int MostPerNode = 20;

    /// <summary>Notes that a node denylisted a query. Safe to repeat.</summary>
    /// <param name="id">The node.</param>
    /// <param name="query">The name of a query of the schedule, or the SQL of a distributed one.</param>
    /// <param name="isDistributed">It was asked by a campaign.</param>
    /// <param name="at">When it said so.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask AddAsync(NodeId id, string query, bool isDistributed, DateTimeOffset at, CancellationToken ct)
    {
        // An agent whose clock runs ahead would have denylisted it for ever.
        var now = clock.GetUtcNow();
        at = at > now ? now : at;
        var node = await nodes.ChangeAsync(
            id, before => before.Denylisted.TryGetValue(query, out var known) && known >= at ? before : before with { Denylisted = With(before.Denylisted, query, at) }, ct);
        if (node is not null) await results.RaiseDenylistedAsync(node, query, isDistributed, at, ct);
    }

    private static Dictionary<string, DateTimeOffset> With(IReadOnlyDictionary<string, DateTimeOffset> denylisted, string query, DateTimeOffset at) =>
        denylisted.Where(one => one.Key != query).Append(KeyValuePair.Create(query, at)).OrderByDescending(one => one.Value).Take(MostPerNode).ToDictionary();
}

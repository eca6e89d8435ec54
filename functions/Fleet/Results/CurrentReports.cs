using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Results;

/// <summary>Says which reports are of what nodes are asked for now. A node that lost a query, by its tags, its platform, a deletion or new SQL, tells no more what is gone.</summary>
/// <param name="nodes">Knows tags and platforms.</param>
/// <param name="sqlFor">The SQL that a node with these tags and this platform runs under a name; null for none.</param>
internal sealed class CurrentReports(NodeDirectory nodes, Func<string, TagSet, string, string?> sqlFor)
{
    public async ValueTask<bool> IsAsync(string query, NodeId id, Report report, CancellationToken ct)
    {
        if (await nodes.FindAsync(id, ct) is not { } node || report.BeganAt < node.ReinstalledAt) return false;

        // A name that no configuration had is of a schedule that the agent has from elsewhere.
        return report.Sql is null || (SqlFor(query, node) is { } sql && Report.SqlOf(sql) == report.Sql);
    }

    /// <summary>The SQL that a node runs under a name; null if no configuration says so.</summary>
    public string? SqlFor(string query, KnownNode node) => sqlFor(query, node.Tags, node.Platform);
}

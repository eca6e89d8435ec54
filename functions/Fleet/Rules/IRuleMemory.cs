using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Rules;

/// <summary>What rules remember from one batch to the next: in the tables as lines come, in memory when they are judged once more.</summary>
internal interface IRuleMemory
{
    /// <summary>Whether a row is the first with a value; it is, from now on, if none was before.</summary>
    ValueTask<bool> IsFirstAsync(Rule rule, Condition condition, string value, string query, NodeId node, string row, CancellationToken ct);

    /// <summary>Remembers hits of a threshold rule, and gives those that were within its window around them: these and older ones, in no order.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="place">What it counts together.</param>
    /// <param name="batch">Where the hits come from.</param>
    /// <param name="hits">At least one.</param>
    /// <param name="ct">Stops before the write.</param>
    ValueTask<IReadOnlyList<Hit>> CountAsync(Rule rule, string place, string batch, IReadOnlyList<Hit> hits, CancellationToken ct);
}

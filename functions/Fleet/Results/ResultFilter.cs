using Fleet.Kernel;

namespace Fleet.Results;

internal enum ColumnOperator
{
    Equals,
    Contains,
    Begins,
}

/// <summary>What a column must hold. Text is compared as it is, upper and lower case apart.</summary>
/// <param name="Values">Any of these.</param>
internal sealed record ColumnTest(string Column, ColumnOperator Operator, IReadOnlyList<string> Values)
{
    public bool Holds(ResultRow row) => row.Column(Column) is { } actual && Values.Any(value => Operator switch
    {
        ColumnOperator.Contains => actual.Contains(value, StringComparison.Ordinal),
        ColumnOperator.Begins => actual.StartsWith(value, StringComparison.Ordinal),
        _ => actual == value,
    });
}

/// <summary>Which rows of which nodes. What is null does not matter.</summary>
/// <param name="Query">Of this query alone, as the agents name it.</param>
/// <param name="Nodes">Of these nodes alone.</param>
/// <param name="From">Not older, by the agent's clock.</param>
/// <param name="To">Not newer.</param>
/// <param name="Actions">Any of <c>added</c>, <c>removed</c>, <c>snapshot</c>, <c>triggered</c>; none for all.</param>
/// <param name="Columns">All of these hold.</param>
internal sealed record ResultFilter(
    string? Query, IReadOnlySet<NodeId>? Nodes, DateTimeOffset? From, DateTimeOffset? To, IReadOnlyList<string> Actions, IReadOnlyList<ColumnTest> Columns)
{
    public bool Wants(ResultRow row) =>
        (Query is null || row.Name == Query) && !(row.Time < From) && !(row.Time > To)
        && (Actions.Count == 0 || Actions.Contains(row.Action))
        && Columns.All(test => test.Holds(row));
}

/// <summary>Which status lines of which nodes.</summary>
/// <param name="Severity">At least: 0 info, 1 warning, 2 error, 3 fatal.</param>
/// <param name="Text">Within the message, in any case.</param>
internal sealed record StatusFilter(IReadOnlySet<NodeId>? Nodes, DateTimeOffset? From, DateTimeOffset? To, int Severity, string? Text)
{
    public bool Wants(StatusLine line) =>
        line.Severity >= Severity && !(line.Time < From) && !(line.Time > To) && (Text is null || line.Message.Contains(Text, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Something found, and the node that sent it.</summary>
internal sealed record Found<T>(NodeId NodeId, T Item);

using System.Globalization;
using Fleet.Results;

namespace Fleet.Rules;

internal enum RuleField
{
    QueryName,
    Action,
    HostIdentifier,
    Timestamp,
    Column,
}

/// <summary>One comparison. Conditions that say the same have the same <see cref="Text"/>, and are evaluated once per row.</summary>
/// <param name="Column">The column's name when <paramref name="Field"/> is <see cref="RuleField.Column"/>.</param>
internal sealed record Condition(RuleField Field, string Column, string OperatorName, Operator Operator, bool IsNegated, Operand Operand)
{
    /// <summary>What the condition says.</summary>
    public string Text { get; } = string.Join('\u0001', [Field.ToString(), Column, OperatorName, .. Operand.Texts]);

    public bool IsTrueFor(ResultRow row, string hostIdentifier)
    {
        if (Field == RuleField.Timestamp && Operand.Times.Count > 0) return CompareTimes(row.Time) != IsNegated;
        var actual = Field switch
        {
            RuleField.QueryName => row.Name,
            RuleField.Action => row.Action,
            RuleField.HostIdentifier => hostIdentifier,
            RuleField.Timestamp => row.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            RuleField.Column => row.Column(Column),
            _ => throw new InvalidOperationException($"{Field} is no field."),
        };
        var holds = actual is not null && Operator.Test(actual, Operand);
        if (!holds && Field == RuleField.QueryName && BuiltInResults.DoormansName(row.Name) is { } doormans) holds = Operator.Test(doormans, Operand);
        return holds != IsNegated;
    }

    private bool CompareTimes(DateTimeOffset time) => OperatorName switch
    {
        "equal" or "not_equal" or "in" or "not_in" => Operand.Times.Contains(time),
        "less" => time < Operand.Times[0],
        "less_or_equal" => time <= Operand.Times[0],
        "greater" => time > Operand.Times[0],
        "greater_or_equal" => time >= Operand.Times[0],
        "between" => time >= Operand.Times[0] && time <= Operand.Times[1],
        _ => throw new InvalidOperationException($"{OperatorName} compares no times."),
    };
}

/// <summary>A rule's tree: conditions, and groups of them.</summary>
internal abstract record RuleNode
{
    private RuleNode()
    {
    }

    public sealed record Leaf(Condition Condition) : RuleNode;

    public sealed record Group(bool IsAnd, bool IsNegated, IReadOnlyList<RuleNode> Children) : RuleNode;
}

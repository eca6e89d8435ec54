namespace Fleet.Rules;

internal enum RuleField
{
    QueryName,
    Action,
    HostIdentifier,
    Timestamp,
    Column,
    Tag,
    Platform,
    Decoration,
}

/// <summary>One comparison. Conditions that say the same have the same <see cref="Text"/>, and are evaluated once per row.</summary>
/// <param name="Name">The column's or decoration's name when <paramref name="Field"/> is <see cref="RuleField.Column"/> or <see cref="RuleField.Decoration"/>.</param>
internal sealed record Condition(RuleField Field, string Name, string OperatorName, Operator Operator, bool IsNegated, Operand Operand)
{
    /// <summary>What the condition says.</summary>
    public string Text { get; } = string.Join('\u0001', [Field.ToString(), Name, OperatorName, .. Operand.Texts]);

    /// <summary>It is asked of what was seen before.</summary>
    public bool AsksWhatWasSeen => Operator.Kind == OperandKind.Place;

    public bool CompareTimes(DateTimeOffset time) => IsNegated != OperatorName switch
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

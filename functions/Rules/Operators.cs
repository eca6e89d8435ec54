using System.Collections.Frozen;

namespace Fleet.Rules;

/// <summary>How many values an operator compares with.</summary>
internal enum OperandShape
{
    None,
    One,
    Two,
    Many,
}

/// <summary>A comparison, in its positive form.</summary>
/// <param name="Test">The row's value is not null here: on a missing or null one no positive test matches, and every negated one does.</param>
internal sealed record Operator(OperandShape Shape, Func<string, Operand, bool> Test, bool IsPattern = false);

/// <summary>The operators by name. <c>not_X</c> is the negation of <c>X</c>: see <see cref="TryFind"/>.</summary>
internal static class Operators
{
    private static readonly FrozenDictionary<string, Operator> s_byName = new Dictionary<string, Operator>
    {
        ["equal"] = new(OperandShape.One, static (a, e) => IsEqual(a, e, 0)),
        ["begins_with"] = new(OperandShape.One, static (a, e) => a.StartsWith(e.Text, StringComparison.Ordinal)),
        ["ends_with"] = new(OperandShape.One, static (a, e) => a.EndsWith(e.Text, StringComparison.Ordinal)),
        ["contains"] = new(OperandShape.One, static (a, e) => a.Contains(e.Text, StringComparison.Ordinal)),
        ["is_empty"] = new(OperandShape.None, static (a, _) => a.Length == 0),
        ["matches_regex"] = new(OperandShape.One, static (a, e) => e.Pattern!.IsMatch(a), IsPattern: true),
        ["in"] = new(OperandShape.Many, static (a, e) => IsIn(a, e)),
        ["less"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) < 0),
        ["less_or_equal"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) <= 0),
        ["greater"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) > 0),
        ["greater_or_equal"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) >= 0),
        ["between"] = new(OperandShape.Two, static (a, e) => Order(a, e, 0) >= 0 && Order(a, e, 1) <= 0),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Every name, negations included.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "equal", "not_equal", "begins_with", "not_begins_with", "ends_with", "not_ends_with", "contains", "not_contains", "is_empty", "is_not_empty",
        "matches_regex", "not_matches_regex", "less", "less_or_equal", "greater", "greater_or_equal", "in", "not_in", "between",
    ];

    public static bool TryFind(string name, out Operator op, out bool negated)
    {
        negated = name.StartsWith("not_", StringComparison.Ordinal) || name == "is_not_empty";
        op = s_byName["equal"];
        if (!Names.Contains(name)) return false;
        op = s_byName[name == "is_not_empty" ? "is_empty" : negated ? name["not_".Length..] : name];
        return true;
    }

    private static bool IsEqual(string actual, Operand expected, int i) => expected.Numbers[i] is { } number && Number.Parse(actual) is { } value
        ? value.CompareTo(number) == 0
        : string.Equals(actual, expected.Texts[i], StringComparison.Ordinal);

    private static bool IsIn(string actual, Operand expected)
    {
        for (var i = 0; i < expected.Texts.Count; i++)
        {
            if (IsEqual(actual, expected, i)) return true;
        }

        return false;
    }

    /// <summary>Number with number, text with text by ordinal; null, which no ordering matches, for one of each.</summary>
    private static int? Order(string actual, Operand expected, int i)
    {
        var number = Number.Parse(actual);
        if (number is null && expected.Numbers[i] is null) return string.CompareOrdinal(actual, expected.Texts[i]);
        return number is { } a && expected.Numbers[i] is { } b ? a.CompareTo(b) : null;
    }
}

using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace Fleet.Rules;

/// <summary>How many values an operator compares with.</summary>
internal enum OperandShape
{
    None,
    One,
    Two,
    Many,
}

/// <summary>What an operator's values are.</summary>
internal enum OperandKind
{
    Text,
    Pattern,
    Version,
    Network,

    /// <summary>Where a value must be new. Such an operator is asked of what was seen before, not of the line.</summary>
    Place,
}

/// <summary>Compares a row's value, UTF-8, with a rule's.</summary>
internal delegate bool Comparison(ReadOnlySpan<byte> actual, Operand expected);

/// <summary>A comparison, in its positive form.</summary>
/// <param name="Test">The row's value is not null here: on a missing or null one no positive test matches, and every negated one does.</param>
internal sealed record Operator(OperandShape Shape, Comparison Test, OperandKind Kind = OperandKind.Text);

/// <summary>The operators by name. <c>not_X</c> is the negation of <c>X</c>: see <see cref="TryFind"/>.</summary>
internal static class Operators
{
    public const string FirstSeen = "first_seen";
    public const string OnNode = "node";
    public const string InFleet = "fleet";

    private static readonly FrozenDictionary<string, Operator> s_byName = new Dictionary<string, Operator>
    {
        ["equal"] = new(OperandShape.One, static (a, e) => IsEqual(a, e, 0)),
        ["begins_with"] = new(OperandShape.One, static (a, e) => a.StartsWith(e.Bytes)),
        ["ends_with"] = new(OperandShape.One, static (a, e) => a.EndsWith(e.Bytes)),
        ["contains"] = new(OperandShape.One, static (a, e) => a.IndexOf(e.Bytes) >= 0),
        ["is_empty"] = new(OperandShape.None, static (a, _) => a.IsEmpty),
        ["matches_regex"] = new(OperandShape.One, static (a, e) => Matches(a, e), OperandKind.Pattern),
        ["in"] = new(OperandShape.Many, static (a, e) => IsIn(a, e)),
        ["less"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) < 0),
        ["less_or_equal"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) <= 0),
        ["greater"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) > 0),
        ["greater_or_equal"] = new(OperandShape.One, static (a, e) => Order(a, e, 0) >= 0),
        ["between"] = new(OperandShape.Two, static (a, e) => Order(a, e, 0) >= 0 && Order(a, e, 1) <= 0),
        ["version_less"] = new(OperandShape.One, static (a, e) => VersionOrder.Compare(a, e.Bytes) < 0, OperandKind.Version),
        ["version_greater"] = new(OperandShape.One, static (a, e) => VersionOrder.Compare(a, e.Bytes) > 0, OperandKind.Version),
        ["in_cidr"] = new(OperandShape.Many, static (a, e) => IsInNetwork(a, e), OperandKind.Network),
        [FirstSeen] = new(OperandShape.One, static (_, _) => throw new InvalidOperationException("What was seen before is not in the line."), OperandKind.Place),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Every name, negations included.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "equal", "not_equal", "begins_with", "not_begins_with", "ends_with", "not_ends_with", "contains", "not_contains", "is_empty", "is_not_empty",
        "matches_regex", "not_matches_regex", "less", "less_or_equal", "greater", "greater_or_equal", "in", "not_in", "between",
        "version_less", "version_greater", "in_cidr", "not_in_cidr", FirstSeen,
    ];

    public static bool TryFind(string name, out Operator op, out bool negated)
    {
        negated = name.StartsWith("not_", StringComparison.Ordinal) || name == "is_not_empty";
        op = s_byName["equal"];
        if (!Names.Contains(name)) return false;
        op = s_byName[name == "is_not_empty" ? "is_empty" : negated ? name["not_".Length..] : name];
        return true;
    }

    private static bool IsEqual(ReadOnlySpan<byte> actual, Operand expected, int i) => expected.Numbers[i] is { } number && Number.Parse(actual) is { } value
        ? value.CompareTo(number) == 0
        : actual.SequenceEqual(expected.Utf8[i]);

    private static bool IsIn(ReadOnlySpan<byte> actual, Operand expected)
    {
        for (var i = 0; i < expected.Utf8.Count; i++)
        {
            if (IsEqual(actual, expected, i)) return true;
        }

        return false;
    }

    private static bool IsInNetwork(ReadOnlySpan<byte> actual, Operand expected)
    {
        if (!Network.TryRead(actual, out var address)) return false;
        for (var i = 0; i < expected.Networks.Count; i++)
        {
            if (expected.Networks[i].Contains(address)) return true;
        }

        return false;
    }

    private static bool Matches(ReadOnlySpan<byte> actual, Operand expected)
    {
        char[]? rented = null;
        var characters = actual.Length <= 256 ? stackalloc char[256] : rented = ArrayPool<char>.Shared.Rent(actual.Length);
        var count = Encoding.UTF8.GetChars(actual, characters);
        var matches = expected.Pattern!.IsMatch(characters[..count]);
        if (rented is not null) ArrayPool<char>.Shared.Return(rented);
        return matches;
    }

    /// <summary>Number with number, text with text by code points; null, which no ordering matches, for one of each.</summary>
    private static int? Order(ReadOnlySpan<byte> actual, Operand expected, int i)
    {
        var number = Number.Parse(actual);
        if (number is null && expected.Numbers[i] is null) return actual.SequenceCompareTo(expected.Utf8[i]);
        return number is { } a && expected.Numbers[i] is { } b ? a.CompareTo(b) : null;
    }
}

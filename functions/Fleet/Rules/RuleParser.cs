using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Rules;

/// <summary>What is wrong with a rule, and where: <c>conditions.rules[1].operator</c>.</summary>
internal sealed record RuleFault(string Path, string Message);

/// <summary>Reads jQuery QueryBuilder's JSON, as Doorman stores it, into a tree; or says everything that is wrong with it.</summary>
internal sealed class RuleParser
{
    /// <summary>The fields by name.</summary>
    public static IReadOnlyList<(string Name, RuleField Field)> Fields { get; } =
    [
        ("query_name", RuleField.QueryName),
        ("action", RuleField.Action),
        ("host_identifier", RuleField.HostIdentifier),
        ("timestamp", RuleField.Timestamp),
        ("column", RuleField.Column),
        ("tag", RuleField.Tag),
        ("platform", RuleField.Platform),
        ("decoration", RuleField.Decoration),
    ];

    private static readonly Dictionary<string, RuleField> s_fields = Fields.ToDictionary(field => field.Name, field => field.Field, StringComparer.Ordinal);

    private static readonly HashSet<string> s_textOperators = new(StringComparer.Ordinal) { "begins_with", "ends_with", "contains", "matches_regex", "is_empty" };

    private readonly Limits _limits;
    private static readonly string[] s_counting = ["condition", "rules", "not", "field", "operator", "value"];
    private static readonly HashSet<string> s_members = [.. s_counting, "id", "type", "input", "data", "flags", "valid", "readonly"];

    private readonly List<RuleFault> _faults = [];
    private int _conditions;

    private RuleParser(Limits limits) => _limits = limits;

    /// <summary>The tree, or null with the faults.</summary>
    public static RuleNode? Parse(JsonElement conditions, Limits limits, out IReadOnlyList<RuleFault> faults)
    {
        var parser = new RuleParser(limits);
        var root = conditions.ValueKind == JsonValueKind.Object && IsGroup(conditions)
            ? parser.Group(conditions, "conditions", 1)
            : parser.Fault("conditions", "The root must be a group: an object with 'condition' and 'rules'.");
        if (parser._conditions > limits.RuleConditions) parser.Fault("conditions", $"{parser._conditions} conditions; at most {limits.RuleConditions} fit.");
        faults = parser._faults;
        return faults.Count == 0 ? root : null;
    }

    private static bool IsGroup(JsonElement node) => node.TryGetProperty("rules", out _) || node.TryGetProperty("condition", out _);

    /// <summary>QueryBuilder keeps members of its own; what is nearly one that counts is a slip.</summary>
    private void Slips(JsonElement node, string path)
    {
        foreach (var member in node.EnumerateObject())
        {
            if (!s_members.Contains(member.Name) && Nearest.To(member.Name, s_counting) is { } near) Fault($"{path}.{member.Name}", $"There is no member '{member.Name}'; did you mean '{near}'?");
        }
    }

    private RuleNode? Group(JsonElement group, string path, int depth)
    {
        Slips(group, path);
        if (depth > _limits.RuleDepth) return Fault(path, $"Groups are nested more than {_limits.RuleDepth} deep.");

        var isAnd = Text(group, "condition") == "AND";
        if (!isAnd && Text(group, "condition") != "OR") Fault($"{path}.condition", "A group's condition is \"AND\" or \"OR\", in capitals.");

        var negated = false;
        if (group.TryGetProperty("not", out var not))
        {
            negated = not.ValueKind == JsonValueKind.True;
            if (not.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null)) Fault($"{path}.not", "'not' is true or false.");
        }

        if (!group.TryGetProperty("rules", out var rules) || rules.ValueKind != JsonValueKind.Array || rules.GetArrayLength() == 0)
        {
            return Fault($"{path}.rules", "A group holds at least one condition or group.");
        }

        var children = new List<RuleNode>();
        var i = 0;
        foreach (var child in rules.EnumerateArray())
        {
            var at = $"{path}.rules[{i++}]";
            var node = child.ValueKind != JsonValueKind.Object ? Fault(at, "A condition or group is a JSON object.")
                : IsGroup(child) ? Group(child, at, depth + 1)
                : Leaf(child, at);
            if (node is not null) children.Add(node);
        }

        return new RuleNode.Group(isAnd, negated, children);
    }

    private RuleNode? Leaf(JsonElement leaf, string path)
    {
        _conditions++;
        Slips(leaf, path);
        var fieldName = Text(leaf, "field");
        if (fieldName is null || !s_fields.TryGetValue(fieldName, out var field))
        {
            return Fault($"{path}.field", $"There is no field '{fieldName}'{Hint(fieldName, s_fields.Keys)}");
        }

        var operatorName = Text(leaf, "operator") ?? "";
        var isNamed = field is RuleField.Column or RuleField.Decoration;
        foreach (var prefix in new[] { "column_", "decoration_" })
        {
            if (isNamed && operatorName.StartsWith(prefix, StringComparison.Ordinal)) operatorName = operatorName[prefix.Length..];
        }

        if (!Operators.TryFind(operatorName, out var op, out var negated))
        {
            return Fault($"{path}.operator", $"There is no operator '{operatorName}'{Hint(operatorName, Operators.Names)}");
        }

        leaf.TryGetProperty("value", out var value);
        if (op.Kind == OperandKind.Place && !isNamed) return Fault($"{path}.operator", $"'{operatorName}' is asked of a column or a decoration.");
        var column = "";
        if (isNamed)
        {
            // Doorman's [name, operand]; a bare text is the name, and for a comparison the operand as well.
            if (value.ValueKind == JsonValueKind.String) column = value.GetString()!;
            else if (value.ValueKind == JsonValueKind.Array && value.GetArrayLength() is 1 or 2 && value[0].ValueKind == JsonValueKind.String)
            {
                column = value[0].GetString()!;
                value = value.GetArrayLength() == 2 ? value[1] : default;
            }

            if (column == "") return Fault($"{path}.value", $"The condition of a {fieldName} has the value [\"NAME\", operand].");
        }

        return Operand(field, op, operatorName, value, path) is { } operand
            ? new RuleNode.Leaf(new(field, column, operatorName, op, negated, operand))
            : null;
    }

    private Operand? Operand(RuleField field, Operator op, string operatorName, JsonElement value, string path)
    {
        var texts = op.Shape switch
        {
            OperandShape.None => [],
            OperandShape.One => Scalar(value) is { } text ? (string[])[text] : null,
            OperandShape.Many when op.Kind == OperandKind.Network && Scalar(value) is { } text => [text],
            _ => value.ValueKind == JsonValueKind.Array ? Scalars(value) : null,
        };
        if (texts is null || (op.Shape == OperandShape.Two && texts.Length != 2) || (op.Shape == OperandShape.Many && texts.Length == 0))
        {
            Fault($"{path}.value", op.Shape switch
            {
                OperandShape.Two => $"'{operatorName}' compares with two values: [from, to].",
                OperandShape.Many => $"'{operatorName}' compares with a list of values, at least one.",
                _ => $"'{operatorName}' compares with one text, number or boolean.",
            });
            return null;
        }

        try
        {
            return op.Kind switch
            {
                OperandKind.Pattern => Rules.Operand.OfPattern(texts[0]),
                OperandKind.Version => Rules.Operand.OfVersion(texts[0]),
                OperandKind.Network => Rules.Operand.OfNetworks(texts),
                OperandKind.Place => Rules.Operand.OfPlace(texts[0]),
                _ => field == RuleField.Timestamp && op.Shape != OperandShape.None && !s_textOperators.Any(name => operatorName.EndsWith(name, StringComparison.Ordinal))
                    ? Rules.Operand.OfTimes(texts)
                    : Rules.Operand.Of(texts),
            };
        }
        catch (FormatException fault)
        {
            Fault($"{path}.value", fault.Message);
            return null;
        }
    }

    private static string[]? Scalars(JsonElement array)
    {
        var texts = array.EnumerateArray().Select(Scalar).ToArray();
        return texts.Contains(null) ? null : [.. texts.OfType<string>()];
    }

    private static string? Scalar(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
        _ => null,
    };

    private static string? Text(JsonElement node, string member) =>
        node.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string Hint(string? word, IEnumerable<string> known) =>
        word is not null && Nearest.To(word, known) is { } near ? $"; did you mean '{near}'?" : $". There are: {string.Join(", ", known)}.";

    private RuleNode? Fault(string path, string message)
    {
        _faults.Add(new(path, message));
        return null;
    }
}

using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>All enabled rules, compiled together: shared conditions are one, and a row meets only the rules that its query's name lets match.</summary>
internal sealed class RuleSet
{
    private readonly Condition[] _conditions;
    private readonly FrozenDictionary<string, Plan> _byName;
    private readonly FrozenDictionary<string, Plan>.AlternateLookup<ReadOnlySpan<char>> _byNameSpan;
    private readonly Compiled[] _all;
    private readonly Compiled[] _others;
    private readonly ConcurrentDictionary<string, Plan> _seen = new(StringComparer.Ordinal);

    public RuleSet(IEnumerable<(Rule Rule, RuleNode Root)> rules)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var conditions = new List<Condition>();
        var byName = new Dictionary<string, List<Compiled>>(StringComparer.Ordinal);
        var all = new List<Compiled>();
        var others = new List<Compiled>();
        foreach (var (rule, root) in rules)
        {
            var test = Compile(root);
            var compiled = new Compiled(rule, test, Asks(test));
            all.Add(compiled);
            if (NamesOf(root) is not { } names) others.Add(compiled);
            else
            {
                foreach (var name in names)
                {
                    if (!byName.TryGetValue(name, out var list)) byName[name] = list = [];
                    list.Add(compiled);
                }
            }
        }

        _conditions = [.. conditions];
        (_all, _others) = ([.. all], [.. others]);
        _byName = byName.ToFrozenDictionary(pair => pair.Key, pair => new Plan(pair.Key, [.. pair.Value], _conditions), StringComparer.Ordinal);
        _byNameSpan = _byName.GetAlternateLookup<ReadOnlySpan<char>>();

        bool Asks(Test test) => test.Condition >= 0 ? conditions[test.Condition].AsksWhatWasSeen : test.Children.Any(Asks);

        Test Compile(RuleNode node)
        {
            if (node is RuleNode.Group group) return new(-1, group.IsAnd, group.IsNegated, [.. group.Children.Select(Compile)]);
            var condition = ((RuleNode.Leaf)node).Condition;
            if (!places.TryGetValue(condition.Text, out var place))
            {
                places[condition.Text] = place = conditions.Count;
                conditions.Add(condition);
            }

            return new(place, false, false, []);
        }
    }

    /// <summary>By place.</summary>
    public IReadOnlyList<Condition> Conditions => _conditions;

    /// <summary>Whether a row of this query could match any rule: most batches need no evaluation at all.</summary>
    public bool Wants(string query) => PlanOf(query) is not null;

    /// <summary>The query names that rules name, or null if a rule names none and so may match any.</summary>
    public IReadOnlyCollection<string>? Names => _others.Length > 0 ? null : _byName.Keys;

    /// <summary>A judge for many rows, on one thread.</summary>
    public Judge NewJudge() => new(this);

    /// <summary>What is to be judged of rows of this query; null if no rule may match them.</summary>
    public Plan? PlanOf(ReadOnlySpan<char> query)
    {
        if (_others.Length > 0) return PlanOfAny(query);
        return _byNameSpan.TryGetValue(query, out var plan) ? plan : null;
    }

    /// <summary>All rules, whether the name lets them match or not.</summary>
    public Plan PlanOfAll(string query) => new(query, _all, _conditions);

    private Plan? PlanOfAny(ReadOnlySpan<char> query)
    {
        if (_seen.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(query, out var seen)) return seen.Rules.Length > 0 ? seen : null;
        var name = query.ToString();
        Compiled[] rules = [.. _byName.GetValueOrDefault(name)?.Rules ?? [], .. _others.Where(rule => CouldMatch(rule.Test, name) is not false)];
        var plan = new Plan(name, rules, _conditions);

        // Names come from agents: no more of them are remembered than a fleet has queries.
        if (_seen.Count < 10_000) _seen[name] = plan;
        return rules.Length > 0 ? plan : null;
    }

    /// <summary>The verdict if the query's name alone decides it, else null.</summary>
    private bool? CouldMatch(Test test, string name)
    {
        if (test.Condition >= 0) return _conditions[test.Condition] is { Field: RuleField.QueryName } condition ? Plan.IsTrueForName(condition, name) : null;

        bool? verdict = test.IsAnd;
        foreach (var child in test.Children)
        {
            var one = CouldMatch(child, name);
            if (one == !test.IsAnd) return !test.IsAnd != test.IsNegated;
            if (one is null) verdict = null;
        }

        return verdict is { } known ? known != test.IsNegated : null;
    }

    /// <summary>The only query names that can match, or null if the tree does not name them. Names that look like numbers equal others.</summary>
    private static HashSet<string>? NamesOf(RuleNode node)
    {
        if (node is RuleNode.Leaf { Condition: var condition })
        {
            return condition is { Field: RuleField.QueryName, OperatorName: "equal" or "in" } && condition.Operand.Numbers.All(number => number is null)
                ? [.. condition.Operand.Texts.Select(BuiltInResults.Canonical)]
                : null;
        }

        var group = (RuleNode.Group)node;
        if (group.IsNegated) return null;
        HashSet<string>? names = null;
        foreach (var child in group.Children)
        {
            var some = NamesOf(child);
            if (some is null && !group.IsAnd) return null;
            if (some is null) continue;
            if (names is null) names = some;
            else if (group.IsAnd) names.IntersectWith(some);
            else names.UnionWith(some);
        }

        return names;
    }
}

/// <summary>A rule with its tree.</summary>
/// <param name="AsksWhatWasSeen">A condition in it does.</param>
internal sealed record Compiled(Rule Rule, Test Test, bool AsksWhatWasSeen);

/// <summary>A node of a compiled tree: a condition's place, or -1 and a group.</summary>
internal sealed record Test(int Condition, bool IsAnd, bool IsNegated, Test[] Children);

/// <summary>What is to be judged of one query's rows: its rules, and the columns and decorations that they look at.</summary>
internal sealed class Plan
{
    private readonly Dictionary<int, bool> _ofName = [];

    public Plan(string name, Compiled[] rules, IReadOnlyList<Condition> conditions)
    {
        (Name, Rules) = (name, rules);
        var places = rules.SelectMany(rule => PlacesOf(rule.Test)).Distinct().ToList();
        Columns = Of(RuleField.Column);
        Decorations = Of(RuleField.Decoration);
        Learners = [.. rules.SelectMany(rule => PlacesOf(rule.Test).Distinct().Select(place => conditions[place]).Where(condition => condition.OperatorName == Operators.FirstSeen && condition.Operand.Text == Operators.OnNode).Select(condition => (rule.Rule, condition)))];
        ResolvesOnRemoved = rules.Any(rule => rule.Rule.ResolvesOnRemoved);
        foreach (var place in places.Where(place => conditions[place].Field == RuleField.QueryName)) _ofName[place] = IsTrueForName(conditions[place], name);

        Slot[] Of(RuleField field) =>
        [
            .. places.Where(place => conditions[place].Field == field).GroupBy(place => conditions[place].Name, StringComparer.Ordinal)
                .Select(group => new Slot(Encoding.UTF8.GetBytes(group.Key), [.. group])),
        ];
    }

    public string Name { get; }

    public Compiled[] Rules { get; }

    public Slot[] Columns { get; }

    public Slot[] Decorations { get; }

    public bool ResolvesOnRemoved { get; }

    /// <summary>Rules that ask what is new on a node, by condition: they have to know its first run of the query.</summary>
    public (Rule Rule, Condition Condition)[] Learners { get; }

    /// <summary>What a condition on the query's name says: the same for all its rows.</summary>
    public bool IsTrueOfName(int place) => _ofName[place];

    public static bool IsTrueForName(Condition condition, string name)
    {
        var holds = condition.Operator.Test(Encoding.UTF8.GetBytes(name), condition.Operand)
            || (BuiltInResults.DoormansName(name) is { } doormans && condition.Operator.Test(Encoding.UTF8.GetBytes(doormans), condition.Operand));
        return holds != condition.IsNegated;
    }

    private static IEnumerable<int> PlacesOf(Test test) => test.Condition >= 0 ? [test.Condition] : test.Children.SelectMany(PlacesOf);
}

/// <summary>A column or decoration that conditions look at.</summary>
/// <param name="Places">The conditions.</param>
internal sealed record Slot(byte[] Name, int[] Places);

using System.Collections.Concurrent;
using System.Collections.Frozen;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>All enabled rules, compiled together: shared conditions are one, and a row meets only the rules that its query's name lets match.</summary>
internal sealed class RuleSet
{
    private readonly Condition[] _conditions;
    private readonly FrozenDictionary<string, Compiled[]> _byName;
    private readonly Compiled[] _others;
    private readonly ConcurrentDictionary<string, Compiled[]> _seen = new(StringComparer.Ordinal);

    public RuleSet(IEnumerable<(Rule Rule, RuleNode Root)> rules)
    {
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        var conditions = new List<Condition>();
        var byName = new Dictionary<string, List<Compiled>>(StringComparer.Ordinal);
        var others = new List<Compiled>();
        foreach (var (rule, root) in rules)
        {
            var compiled = new Compiled(rule, Compile(root));
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
        _byName = byName.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal);
        _others = [.. others];

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

    /// <summary>Whether a row of this query could match any rule: most batches need no evaluation at all.</summary>
    public bool Wants(string query) => Candidates(query).Length > 0;

    /// <summary>A judge for many rows, on one thread.</summary>
    public Judge NewJudge() => new(this);

    /// <summary>The rules that may match rows of this query: those that name it, and those that do not rule it out.</summary>
    private Compiled[] Candidates(string query)
    {
        var named = _byName.GetValueOrDefault(query) ?? [];
        if (_others.Length == 0) return named;
        if (_seen.TryGetValue(query, out var seen)) return seen;

        var row = new ResultRow { Name = query, Action = "", Time = default, Columns = [] };
        Compiled[] candidates = [.. named, .. _others.Where(rule => CouldMatch(rule.Test, row) is not false)];

        // Names come from agents: no more of them are remembered than a fleet has queries.
        if (_seen.Count < 10_000) _seen[query] = candidates;
        return candidates;
    }

    /// <summary>The verdict if the query's name alone decides it, else null.</summary>
    private bool? CouldMatch(Test test, ResultRow row)
    {
        if (test.Condition >= 0)
        {
            var condition = _conditions[test.Condition];
            return condition.Field == RuleField.QueryName ? condition.IsTrueFor(row, "") : null;
        }

        bool? verdict = test.IsAnd;
        foreach (var child in test.Children)
        {
            var one = CouldMatch(child, row);
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

    internal sealed record Compiled(Rule Rule, Test Test);

    /// <summary>A node of a compiled tree: a condition's place, or -1 and a group.</summary>
    internal sealed record Test(int Condition, bool IsAnd, bool IsNegated, Test[] Children);

    /// <summary>Evaluates rows one after another, and remembers each condition's verdict while it is at a row.</summary>
    internal sealed class Judge(RuleSet set)
    {
        private readonly int[] _judgedAt = new int[set._conditions.Length];
        private readonly bool[] _verdicts = new bool[set._conditions.Length];
        private int _row;

        /// <summary>The rules that this row matches.</summary>
        public List<Rule> Matches(ResultRow row, string hostIdentifier)
        {
            var matches = new List<Rule>(0);
            _row++;
            foreach (var rule in set.Candidates(row.Name))
            {
                if (IsTrue(rule.Test, row, hostIdentifier)) matches.Add(rule.Rule);
            }

            return matches;
        }

        private bool IsTrue(Test test, ResultRow row, string host)
        {
            if (test.Condition >= 0)
            {
                var place = test.Condition;
                if (_judgedAt[place] != _row)
                {
                    _judgedAt[place] = _row;
                    _verdicts[place] = set._conditions[place].IsTrueFor(row, host);
                }

                return _verdicts[place];
            }

            foreach (var child in test.Children)
            {
                if (IsTrue(child, row, host) != test.IsAnd) return !test.IsAnd != test.IsNegated;
            }

            return test.IsAnd != test.IsNegated;
        }
    }
}

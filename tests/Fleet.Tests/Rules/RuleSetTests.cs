using System.Text.Json;
using Fleet.Kernel;
using Fleet.Results;
using Fleet.Rules;

namespace Fleet.Tests.Rules;

public sealed class RuleSetTests
{
    [Theory]
    [InlineData("""{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"a"}]}""", "a", "b")]
    [InlineData("""{"condition":"AND","rules":[{"field":"query_name","operator":"in","value":["a","c"]},{"field":"action","operator":"equal","value":"x"}]}""", "a c", "b")]
    [InlineData("""{"condition":"OR","rules":[{"field":"query_name","operator":"equal","value":"a"},{"field":"query_name","operator":"begins_with","value":"c"}]}""", "a cc", "b")]
    [InlineData("""{"condition":"AND","not":true,"rules":[{"field":"query_name","operator":"equal","value":"a"}]}""", "b", "a")]
    [InlineData("""{"condition":"OR","rules":[{"field":"query_name","operator":"equal","value":"a"},{"field":"action","operator":"equal","value":"x"}]}""", "a b", "")]
    [InlineData("""{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"1"}]}""", "1 1.0", "2")]
    public void Only_lines_whose_name_lets_them_match_reach_a_rule(string conditions, string wanted, string unwanted)
    {
        var set = new RuleSet([Compiled("r", conditions)]);
        foreach (var name in wanted.Split(' ', StringSplitOptions.RemoveEmptyEntries)) Assert.True(set.Wants(name), name);
        foreach (var name in unwanted.Split(' ', StringSplitOptions.RemoveEmptyEntries)) Assert.False(set.Wants(name), name);
    }

    [Fact]
    public void Rules_of_one_set_do_not_disturb_each_other()
    {
        var random = new Random(7);
        var rules = Enumerable.Range(0, 60).Select(i => Compiled("r" + i, Tree(random, 3))).ToList();
        var together = new RuleSet(rules).NewJudge();
        for (var i = 0; i < 500; i++)
        {
            var row = new ResultRow
            {
                Name = "q" + random.Next(3),
                Action = random.Next(2) == 0 ? "added" : "removed",
                Time = DateTimeOffset.UnixEpoch,
                Columns = [new("a", new(random.Next(4).ToString(System.Globalization.CultureInfo.InvariantCulture), false))],
            };
            var alone = rules.Where(rule => new RuleSet([rule]).NewJudge().Matches(row, "h").Count == 1).Select(rule => rule.Rule.Id);
            Assert.Equal(alone.Order(), together.Matches(row, "h").Select(rule => rule.Id).Order());
        }
    }

    [Fact]
    public void Ten_thousand_rules_of_other_queries_are_not_looked_at()
    {
        var set = new RuleSet(Enumerable.Range(0, 10_000).Select(i =>
            Compiled("r" + i, $$"""{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q{{i}}"}]}""")));
        var row = new ResultRow { Name = "q5", Action = "added", Time = default, Columns = [] };
        var judge = set.NewJudge();
        judge.Matches(row, "h");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++) Assert.Single(judge.Matches(row, "h"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000 * 600);
    }

    internal static Rule Rule(string id) => new(id, id, "", "{}", [], "high", true, default, default);

    internal static (Rule Rule, RuleNode Root) Compiled(string id, string conditions)
    {
        using var json = JsonDocument.Parse(conditions);
        var root = RuleParser.Parse(json.RootElement, Limits.Default, out var faults);
        Assert.Empty(faults);
        return (Rule(id), root!);
    }

    private static string Tree(Random random, int depth)
    {
        var children = Enumerable.Range(0, 1 + random.Next(3)).Select(_ => depth > 0 && random.Next(2) == 0 ? Tree(random, depth - 1) : random.Next(4) switch
        {
            0 => $$"""{"field":"query_name","operator":"equal","value":"q{{random.Next(3)}}"}""",
            1 => $$"""{"field":"query_name","operator":"not_equal","value":"q{{random.Next(3)}}"}""",
            2 => """{"field":"action","operator":"equal","value":"added"}""",
            _ => $$"""{"field":"column","operator":"column_less","value":["a","{{random.Next(4)}}"]}""",
        });
        return $$"""{"condition":"{{(random.Next(2) == 0 ? "AND" : "OR")}}","not":{{(random.Next(3) == 0 ? "true" : "false")}},"rules":[{{string.Join(',', children)}}]}""";
    }
}

using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
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
            var line = Line("q" + random.Next(3), random.Next(2) == 0 ? "added" : "removed", $$"""{"a":"{{random.Next(4)}}"}""");
            var alone = rules.Where(rule => new RuleSet([rule]).NewJudge().Matches(line, default, s_node).Count == 1).Select(rule => rule.Rule.Id);
            Assert.Equal(alone.Order(), together.Matches(line, default, s_node).Select(match => match.Rule.Id).Order());
        }
    }

    /// <summary>A snapshot may have tens of thousands of rows, and a line is as long as all of them.</summary>
    [Fact]
    public void What_rows_of_a_line_have_in_common_is_read_once()
    {
        var judge = new RuleSet([Compiled("r", """{"condition":"AND","rules":[{"field":"decoration","operator":"equal","value":["site","Berlin"]}]}""")]).NewJudge();
        var lines = """
            [{"name":"q","action":"snapshot","site":"Berlin","snapshot":[{"a":"1"},{"a":"2"}]},
             {"name":"q","action":"snapshot","site":"Rome","snapshot":[{"a":"3"}]},
             {"name":"q","action":"snapshot","snapshot":[{"a":"4"}],"site":"Berlin"}]
            """u8.ToArray();
        var matches = judge.Matches(lines, default, s_node);
        Assert.Equal(["1", "2", "4"], matches.Select(match => match.Row.Column("a")));
        Assert.Same(matches[0].Row.Decorations, matches[1].Row.Decorations);
        Assert.NotSame(matches[0].Row.Decorations, matches[2].Row.Decorations);
        var rows = Fleet.Results.LineReader.Read(lines, default);
        Assert.Same(rows[0].Whole, rows[1].Whole);
    }

    [Fact]
    public void A_line_that_matches_nothing_costs_no_allocation_whatever_rules_there_are_of_other_queries()
    {
        var set = new RuleSet(Enumerable.Range(0, 10_000).Select(i => Compiled("r" + i, $$"""
            {"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q{{i}}"},{"field":"tag","operator":"not_equal","value":"quiet"},
              {"condition":"OR","rules":[{"field":"column","operator":"column_matches_regex","value":["path","/tmp/.*"]},{"field":"column","operator":"column_greater","value":["size","1000"]},
                {"field":"column","operator":"column_version_less","value":["version","1.2.3"]},{"field":"column","operator":"column_in_cidr","value":["address",["10.0.0.0/8"]]},
                {"field":"decoration","operator":"equal","value":["user","root"]},{"field":"column","operator":"column_contains","value":["text","x"]}]}]}
            """)));
        var lines = Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Range(0, 100).Select(i => $$"""
            {"name":"q{{i}}","hostIdentifier":"h","unixTime":"1700000000","decorations":{"user":"ada"},"columns":{"path":"/usr/bin/ls","size":"17","version":"1.2.4","address":"192.0.2.1","text":"a\nb"},"action":"added"}
            """))}]");
        var judge = set.NewJudge();
        Assert.Empty(judge.Matches(lines, default, s_node));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Assert.Same(judge.Matches(lines, default, s_node), judge.Matches(lines, default, s_node));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static readonly NodeFacts s_node = new(default, "h", "linux", TagSet.Of(["web", "prod"]));

    private static byte[] Line(string name, string action, string columns) => Encoding.UTF8.GetBytes($$"""[{"name":"{{name}}","action":"{{action}}","columns":{{columns}}}]""");

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

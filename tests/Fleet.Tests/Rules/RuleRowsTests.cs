using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;
using Fleet.Tests.Support;

namespace Fleet.Tests.Rules;

/// <summary>Rows of (rule, line, expected): the suite's own, and Doorman's where they stand beside the repository.</summary>
public sealed class RuleRowsTests
{
    public static TheoryData<string, string> Rows()
    {
        var rows = new TheoryData<string, string>();
        foreach (var file in SharedData.Files("rule-rows.json", "rules/rule-rows.json"))
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            foreach (var row in json.RootElement.EnumerateArray()) rows.Add(row.GetProperty("id").GetString()!, row.GetRawText());
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_rule_gives_the_expected_verdict(string id, string row)
    {
        using var json = JsonDocument.Parse(row);
        Assert.Equal(json.RootElement.GetProperty("expect").GetString(), Verdict(json.RootElement.GetProperty("rule"), json.RootElement.GetProperty("log")));
        Assert.NotEmpty(id);
    }

    private static string Verdict(JsonElement rule, JsonElement log)
    {
        if (RuleParser.Parse(rule, Limits.Default, out var faults) is not { } root)
        {
            Assert.All(faults, fault => Assert.StartsWith("conditions", fault.Path, StringComparison.Ordinal));
            return "refused";
        }

        var name = log.GetProperty("name").GetString()!;
        var line = JsonSerializer.SerializeToUtf8Bytes(new[] { new { name, action = log.GetProperty("action").GetString(), columns = log.GetProperty("columns") } });
        var set = new RuleSet([(RuleSetTests.Rule("r"), root)]);
        var node = new NodeFacts(default, log.GetProperty("host_identifier").GetString()!, "", TagSet.None);
        var matches = set.NewJudge().Matches(line, log.GetProperty("timestamp").GetDateTimeOffset(), node).Count > 0;
        if (matches) Assert.True(set.Wants(name), "a line of this query must reach the rule");
        return matches ? "match" : "no";
    }
}

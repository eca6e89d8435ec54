using System.Text.Json.Nodes;
using Fleet.Swarm;

namespace Fleet.Tests.Swarm;

public sealed class QueryRunsTests
{
    private readonly QueryRuns _runs = new();

    [Fact]
    public void Equal_rows_are_as_many_as_there_are()
    {
        Next("a", "a", "a");
        var run = Next("a", "b");
        Assert.Equal((1, 2, 1), (run.Added.Count, run.Removed.Count, run.Counter));
    }

    [Fact]
    public void The_counter_moves_with_changes_alone()
    {
        Assert.Equal([0, 0, 1, 1, 2], [Next("a").Counter, Next("a").Counter, Next("b").Counter, Next("b").Counter, Next().Counter]);
    }

    [Fact]
    public void Another_epoch_says_all_rows_anew()
    {
        Next("a");
        var run = _runs.Next("q", "select", epoch: 2, Rows("a", "b"));
        Assert.Equal((2, 0, 0, true), (run.Added.Count, run.Removed.Count, run.Counter, run.IsFirst));
    }

    [Fact]
    public void Another_SQL_begins_to_count_anew_and_says_what_changed()
    {
        Next("a");
        Next("b");
        var run = _runs.Next("q", "select distinct", epoch: 0, Rows("b", "c"));
        Assert.Equal((1, 0, 0, false), (run.Added.Count, run.Removed.Count, run.Counter, run.IsFirst));
    }

    private RunDifference Next(params string[] values) => _runs.Next("q", "select", epoch: 0, Rows(values));

    private static IEnumerable<JsonObject> Rows(params string[] values) => values.Select(value => new JsonObject { ["z"] = value, ["a"] = "1" });
}

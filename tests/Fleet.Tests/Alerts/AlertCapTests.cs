using Fleet.Tests.Support;

namespace Fleet.Tests.Alerts;

/// <summary>A node that floods raises a number of alerts that somebody may read, and one that counts the rest.</summary>
public sealed class AlertCapTests
{
    private const string Rule = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"q"}]}""";

    [Fact]
    public async Task Past_the_cap_of_a_minute_one_alert_counts_the_rest()
    {
        await using var world = await World.OpenAsync(("Limits:AlertsPerMinute", "5"));
        var (loud, quiet) = (await world.EnrollAsync("loud"), await world.EnrollAsync("quiet"));
        await world.AddRuleAsync("flood", Rule, "log");
        await world.AddRuleAsync("other", Rule, "log");
        foreach (var batch in new[] { 0, 100 }) await world.LogAsync(loud, Lines(batch, 30));
        await world.LogAsync(quiet, Lines(500, 2));
        await world.PumpAsync();

        var alerts = await world.AlertsAsync();
        foreach (var rule in new[] { "flood", "other" })
        {
            Assert.Equal(2, alerts.Count(alert => alert.RuleName == rule && alert.Host == "quiet"));
            Assert.Equal(5, alerts.Count(alert => alert.Title == rule && alert.Host == "loud"));
            var summary = Assert.Single(alerts, alert => alert.RuleName == rule && alert.Title != rule);
            Assert.Equal(("loud", 55L), (summary.Host, summary.Count));
        }

        // The next minute is a new one.
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.LogAsync(loud, Lines(1_000, 3));
        await world.PumpAsync();
        Assert.Equal(8, (await world.AlertsAsync()).Count(alert => alert.Title == "flood" && alert.Host == "loud"));
    }

    [Fact]
    public async Task A_batch_that_is_judged_twice_raises_what_it_raised_before()
    {
        await using var world = await World.OpenAsync(("Limits:AlertsPerMinute", "5"));
        var key = await world.EnrollAsync("loud");
        await world.AddRuleAsync("flood", Rule, "log");
        await world.LogAsync(key, Lines(0, 30));
        await world.PumpAsync();
        var before = (await world.AlertsAsync()).Select(alert => (alert.Id, alert.Count)).Order().ToList();
        await world.LogAsync(key, Lines(0, 30));
        await world.PumpAsync();
        Assert.Equal(before, (await world.AlertsAsync()).Select(alert => (alert.Id, alert.Count)).Order());
    }

    private static string Lines(int from, int count) =>
        $"[{string.Join(',', Enumerable.Range(from, count).Select(i => $$$"""{"name":"q","columns":{"i":"{{{i}}}"},"action":"added","unixTime":1772452800}"""))}]";
}

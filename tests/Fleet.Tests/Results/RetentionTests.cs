using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Results;

public sealed class RetentionTests
{
    [Fact]
    public async Task Whole_weeks_are_dropped_once_their_end_is_older_than_the_retention()
    {
        await using var world = await World.OpenAsync(("Logs:Retention", "30d"));
        var key = await world.EnrollAsync("A");
        for (var week = 0; week < 8; week++)
        {
            await world.LogAsync(key, """[{"name":"q","columns":{"a":"1"},"action":"added"}]""");
            await world.LogAsync(key, """[{"message":"m","severity":1}]""", "status");
            await world.MaterializeAsync();
            world.Clock.Advance(TimeSpan.FromDays(7));
            await world.Get<Retention>().RunAsync(default);
            world.Clock.Advance(TimeSpan.FromHours(1));
            await world.Get<Retention>().RunAsync(default);
        }

        foreach (var prefix in new[] { "Results", "StatusLogs", "ResultIndex" }) Assert.InRange((await world.Tables.ListAsync(prefix, default)).Count, 4, 6);
    }
}

using Fleet.Queries;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Queries;

public sealed class CampaignScheduleTests
{
    [Fact]
    public async Task It_is_asked_at_its_times_and_each_run_is_a_campaign()
    {
        await using var world = await OpenAsync();
        var schedule = await AddAsync(world, "0 6 * * *");
        await LookAsync(world);
        Assert.Empty(await RunsAsync(world));

        world.Clock.Set(At("2026-03-03T06:00:20Z"));
        await LookAsync(world);
        await LookAsync(world);
        var run = Assert.Single(await RunsAsync(world));
        Assert.Equal(("select 1", schedule.Id, 1L, At("2026-03-03T18:00:20Z")), (run.Sql, run.ScheduleId, run.Targeted, run.ExpiresAt));
        Assert.Equal(run.Id, world.Get<CampaignSchedules>().Table.Find(schedule.Id)!.Item.LastCampaignId);

        world.Clock.Set(At("2026-03-04T06:00:00Z"));
        await LookAsync(world);
        Assert.Equal(2, (await RunsAsync(world)).Count);
    }

    [Fact]
    public async Task Of_the_runs_that_were_missed_the_last_one_is_caught_up()
    {
        await using var world = await OpenAsync();
        await AddAsync(world, "0 6 * * *");
        world.Clock.Set(At("2026-03-09T12:00:00Z"));
        await LookAsync(world);
        await LookAsync(world);
        Assert.Single(await RunsAsync(world));
    }

    [Theory]
    [InlineData("2026-03-28T06:30:00Z", false)] // Winter time: 07:30 in Berlin.
    [InlineData("2026-03-29T06:30:00Z", true)] // The first day of summer time: 08:30.
    public async Task The_time_zone_counts(string now, bool isDue)
    {
        await using var world = await OpenAsync();
        world.Clock.Set(At("2026-03-27T12:00:00Z"));
        var schedule = await AddAsync(world, "0 8 * * *", "Europe/Berlin");
        Assert.Equal(isDue, schedule.DueAt(At(now)) == At("2026-03-29T06:00:00Z"));
    }

    [Fact]
    public async Task Two_instances_start_a_run_once()
    {
        await using var world = await OpenAsync();
        await AddAsync(world, "0 6 * * *");
        await using var second = await world.OpenSecondAsync();
        world.Clock.Set(At("2026-03-03T06:00:00Z"));
        await Task.WhenAll(world.Get<CampaignSchedules>().StartDueAsync(default).AsTask(), second.Get<CampaignSchedules>().StartDueAsync(default).AsTask());
        Assert.Single(await RunsAsync(world));
    }

    [Fact]
    public async Task A_run_over_which_the_process_died_is_started_later()
    {
        await using var world = await OpenAsync();
        var schedule = await AddAsync(world, "0 6 * * *");
        world.Clock.Set(At("2026-03-03T06:00:00Z"));
        await world.Get<CampaignSchedules>().Table.PutAsync(schedule.Id, schedule with { LastRun = world.Clock.Now, StartingSince = world.Clock.Now }, null, default);
        await LookAsync(world);
        Assert.Empty(await RunsAsync(world));
        world.Clock.Advance(TimeSpan.FromMinutes(6));
        await LookAsync(world);
        Assert.Equal(schedule.RunId(At("2026-03-03T06:00:00Z")), Assert.Single(await RunsAsync(world)).Id);
    }

    [Fact]
    public async Task A_run_that_was_answered_is_not_started_again()
    {
        await using var world = await OpenAsync();
        var key = await world.EnrollAsync("A");
        var schedule = await AddAsync(world, "0 6 * * *");
        world.Clock.Set(At("2026-03-03T06:00:00Z"));
        await LookAsync(world);
        var run = Assert.Single(await RunsAsync(world));
        await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""");
        await world.PostAsync("distributed/write", $$$"""{"node_key":"{{{key}}}","queries":{"{{{run.Id}}}":[{"a":"1"}]}}""");

        // It died before it could note that the run was started.
        await world.Get<CampaignSchedules>().Table.PutAsync(schedule.Id, schedule with { LastRun = world.Clock.Now, StartingSince = world.Clock.Now }, null, default);
        world.Clock.Advance(TimeSpan.FromMinutes(6));
        await LookAsync(world);
        Assert.Equal(1, (await world.Get<AnswerStore>().CountAsync(run.Id, default)).Done);
    }

    [Fact]
    public async Task A_clock_that_ran_ahead_does_not_stop_it_for_ever()
    {
        await using var world = await OpenAsync();
        await AddAsync(world, "0 6 * * *");
        world.Clock.Set(At("2027-03-03T06:00:00Z"));
        await LookAsync(world);
        world.Clock.Set(At("2026-03-03T05:00:00Z"));
        await LookAsync(world);
        world.Clock.Set(At("2026-03-03T06:00:00Z"));
        await LookAsync(world);
        Assert.Equal(2, (await RunsAsync(world)).Count);
    }

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture);

    private static async Task<World> OpenAsync()
    {
        var world = await World.OpenAsync();
        world.Clock.Set(At("2026-03-02T12:00:00Z"));
        await world.EnrollAsync("A");
        return world;
    }

    private static async Task<CampaignSchedule> AddAsync(World world, string cron, string zone = "UTC")
    {
        var schedule = new CampaignSchedule("s", "Daily", "select 1", World.Everyone, cron, zone, TimeSpan.FromHours(12), "", IncludesLater: false, Enabled: true, world.Clock.Now, "test", From: world.Clock.Now);
        await world.Get<CampaignSchedules>().Table.PutAsync("s", schedule, null, default);
        await world.Get<ChangeFeed>().LookAsync(default);
        return schedule;
    }

    private static async Task LookAsync(World world)
    {
        await world.Get<ChangeFeed>().LookAsync(default);
        await world.Get<CampaignSchedules>().StartDueAsync(default);
    }

    private static async Task<IReadOnlyList<Campaign>> RunsAsync(World world)
    {
        await world.Get<ChangeFeed>().LookAsync(default);
        return await world.Get<CampaignStore>().ListAsync(default);
    }
}

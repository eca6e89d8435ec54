using Fleet.Alerts;
using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Alerts;

public sealed class AlertLifeTests
{
    private const string Watch = """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"watch-me"},{"field":"action","operator":"equal","value":"added"}]}""";

    [Fact]
    public async Task Rows_of_one_group_are_one_alert_with_a_count_and_one_message()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new(["user"], TimeSpan.FromHours(1)) }, "log");
        await world.LogAsync(key, Lines(("ada", 1), ("ada", 2), ("bob", 3)));
        await world.PumpAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(59));
        await world.LogAsync(key, Lines(("ada", 4)));
        await world.PumpAsync();

        Assert.Equal([1, 3], (await world.AlertsAsync()).Select(alert => alert.Count).Order());
        Assert.Equal(2, world.AlertLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);

        world.Clock.Advance(TimeSpan.FromMinutes(2));
        await world.LogAsync(key, Lines(("ada", 5)));
        await world.PumpAsync();
        Assert.Equal([1, 1, 3], (await world.AlertsAsync()).Select(alert => alert.Count).Order());
    }

    [Fact]
    public async Task Rows_that_come_again_are_not_counted_again()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromHours(1)) });
        await world.LogAsync(key, Lines(("ada", 1), ("bob", 2)));
        await world.PumpAsync();

        // The agent had no answer, and sends the lines once more with what came since.
        await world.LogAsync(key, Lines(("ada", 1), ("bob", 2), ("eve", 3)));
        await world.PumpAsync();
        Assert.Equal(3, Assert.Single(await world.AlertsAsync()).Count);
    }

    [Fact]
    public async Task A_resolved_alert_is_opened_again_by_a_row_within_its_window_and_alerters_are_told()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromHours(1)) }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        var alert = Assert.Single(await world.AlertsAsync());
        await world.Get<AlertLife>().ResolveAsync((await PlaceAsync(world, alert))!.Value, "ada", "done", default);
        await world.PumpAsync();
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await world.LogAsync(key, Lines(("ada", 2)));
        await world.PumpAsync();

        alert = Assert.Single(await world.AlertsAsync());
        Assert.Equal((AlertState.Open, 2, "orR"), (alert.State, alert.Count, alert.Events));
        Assert.Equal(["opened", "resolved", "reopened"], Events(world));
        Assert.Equal(["reopened", "resolved"], (await world.Get<AlertHistory>().ReadAsync(alert, default)).Select(step => step.Action));
    }

    [Fact]
    public async Task A_row_that_is_removed_again_resolves_the_alert_that_it_raised_and_only_that()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1), ("bob", 2)));
        await world.PumpAsync();
        await world.LogAsync(key, """[{"name":"watch-me","action":"removed","unixTime":1700000100,"columns":{"n":"1","user":"ada"}}]""");
        await world.PumpAsync();

        var states = (await world.AlertsAsync()).ToDictionary(alert => alert.Line.Contains("ada", StringComparison.Ordinal), alert => alert.State);
        Assert.Equal((AlertState.Resolved, AlertState.Open), (states[true], states[false]));
        Assert.Equal(["opened", "opened", "resolved"], Events(world));

        // And a new one when it comes back.
        await world.LogAsync(key, """[{"name":"watch-me","action":"added","unixTime":1700000200,"columns":{"user":"ada","n":"1"}}]""");
        await world.PumpAsync();
        Assert.Equal(3, (await world.AlertsAsync()).Count);
    }

    [Fact]
    public async Task An_alert_stays_open_while_equal_rows_are_there_and_a_first_run_counts_anew()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { ResolvesOnRemoved = true }, "log");

        // Three processes that are alike; their run is cut in two posts.
        await LogAsync(100, 0, "added", 2);
        await LogAsync(100, 0, "added", 1, "other");
        await LogAsync(200, 1, "removed", 2);
        Assert.Equal(AlertState.Open, (await world.AlertsAsync()).Single(alert => !alert.Line.Contains("other", StringComparison.Ordinal)).State);
        await LogAsync(250, 2, "added", 1);

        // The agent begins anew, and one is left.
        await LogAsync(300, 0, "added", 1);
        await LogAsync(400, 1, "removed", 1);
        Assert.Equal(AlertState.Resolved, (await world.AlertsAsync()).Single(alert => !alert.Line.Contains("other", StringComparison.Ordinal)).State);

        async Task LogAsync(int second, int counter, string action, int count, string user = "ada")
        {
            var line = $$$"""{"name":"watch-me","action":"{{{action}}}","counter":{{{counter}}},"unixTime":{{{1700000000 + second}}},"columns":{"n":"1","user":"USER"}}""";
            await world.LogAsync(key, $"[{string.Join(',', Enumerable.Repeat(line.Replace("USER", "ada", StringComparison.Ordinal), count).Concat(user == "ada" ? [] : [line.Replace("USER", user, StringComparison.Ordinal)]))}]");
            await world.PumpAsync();
        }
    }

    [Fact]
    public async Task An_alert_of_several_rows_is_over_with_the_last_of_them()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromHours(1)), ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1), ("bob", 2)));
        await world.PumpAsync();
        await world.LogAsync(key, Removed(("ada", 1)));
        await world.PumpAsync();
        Assert.Equal(AlertState.Open, Assert.Single(await world.AlertsAsync()).State);
        await world.LogAsync(key, Removed(("bob", 2)));
        await world.PumpAsync();
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);
        Assert.Equal(["opened", "resolved"], Events(world));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_that_changes_is_still_there(bool isRemovedFirst)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new(["user"], TimeSpan.FromHours(1)), ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        var (removed, added) = (Removed(("ada", 1)).Trim('[', ']'), Lines(("ada", 2)).Trim('[', ']'));
        await world.LogAsync(key, isRemovedFirst ? $"[{removed},{added}]" : $"[{added},{removed}]");
        await world.PumpAsync();
        Assert.Equal((AlertState.Open, 2), (Assert.Single(await world.AlertsAsync()).State, Assert.Single(await world.AlertsAsync()).Count));
        Assert.Equal(["opened"], Events(world));
    }

    [Fact]
    public async Task That_a_row_went_before_it_came_back_does_not_end_the_alert_however_late_it_is_told()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.LogAsync(key, Removed(("ada", 1)));
        await world.PumpAsync();
        await world.LogAsync(key, Lines(("ada", 1)).Replace("1700000001", "1700000300", StringComparison.Ordinal));
        await world.PumpAsync();
        await world.LogAsync(key, Removed(("ada", 1)));
        await world.PumpAsync();
        Assert.Equal([AlertState.Open, AlertState.Resolved], (await world.AlertsAsync()).Select(alert => alert.State).Order());
    }

    [Fact]
    public async Task A_row_is_over_however_late_it_is_removed_and_in_whatever_order_its_batches_are_judged()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromHours(1)), ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        world.Clock.Advance(TimeSpan.FromDays(3));
        await world.Get<TendAlerts>().ForgetAsync(default);
        await world.LogAsync(key, Removed(("ada", 1)));
        await world.PumpAsync();
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);
        Assert.Equal(["opened", "resolved"], Events(world));

        // As if an earlier try of the first had failed.
        await world.LogAsync(key, Removed(("eve", 3)));
        await world.PumpAsync();
        await world.LogAsync(key, Lines(("eve", 3)));
        await world.PumpAsync();
        Assert.Equal([AlertState.Resolved, AlertState.Resolved], (await world.AlertsAsync()).Select(alert => alert.State));
        Assert.Equal(["opened", "resolved", "opened", "resolved"], Events(world));
    }

    [Fact]
    public async Task An_earlier_alert_of_the_group_is_over_when_its_own_rows_are_gone()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromHours(1)), ResolvesOnRemoved = true }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        world.Clock.Advance(TimeSpan.FromHours(2));
        await world.LogAsync(key, Lines(("bob", 2)));
        await world.PumpAsync();
        await world.LogAsync(key, Removed(("ada", 1)));
        await world.PumpAsync();
        Assert.Equal([(false, AlertState.Open), (true, AlertState.Resolved)], (await world.AlertsAsync()).Select(alert => (alert.Line.Contains("ada", StringComparison.Ordinal), alert.State)).Order());
    }

    [Fact]
    public async Task An_alert_that_nothing_is_added_to_is_resolved_by_time()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromDays(1)), ResolvesAfter = TimeSpan.FromHours(1) }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromMinutes(50));
        await world.LogAsync(key, Lines(("ada", 2)));
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromMinutes(50));
        Assert.Equal(AlertState.Open, Assert.Single(await world.AlertsAsync()).State);

        await LaterAsync(world, TimeSpan.FromMinutes(11));
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);
        Assert.Equal(["opened", "resolved"], Events(world));
    }

    [Fact]
    public async Task Others_are_told_of_an_alert_that_nobody_acknowledges_and_not_of_one_that_somebody_does()
    {
        await using var world = await World.OpenAsync();
        await LogToAsync(world, "boss");
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Escalation = new(TimeSpan.FromMinutes(30), ["boss"]) }, "log");
        await world.LogAsync(key, Lines(("ada", 1), ("bob", 2)));
        await world.PumpAsync();
        var bob = (await world.AlertsAsync()).Single(alert => alert.Line.Contains("bob", StringComparison.Ordinal));
        await world.Get<AlertLife>().AcknowledgeAsync((await PlaceAsync(world, bob))!.Value, "ada", "", default);

        await LaterAsync(world, TimeSpan.FromMinutes(29));
        Assert.False(File.Exists(FileOf(world, "boss")));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        var told = Assert.Single(await File.ReadAllLinesAsync(FileOf(world, "boss")));
        Assert.Contains("ada", told, StringComparison.Ordinal);
        Assert.Contains("\"event\":\"escalated\"", told, StringComparison.Ordinal);
        Assert.Equal(["acknowledged", "opened", "opened"], Events(world).Order(StringComparer.Ordinal).Where(what => what != "escalated"));
    }

    [Fact]
    public async Task A_snoozed_alert_is_told_of_when_the_time_is_over_and_it_is_still_open()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromDays(1)) }, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        var place = (await PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", world.Clock.Now.AddHours(2), "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(119));
        Assert.Equal(["opened"], Events(world));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        Assert.Equal(["opened", "reminded"], Events(world));
    }

    [Fact]
    public async Task During_maintenance_nobody_is_told_and_afterwards_only_of_what_is_still_open()
    {
        await using var world = await World.OpenAsync();
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2"), await world.EnrollAsync("H3") };
        await world.TagAsync("H1", "db");
        await world.TagAsync("H2", "db");
        await world.AddRuleAsync("r", Watch, "log");
        await world.Get<Mutes>().Table.PutAsync("m", new("m", "the database moves", TagSet.Of(["db"]), [], world.Clock.Now, world.Clock.Now.AddHours(1), "ada", world.Clock.Now), null, default);
        foreach (var key in keys) await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        Assert.Equal("H3", Assert.Single(Hosts(world)));
        Assert.Equal(["delivered", "quiet", "quiet"], (await world.AlertsAsync()).Select(alert => Assert.Single(alert.Deliveries).State).Order(StringComparer.Ordinal));

        var over = (await world.AlertsAsync()).Single(alert => alert.Host == "H2");
        await world.Get<AlertLife>().ResolveAsync((await PlaceAsync(world, over))!.Value, "ada", "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(61));
        Assert.Equal(["H3", "H1"], Hosts(world));
        Assert.Equal(["delivered", "delivered", "skipped"], (await world.AlertsAsync()).Select(alert => Assert.Single(alert.Deliveries).State).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Maintenance_that_is_prolonged_or_ended_early_is_respected()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "log");
        var first = new Mute("m", "one", TagSet.None, [], world.Clock.Now, world.Clock.Now.AddHours(1), "ada", world.Clock.Now);
        var second = first with { Id = "n", From = first.To.AddMinutes(-5), To = first.To.AddHours(1) };
        await world.Get<Mutes>().Table.PutAsync("m", first, null, default);
        await world.Get<Mutes>().Table.PutAsync("n", second, null, default);
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromMinutes(61));
        Assert.False(File.Exists(FileOf(world, "alerts")));

        await world.Get<Mutes>().Table.RemoveAsync("n", null, default);
        await world.Get<AlertLife>().UnmuteAsync(second, default);
        await LaterAsync(world, TimeSpan.FromSeconds(1));
        Assert.Equal(["opened"], Events(world));
    }

    [Fact]
    public async Task An_alert_that_was_muted_by_somebody_who_did_not_know_that_the_mute_is_gone_is_told_soon()
    {
        await using var world = await World.OpenAsync();
        await world.AddRuleAsync("r", Watch, "log");
        await world.Get<Mutes>().Table.PutAsync("m", new("m", "one", TagSet.None, [], world.Clock.Now, world.Clock.Now.AddDays(7), "ada", world.Clock.Now), null, default);
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(("ada", 1)));
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromMinutes(5));
        Assert.False(File.Exists(FileOf(world, "alerts")));

        await world.Get<Mutes>().Table.RemoveAsync("m", null, default);
        await LaterAsync(world, TimeSpan.FromMinutes(5));
        Assert.Equal(["opened"], Events(world));
    }

    [Fact]
    public async Task A_step_whose_process_died_before_anyone_was_told_is_finished()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.AddRuleAsync("r", Watch, "log");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        var alert = Assert.Single(await world.AlertsAsync());
        var place = (await PlaceAsync(world, alert))!.Value;

        // As a process leaves it that dies between the change and the telling.
        await world.Get<OpenAlerts>().SetAsync(alert.Id, place, world.Clock.Now.AddMinutes(1), default);
        await world.Get<AlertStore>().ChangeAsync(place, one => one with { State = AlertState.Resolved, Events = one.Events + "r" }, default);
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        Assert.Equal(["opened", "resolved"], Events(world));
        await foreach (var _ in world.Get<OpenAlerts>().AllAsync(default)) Assert.Fail("a resolved alert is still among the open ones");
    }

    [Fact]
    public async Task Two_instances_that_count_at_once_lose_nothing()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        await world.Get<AlertLife>().RaiseAsync(Drafts.Of("H1", "first", group: "g", window: TimeSpan.FromDays(1), at: world.Clock.Now), default);
        await Parallel.ForAsync(0, 20, async (i, ct) =>
            await (i % 2 == 0 ? world : second).Get<AlertLife>().RaiseAsync(Drafts.Of("H1", "row" + i, group: "g", window: TimeSpan.FromDays(1), at: world.Clock.Now), ct));
        Assert.Equal(21, Assert.Single(await world.AlertsAsync()).Count);
    }

    [Fact]
    public async Task An_alerter_is_told_by_severity_and_tag_and_of_every_rule_if_it_asks_for_that()
    {
        await using var world = await World.OpenAsync();
        await LogToAsync(world, "all", settings => settings with { EveryRule = true });
        await LogToAsync(world, "worst", settings => settings with { EveryRule = true, MinimumSeverity = "critical" });
        await LogToAsync(world, "mail", settings => settings with { EveryRule = true, Tags = TagSet.Of(["mail"]) });
        await world.Get<AlertLife>().RaiseAsync(Drafts.Of("H1", "a", severity: "high", at: world.Clock.Now), default);
        await world.Get<AlertLife>().RaiseAsync(Drafts.Of("H2", "b", severity: "critical", at: world.Clock.Now), default);
        await world.PumpAsync();
        Assert.Equal((2, 1, false), (Count("all"), Count("worst"), File.Exists(FileOf(world, "mail"))));

        int Count(string name) => File.ReadAllLines(FileOf(world, name)).Length;
    }

    [Fact]
    public async Task What_a_machine_writes_into_a_column_keeps_no_alert_from_being_raised()
    {
        await using var world = await World.OpenAsync();
        await world.AddRuleAsync("$user runs", Watch, rule => rule with { Message = "$user $user", Description = "$user" }, "log");
        await world.LogAsync(await world.EnrollAsync("H1"), Lines((new string('é', 100_000), 1)));
        await world.PumpAsync();
        var alert = Assert.Single(await world.AlertsAsync());
        Assert.InRange(alert.Title.Length, 900, 1_000);
        Assert.Equal("delivered", Assert.Single(alert.Deliveries).State);
    }

    [Fact]
    public async Task An_alert_that_is_opened_again_has_its_time_anew()
    {
        await using var world = await World.OpenAsync();
        await LogToAsync(world, "boss");
        await world.AddRuleAsync("r", Watch, rule => rule with { ResolvesAfter = TimeSpan.FromHours(1), Escalation = new(TimeSpan.FromMinutes(30), ["boss"]) }, "log");
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(("ada", 1)));
        await world.PumpAsync();
        var place = (await PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().AcknowledgeAsync(place, "ada", "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(61));
        await world.Get<AlertLife>().ReopenAsync(place, "ada", "not over", default);
        await LaterAsync(world, TimeSpan.FromMinutes(29));
        Assert.Equal((AlertState.Open, false), (Assert.Single(await world.AlertsAsync()).State, File.Exists(FileOf(world, "boss"))));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        Assert.Single(await File.ReadAllLinesAsync(FileOf(world, "boss")));
        await LaterAsync(world, TimeSpan.FromMinutes(30));
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);
    }

    [Fact]
    public async Task Maintenance_holds_back_what_happens_to_alerts_that_were_there_before()
    {
        await using var world = await World.OpenAsync();
        await LogToAsync(world, "boss");
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromDays(1)), Escalation = new(TimeSpan.FromMinutes(30), ["boss"]) }, "log");
        var key = await world.EnrollAsync("H1");
        await world.LogAsync(key, Lines(("ada", 1)));
        await world.PumpAsync();
        await world.Get<Mutes>().Table.PutAsync("m", new("m", "the database moves", TagSet.None, [], world.Clock.Now, world.Clock.Now.AddHours(2), "ada", world.Clock.Now), null, default);
        await LaterAsync(world, TimeSpan.FromMinutes(31));
        Assert.False(File.Exists(FileOf(world, "boss")));

        // When it is over there is time to acknowledge.
        await LaterAsync(world, TimeSpan.FromMinutes(90));
        Assert.Equal(["opened", "reminded"], Events(world));
        Assert.False(File.Exists(FileOf(world, "boss")));
        await LaterAsync(world, TimeSpan.FromMinutes(31));
        Assert.Single(await File.ReadAllLinesAsync(FileOf(world, "boss")));

        await world.Get<AlertLife>().ResolveAsync((await PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value, "ada", "", default);
        await world.PumpAsync();
        await world.Get<Mutes>().Table.PutAsync("n", new("n", "once more", TagSet.None, [], world.Clock.Now, world.Clock.Now.AddHours(2), "ada", world.Clock.Now), null, default);
        await world.LogAsync(key, Lines(("ada", 2)));
        await world.PumpAsync();
        Assert.Equal(AlertState.Open, Assert.Single(await world.AlertsAsync()).State);
        Assert.Equal("resolved", Events(world)[^1]);
        await LaterAsync(world, TimeSpan.FromHours(2));
        Assert.Equal("reminded", Events(world)[^1]);
    }

    [Fact]
    public async Task A_silence_that_somebody_ends_is_over_at_once_and_only_what_it_held_back_is_told()
    {
        await using var world = await World.OpenAsync();
        await world.AddRuleAsync("r", Watch, rule => rule with { Grouping = new([], TimeSpan.FromDays(1)) }, "log");
        await world.LogAsync(await world.EnrollAsync("H1"), Lines(("ada", 1)));
        await world.PumpAsync();
        var place = (await PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", world.Clock.Now.AddHours(2), "", default);
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", null, "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(["opened"], Events(world));

        await world.Get<AlertLife>().SnoozeAsync(place, "ada", world.Clock.Now.AddHours(2), "", default);
        await world.Get<AlertLife>().AcknowledgeAsync(place, "ada", "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", null, "", default);
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(["opened", "reminded"], Events(world));
    }

    [Fact]
    public async Task An_alert_that_was_opened_again_by_a_process_that_died_then_is_told_of_when_its_message_comes_again()
    {
        await using var world = await World.OpenAsync();
        var draft = Drafts.Of("H1", "first", group: "g", window: TimeSpan.FromDays(1), at: world.Clock.Now);
        await world.Get<AlertLife>().RaiseAsync(draft, default);
        await world.PumpAsync();
        var place = (await PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().ResolveAsync(place, "ada", "", default);
        await world.PumpAsync();

        // As that process left it.
        var next = Drafts.Of("H1", "second", group: "g", window: TimeSpan.FromDays(1), at: world.Clock.Now);
        await world.Get<AlertLife>().RaiseAsync(next, default);
        await world.Get<AlertStore>().ChangeAsync(place, alert => alert with { Sent = 2 }, default);
        await world.Get<OpenAlerts>().RemoveAsync(Assert.Single(await world.AlertsAsync()).Id, default);
        await world.Get<AlertLife>().RaiseAsync(next, default);
        await world.PumpAsync();
        Assert.Equal(("orR", 3), (Assert.Single(await world.AlertsAsync()).Events, Assert.Single(await world.AlertsAsync()).Sent));
    }

    internal static async Task<AlertKey?> PlaceAsync(World world, Alert alert) => await world.Get<AlertStore>().FindPlaceAsync(alert.Id, default);

    private static async Task LaterAsync(World world, TimeSpan later)
    {
        world.Clock.Advance(later);
        await world.Get<TendAlerts>().RunAsync(default);
        await world.Get<Digests>().SendDueAsync(default);
        await world.PumpAsync();
    }

    private static async Task LogToAsync(World world, string name, Func<AlerterSettings, AlerterSettings>? with = null)
    {
        var settings = new AlerterSettings(name, "log", new Dictionary<string, string> { ["path"] = FileOf(world, name) });
        await world.Get<Alerters>().PutAsync(with?.Invoke(settings) ?? settings, null, null, default);
    }

    private static string FileOf(World world, string name) => Path.Combine(world.Get<Fleet.Hosting.DataFolder>().Out, name + ".ndjson");

    private static List<string> Events(World world) => [.. world.AlertLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["event"]!)];

    private static List<string> Hosts(World world) => [.. world.AlertLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["hostIdentifier"]!)];

    private static string Removed(params (string User, int N)[] rows) => Lines(rows).Replace("added", "removed", StringComparison.Ordinal).Replace(":17000000", ":17000001", StringComparison.Ordinal);

    private static string Lines(params (string User, int N)[] rows) =>
        $"[{string.Join(',', rows.Select(row => $$$"""{"name":"watch-me","action":"added","unixTime":{{{1_700_000_000 + row.N}}},"columns":{"user":"{{{row.User}}}","n":"{{{row.N}}}"}}"""))}]";
}

using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Config;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Storage;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Rules;

public sealed class AbsenceTests
{
    [Fact]
    public async Task A_node_that_is_not_seen_is_told_once_and_again_when_it_is_back_whichever_instance_looks()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AddAsync(world, new(Absence.NotSeen, null, null, TimeSpan.FromHours(1), null));
        await LookAsync(world, TimeSpan.FromMinutes(59));
        Assert.Empty(await world.AlertsAsync());
        await LookAsync(world, TimeSpan.FromMinutes(2));
        await LookAsync(world, TimeSpan.FromHours(3));
        await using var second = await world.OpenSecondAsync();
        await second.Get<AbsenceRules>().RunAsync(default);
        await world.PumpAsync();
        Assert.Equal(("H1", AlertState.Open), Flat(Assert.Single(await world.AlertsAsync())));

        await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
        await world.Get<LastSeen>().FlushAsync(default);
        await LookAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(("H1", AlertState.Resolved), Flat(Assert.Single(await world.AlertsAsync())));
        await LookAsync(world, TimeSpan.FromHours(2));
        Assert.Equal(2, (await world.AlertsAsync()).Count);
        Assert.Equal(["opened", "resolved", "opened"], world.AlertLog.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["event"]!));
    }

    [Fact]
    public async Task A_query_whose_results_stay_away_is_told_of_nodes_that_have_it()
    {
        await using var world = await World.OpenAsync();
        await world.PutQueryAsync("usage", "select 1", "prod");
        var keys = new[] { await world.EnrollAsync("H1"), await world.EnrollAsync("H2"), await world.EnrollAsync("H3") };
        await world.TagAsync("H1", "prod");
        await world.TagAsync("H2", "prod");
        await AddAsync(world, new(Absence.Results, "usage", 3, null, null));
        for (var minute = 0; minute < 20; minute++)
        {
            // Once a minute; the first of them goes on, the second stops.
            await SendAsync(world, keys[0], minute);
            if (minute < 10) await SendAsync(world, keys[1], minute);
            await world.MaterializeAsync();
            await LookAsync(world, TimeSpan.FromMinutes(1));
        }

        Assert.Equal(("H2", AlertState.Open), Flat(Assert.Single(await world.AlertsAsync())));
        await SendAsync(world, keys[1], 100);
        await world.MaterializeAsync();
        await LookAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);

        static Task SendAsync(World world, string key, int n) => world.LogAsync(key, $$$"""[{"name":"usage","snapshot":[{"n":"{{{n}}}"}],"action":"snapshot","unixTime":{{{world.Clock.Now.ToUnixTimeSeconds()}}}}]""");
    }

    [Fact]
    public async Task One_that_checks_in_and_sends_nothing_is_quiet_and_one_that_is_away_is_not()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.EnrollAsync("H2");
        await AddAsync(world, new(Absence.Quiet, null, null, TimeSpan.FromHours(1), null));
        for (var i = 0; i < 20; i++)
        {
            await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
            await world.Get<LastSeen>().FlushAsync(default);
            await LookAsync(world, TimeSpan.FromMinutes(4));
        }

        Assert.Equal(("H1", AlertState.Open), Flat(Assert.Single(await world.AlertsAsync())));
    }

    [Fact]
    public async Task One_whose_results_another_instance_took_is_not_quiet()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("H1");
        await AddAsync(world, new(Absence.Quiet, null, null, TimeSpan.FromHours(1), null));
        await world.LogAsync(key, """[{"name":"q","columns":{"a":"1"}}]""");
        await world.Get<LastSeen>().FlushAsync(default);
        for (var i = 0; i < 20; i++)
        {
            await second.LogAsync(key, """[{"name":"q","columns":{"a":"1"}}]""");
            await second.Get<LastSeen>().FlushAsync(default);
            await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
            await world.Get<LastSeen>().FlushAsync(default);
            await LookAsync(world, TimeSpan.FromMinutes(4));
        }

        Assert.Empty(await world.AlertsAsync());
    }

    [Fact]
    public async Task A_rule_that_becomes_one_about_the_fleet_ends_what_it_said_of_nodes()
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("H1");
        var rule = await AddAsync(world, new(Absence.NotSeen, null, null, TimeSpan.FromMinutes(30), null));
        await LookAsync(world, TimeSpan.FromMinutes(31));
        await world.Get<RuleStore>().PutAsync(rule with { Absence = new(Absence.Missing, null, null, TimeSpan.FromMinutes(30), 50) }, null, default);
        await LookAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal([("", AlertState.Open), ("H1", AlertState.Resolved)], (await world.AlertsAsync()).Select(Flat).Order());
    }

    [Fact]
    public async Task One_that_never_sent_a_result_after_its_enrollment_is_told()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await world.EnrollAsync("H2");
        await AddAsync(world, new(Absence.NeverReported, null, null, TimeSpan.FromMinutes(30), null));
        await world.LogAsync(key, """[{"name":"q","columns":{"a":"1"}}]""");
        await world.Get<LastSeen>().FlushAsync(default);
        await LookAsync(world, TimeSpan.FromMinutes(31));
        Assert.Equal(("H2", AlertState.Open), Flat(Assert.Single(await world.AlertsAsync())));
    }

    [Fact]
    public async Task A_share_of_the_fleet_that_is_missing_is_one_alert()
    {
        await using var world = await World.OpenAsync();
        var keys = new List<string>();
        for (var i = 0; i < 10; i++) keys.Add(await world.EnrollAsync("H" + i));
        await AddAsync(world, new(Absence.Missing, null, null, TimeSpan.FromMinutes(30), 30));
        await StayAsync(8, 40);
        Assert.Empty(await world.AlertsAsync());
        await StayAsync(7, 40);
        var alert = Assert.Single(await world.AlertsAsync());
        Assert.Equal(("fleet", default, "{\"missing\":\"3\",\"nodes\":\"10\",\"percent\":\"30\",\"hosts\":\"H7, H8, H9\"}"), (alert.About, alert.Node, System.Text.Json.Nodes.JsonNode.Parse(alert.Line)!["columns"]!.ToJsonString()));
        await StayAsync(9, 2);
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);

        async Task StayAsync(int present, int minutes)
        {
            for (var minute = 0; minute < minutes; minute++)
            {
                foreach (var key in keys.Take(present)) await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
                await world.Get<LastSeen>().FlushAsync(default);
                await LookAsync(world, TimeSpan.FromMinutes(1));
            }
        }
    }

    [Theory]
    [InlineData(Absence.Missing)]
    [InlineData(Absence.NotSeen)]
    public async Task An_absence_is_told_although_the_bus_was_down_when_it_began(string kind)
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("H1");
        await AddAsync(world, new(kind, null, null, TimeSpan.FromMinutes(30), kind == Absence.Missing ? 30 : null));
        var bus = new DownOnce(world.Get<IBus>());
        var life = new AlertLife(world.Get<AlertStore>(), world.Get<AlertGroups>(), world.Get<OpenAlerts>(), world.Get<AlertHistory>(), world.Get<Mutes>(), world.Get<Alerters>(), bus, world.Clock);
        var absences = new AbsenceRules(world.Tables, world.Get<RuleStore>(), world.Get<NodeCatalog>(), world.Get<ConfigItems>(), world.Get<ReportStore>(), life, world.Get<ChangeFeed>(), world.Get<UpkeepMemory>(), world.Clock);
        for (var minute = 0; minute < 60; minute++)
        {
            if (await Record.ExceptionAsync(async () => await absences.RunAsync(default)) is { } fault) Assert.IsType<StorageUnavailableException>(fault);
            await world.PumpAsync();
            world.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.True(bus.WasDown);
        Assert.Equal("delivered", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).State);
    }

    private sealed class DownOnce(IBus bus) : IBus
    {
        public bool WasDown { get; private set; }

        public ValueTask PublishAsync(string address, string body, string lane, CancellationToken ct)
        {
            if (WasDown) return bus.PublishAsync(address, body, lane, ct);
            WasDown = true;
            throw new StorageUnavailableException("The bus is down.");
        }
    }

    [Fact]
    public async Task After_a_pause_in_which_nobody_looked_nodes_get_time_to_come_back()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await AddAsync(world, new(Absence.NotSeen, null, null, TimeSpan.FromHours(1), null));
        await LookAsync(world, TimeSpan.Zero);
        world.Clock.Advance(TimeSpan.FromDays(1));
        await using var restarted = await world.OpenSecondAsync();
        await restarted.Get<AbsenceRules>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(4));
        await restarted.PostAsync("config", $$"""{"node_key":"{{key}}"}""");
        await restarted.Get<AbsenceRules>().RunAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(4));
        await restarted.Get<AbsenceRules>().RunAsync(default);
        Assert.Empty(await world.AlertsAsync());
    }

    [Fact]
    public async Task What_a_rule_said_is_over_when_the_rule_is_gone()
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("H1");
        var rule = await AddAsync(world, new(Absence.NotSeen, null, null, TimeSpan.FromMinutes(30), null));
        await LookAsync(world, TimeSpan.FromMinutes(31));
        Assert.Equal(AlertState.Open, Assert.Single(await world.AlertsAsync()).State);
        await world.Get<RuleStore>().Table.RemoveAsync(rule.Id, null, default);
        await LookAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(AlertState.Resolved, Assert.Single(await world.AlertsAsync()).State);
    }

    private static async Task<Rule> AddAsync(World world, Absence absence)
    {
        var rule = new Rule("r", "r", "", "", ["log"], "high", true, world.Clock.Now, world.Clock.Now) { Absence = absence };
        await world.Get<RuleStore>().PutAsync(rule, null, default);
        return rule;
    }

    /// <summary>Looks every four minutes, as long as that takes.</summary>
    private static async Task LookAsync(World world, TimeSpan later)
    {
        await world.Get<AbsenceRules>().RunAsync(default);
        while (later > TimeSpan.Zero)
        {
            var step = later < TimeSpan.FromMinutes(4) ? later : TimeSpan.FromMinutes(4);
            world.Clock.Advance(step);
            later -= step;
            await world.Get<AbsenceRules>().RunAsync(default);
        }

        await world.PumpAsync();
    }

    private static (string, AlertState) Flat(Alert alert) => (alert.Host, alert.State);
}

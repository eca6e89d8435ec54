using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Bus.Embedded;
using Fleet.Shared;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Builder;

namespace Fleet.Tests.Alerts;

/// <summary>Alerters that fail, over a server that fails on demand.</summary>
public sealed class DeliveryTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<JsonNode> _asked = [];
    private readonly ConcurrentQueue<JsonNode> _took = [];
    private FakeService _service = null!;
    private Func<JsonNode, Task<int>> _answer = _ => Task.FromResult(200);

    public async Task InitializeAsync() => _service = await FakeService.StartAsync(secure: false, app => app.Run(async context =>
    {
        var body = (await JsonNode.ParseAsync(context.Request.Body))!;
        _asked.Enqueue(body);
        context.Response.StatusCode = await _answer(body);
        if (context.Response.StatusCode == 200) _took.Enqueue(body);
    }));

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task An_alerter_that_hangs_keeps_no_other_waiting_however_many_alerts_it_has()
    {
        var hang = new TaskCompletionSource<int>();
        var other = new TaskCompletionSource();
        using var hanging = new SemaphoreSlim(0);
        _answer = body =>
        {
            if (body.ToJsonString().Contains("\"H99\"", StringComparison.Ordinal))
            {
                other.SetResult();
                return Task.FromResult(200);
            }

            hanging.Release();
            return hang.Task;
        };
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        await world.Get<Alerters>().PutAsync(new("other", "webhook", new Dictionary<string, string> { ["url"] = _service.Url.AbsoluteUri }), null, null, default);
        for (var i = 0; i < 60; i++) await RaiseAsync(world, $"H{i}", "hook");
        using var stop = new CancellationTokenSource();
        var pump = world.Get<BusPump>().RunAsync(stop.Token);
        for (var i = 0; i < 8; i++) Assert.True(await hanging.WaitAsync(TimeSpan.FromSeconds(30)));
        await RaiseAsync(world, "H99", "other");
        await other.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(9, _asked.Count);

        hang.SetResult(200);
        await stop.CancelAsync();
        await pump;
    }

    [Fact]
    public async Task While_an_alerter_fails_one_alert_at_a_time_is_tried_and_those_that_wait_are_never_given_up()
    {
        _answer = _ => Task.FromResult(503);
        await using var world = await World.OpenAsync(("Limits:AlertDeliveries", "3"));
        await HookAsync(world);
        for (var i = 0; i < 30; i++) await RaiseAsync(world, $"H{i}", "hook");
        await world.PumpAsync();
        var atFirst = _asked.Count;
        Assert.InRange(atFirst, 1, 8);
        for (var i = 1; i <= 8; i++)
        {
            world.Clock.Advance(TimeSpan.FromHours(1));
            await world.PumpAsync();
            Assert.Equal(atFirst + i, _asked.Count);
        }

        Assert.All(await world.AlertsAsync(), alert => Assert.Contains("503", Assert.Single(alert.Deliveries).Reason, StringComparison.Ordinal));
        _answer = _ => Task.FromResult(200);
        for (var i = 0; i < 3; i++)
        {
            world.Clock.Advance(TimeSpan.FromHours(1));
            await world.PumpAsync();
        }

        var dead = await world.Get<IDeadLetters>().ListAsync(100, default);
        Assert.Equal(30, _took.Count + dead.Count);
        Assert.All(dead, letter => Assert.Equal(3, letter.Deliveries));
        Assert.InRange(dead.Count, 0, (atFirst + 8) / 3);
    }

    [Fact]
    public async Task An_alert_that_the_other_side_fails_at_keeps_no_other_from_arriving()
    {
        _answer = body => Task.FromResult(body.ToJsonString().Contains("\"H7\"", StringComparison.Ordinal) ? 500 : 200);
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        for (var i = 0; i < 30; i++) await RaiseAsync(world, $"H{i}", "hook");
        for (var second = 0; second < 60; second++)
        {
            await world.PumpAsync();
            world.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(29, _took.Count);
        Assert.InRange(_asked.Count, 31, 29 + 8);
        Assert.Equal("retrying", Assert.Single((await world.AlertsAsync()).Single(alert => alert.Host == "H7").Deliveries).State);
    }

    [Fact]
    public async Task An_alerter_that_is_down_for_a_day_is_told_when_it_is_back()
    {
        _answer = _ => Task.FromResult(503);
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        await RaiseAsync(world, "H1", "hook");
        for (var minute = 0; minute < 24 * 60; minute += 5)
        {
            await world.PumpAsync();
            world.Clock.Advance(TimeSpan.FromMinutes(5));
        }

        _answer = _ => Task.FromResult(200);
        world.Clock.Advance(TimeSpan.FromMinutes(15));
        await world.PumpAsync();
        Assert.Equal("delivered", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).State);
        Assert.InRange(_asked.Count, 60, 110);
    }

    [Fact]
    public async Task A_digest_has_one_message_for_what_came_within_its_interval()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromHours(1));
        await RaiseAsync(world, "H1", "hook");
        await LaterAsync(world, TimeSpan.FromMinutes(59));
        await RaiseAsync(world, "H2", "hook");
        Assert.Empty(_asked);
        Assert.All(await world.AlertsAsync(), alert => Assert.Equal("queued", Assert.Single(alert.Deliveries).State));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        await LaterAsync(world, TimeSpan.FromMinutes(2));
        Assert.Equal(["H1", "H2"], Hosts(Assert.Single(_took)).Order(StringComparer.Ordinal));
        Assert.All(await world.AlertsAsync(), alert => Assert.Equal("delivered", Assert.Single(alert.Deliveries).State));
    }

    [Fact]
    public async Task A_digest_tells_that_an_alert_of_an_earlier_one_is_over()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromHours(1));
        await RaiseAsync(world, "H1", "hook");
        await RaiseAsync(world, "H2", "hook");
        await LaterAsync(world, TimeSpan.FromHours(1));
        foreach (var alert in await world.AlertsAsync()) await world.Get<AlertLife>().ResolveAsync((await AlertLifeTests.PlaceAsync(world, alert))!.Value, "ada", "", default);
        await RaiseAsync(world, "H3", "hook");
        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Equal(["2 alerts, the worst high", "1 alert, the worst high; 2 alerts resolved"], _took.Select(one => (string)one["title"]!));
        Assert.Equal(["H1 resolved", "H2 resolved", "H3 opened"], _took.Last()["alerts"]!.AsArray().Select(one => $"{one!["hostIdentifier"]} {one["event"]}").Order(StringComparer.Ordinal));

        // What began and ended between two digests is told once, as what it is.
        await RaiseAsync(world, "H4", "hook");
        var last = (await world.AlertsAsync()).Single(alert => alert.Host == "H4");
        await world.Get<AlertLife>().ResolveAsync((await AlertLifeTests.PlaceAsync(world, last))!.Value, "ada", "", default);
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromHours(1));
        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Equal(3, _took.Count);
        Assert.Equal("1 alert resolved", (string)_took.Last()["title"]!);
    }

    [Fact]
    public async Task Maintenance_that_begins_while_an_alert_waits_for_its_alerter_holds_it_back()
    {
        _answer = _ => Task.FromResult(503);
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        await RaiseAsync(world, "H1", "hook");
        await world.PumpAsync();
        await MuteAsync(world, TimeSpan.FromHours(2));
        _answer = _ => Task.FromResult(200);
        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Empty(_took);
        var alert = Assert.Single(await world.AlertsAsync());
        Assert.Equal(("quiet", world.Clock.Now.AddHours(1)), (Assert.Single(alert.Deliveries).State, alert.QuietUntil));

        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Equal("opened", (string)Assert.Single(_took)["event"]!);
    }

    [Fact]
    public async Task Maintenance_that_begins_while_an_alert_waits_for_a_digest_holds_it_back()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        await RaiseAsync(world, "H1", "hook");
        await MuteAsync(world, TimeSpan.FromHours(2));
        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Empty(_took);
        await LaterAsync(world, TimeSpan.FromHours(1));
        await LaterAsync(world, TimeSpan.FromMinutes(10));
        Assert.Equal(["H1"], Hosts(Assert.Single(_took)));
    }

    [Fact]
    public async Task What_maintenance_took_out_of_a_digest_and_is_over_by_then_is_told_to_nobody()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        await RaiseAsync(world, "H1", "hook");
        await MuteAsync(world, TimeSpan.FromHours(2));
        await LaterAsync(world, TimeSpan.FromMinutes(10));
        var place = (await AlertLifeTests.PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().ResolveAsync(place, "ada", "", default);
        for (var i = 0; i < 15; i++) await LaterAsync(world, TimeSpan.FromMinutes(10));
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task Maintenance_silences_no_alert_that_was_resolved_meanwhile()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        await RaiseAsync(world, "H1", "hook");
        var place = (await AlertLifeTests.PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().ResolveAsync(place, "ada", "", default);
        var mute = new Mute("m", "the database moves", Fleet.Nodes.TagSet.None, [], world.Clock.Now, world.Clock.Now.AddHours(1), "ada", world.Clock.Now);
        Assert.Null((await world.Get<AlertLife>().QuietAsync(place, mute, default))!.QuietUntil);
    }

    [Fact]
    public async Task What_is_resolved_cannot_be_silenced_and_that_it_is_over_is_told()
    {
        _answer = _ => Task.FromResult(503);
        await using var world = await World.OpenAsync();
        await HookAsync(world);
        await RaiseAsync(world, "H1", "hook");
        await world.PumpAsync();
        var place = (await AlertLifeTests.PlaceAsync(world, Assert.Single(await world.AlertsAsync())))!.Value;
        await world.Get<AlertLife>().ResolveAsync(place, "ada", "", default);
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", world.Clock.Now.AddDays(1), "", default);
        await world.Get<AlertLife>().SnoozeAsync(place, "ada", null, "", default);
        Assert.Equal(["resolved"], (await world.Get<AlertHistory>().ReadAsync(Assert.Single(await world.AlertsAsync()), default)).Select(step => step.Action));
        _answer = _ => Task.FromResult(200);
        await LaterAsync(world, TimeSpan.FromHours(1));
        Assert.Equal("resolved", (string)_took.Last()["event"]!);
    }

    private static async Task MuteAsync(World world, TimeSpan span) =>
        await world.Get<Mutes>().Table.PutAsync("m", new("m", "the database moves", Fleet.Nodes.TagSet.None, [], world.Clock.Now, world.Clock.Now + span, "ada", world.Clock.Now), null, default);

    [Fact]
    public async Task A_digest_that_fails_is_sent_again_with_back_off_and_with_what_came_meanwhile()
    {
        _answer = _ => Task.FromResult(401);
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        await RaiseAsync(world, "H1", "hook");
        await LaterAsync(world, TimeSpan.FromMinutes(11));
        Assert.Single(_asked);
        Assert.Contains("401", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).Reason, StringComparison.Ordinal);
        await LaterAsync(world, TimeSpan.FromSeconds(1));
        Assert.Single(_asked);
        await LaterAsync(world, TimeSpan.FromSeconds(2));
        Assert.Equal(2, _asked.Count);
        Assert.Empty(await world.Get<IDeadLetters>().ListAsync(10, default));

        _answer = _ => Task.FromResult(200);
        await RaiseAsync(world, "H2", "hook");
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        await LaterAsync(world, TimeSpan.FromMinutes(11));
        Assert.Equal(["H1", "H2"], _took.SelectMany(Hosts).Order(StringComparer.Ordinal));
        Assert.All(await world.AlertsAsync(), alert => Assert.Equal(("delivered", null), (Assert.Single(alert.Deliveries).State, Assert.Single(alert.Deliveries).Reason)));
    }

    [Fact]
    public async Task A_digest_is_tried_ever_less_often()
    {
        _answer = _ => Task.FromResult(401);
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        await RaiseAsync(world, "H1", "hook");
        for (var i = 0; i < 4 * 60; i++) await LaterAsync(world, TimeSpan.FromSeconds(15));
        Assert.InRange(_asked.Count, 6, 14);
        await world.Get<Alerters>().RemoveAsync("hook", null, default);
        await LaterAsync(world, TimeSpan.FromHours(1));
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        Assert.Single(await world.Get<IDeadLetters>().ListAsync(10, default));
        Assert.Equal("failed", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).State);
    }

    [Fact]
    public async Task What_happens_to_an_alert_while_its_digest_is_on_its_way_waits_for_the_next()
    {
        var going = new TaskCompletionSource();
        var hold = new TaskCompletionSource<int>();
        _answer = _ =>
        {
            going.TrySetResult();
            return hold.Task;
        };
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        await RaiseAsync(world, "H1", "hook");
        var place = (await world.Get<AlertStore>().FindPlaceAsync(Assert.Single(await world.AlertsAsync()).Id, default))!.Value;
        var sending = LaterAsync(world, TimeSpan.FromMinutes(11));
        await going.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await world.Get<AlertLife>().ResolveAsync(place, "ada", "", default);
        await world.Get<AlertLife>().ReopenAsync(place, "ada", "", default);
        await world.Subscriber(Addresses.Alerts).HandleAsync(SendAlerts.Message(place, "hook", 2), default);
        hold.SetResult(200);
        await sending;
        Assert.Single(_took);
        Assert.Equal("queued", Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries).State);
        await LaterAsync(world, TimeSpan.FromMinutes(11));
        Assert.Equal(["opened", "reopened"], _took.Select(digest => (string)digest["alerts"]![0]!["event"]!));
        Assert.Equal(("delivered", 2), Assert.Single(Assert.Single(await world.AlertsAsync()).Deliveries) is var delivery ? (delivery.State, delivery.Told) : default);
    }

    [Fact]
    public async Task An_alert_that_the_other_side_does_not_take_keeps_no_other_out_of_the_digest_and_can_be_sent_again()
    {
        _answer = body => Task.FromResult(body.ToJsonString().Contains("\"H3\"", StringComparison.Ordinal) ? 400 : 200);
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromMinutes(10));
        foreach (var host in new[] { "H1", "H2", "H3", "H4" }) await RaiseAsync(world, host, "hook");
        await LaterAsync(world, TimeSpan.FromMinutes(11));
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(["H1", "H2", "H4"], _took.SelectMany(Hosts).Order(StringComparer.Ordinal));
        Assert.Equal("failed", Assert.Single((await world.AlertsAsync()).Single(alert => alert.Host == "H3").Deliveries).State);

        _answer = _ => Task.FromResult(200);
        Assert.True(await world.Get<IDeadLetters>().RetryAsync(Assert.Single(await world.Get<IDeadLetters>().ListAsync(10, default)).Id, default));
        await world.PumpAsync();
        await LaterAsync(world, TimeSpan.FromMinutes(11));
        Assert.Equal(["H1", "H2", "H3", "H4"], _took.SelectMany(Hosts).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_waits_for_a_digest_is_sent_when_its_alerter_has_no_digests_any_more()
    {
        await using var world = await World.OpenAsync();
        await HookAsync(world, TimeSpan.FromDays(1));
        await RaiseAsync(world, "H1", "hook");
        await RaiseAsync(world, "H2", "hook");
        await HookAsync(world, type: "eventgrid");
        await LaterAsync(world, TimeSpan.FromMinutes(1));
        Assert.Equal(2, _took.Count);
        Assert.All(await world.AlertsAsync(), alert => Assert.Equal("delivered", Assert.Single(alert.Deliveries).State));
    }

    private static IEnumerable<string> Hosts(JsonNode digest) => digest["alerts"]!.AsArray().Select(alert => (string)alert!["hostIdentifier"]!);

    private static async Task RaiseAsync(World world, string host, string alerter)
    {
        await world.Get<AlertLife>().RaiseAsync(Drafts.Of(host, at: world.Clock.Now, alerters: alerter), default);
        if (alerter == "hook" && world.Get<Alerters>().Find("hook")!.Item.DigestEvery is not null) await world.PumpAsync();
    }

    private async Task HookAsync(World world, TimeSpan? digestEvery = null, string type = "webhook") => await world.Get<Alerters>().PutAsync(
        new("hook", type, new Dictionary<string, string> { ["url"] = _service.Url.AbsoluteUri }) { DigestEvery = digestEvery }, type == "eventgrid" ? "key" : null, null, default);

    private static async Task LaterAsync(World world, TimeSpan later)
    {
        world.Clock.Advance(later);
        await world.Get<Fleet.Upkeep.TendAlerts>().RunAsync(default);
        await world.Get<Digests>().SendDueAsync(default);
        await world.PumpAsync();
    }
}

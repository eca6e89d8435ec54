using System.Globalization;
using Fleet.Shared;
using Fleet.Bus;
using Fleet.Bus.Embedded;
using Fleet.Kernel;
using Fleet.Storage.Embedded;
using Fleet.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using SQLitePCL;

namespace Fleet.Tests.Bus;

public sealed class SqliteBusTests : IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly ManualClock _clock = new();
    private readonly Limits _limits = Limits.Default;
    private readonly SqliteDatabase _database;
    private readonly SqliteBus _bus;

    public SqliteBusTests()
    {
        _database = new(_scratch.File("bus.db"), _limits);
        _bus = new(_database, _limits, _clock);
    }

    public void Dispose()
    {
        _database.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_message_is_held_by_one_and_gone_when_it_is_done()
    {
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        var held = Assert.Single(await _bus.TakeAsync(Addresses.Alerts, 10, default));
        Assert.Empty(await _bus.TakeAsync(Addresses.Alerts, 10, default));
        await _bus.SettleAsync(held, Outcome.Finished, default);
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(await _bus.TakeAsync(Addresses.Alerts, 10, default));
    }

    [Fact]
    public async Task A_message_whose_holder_died_comes_again()
    {
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        await _bus.TakeAsync(Addresses.Alerts, 10, default);
        _clock.Advance(_limits.MessageLock);
        Assert.Equal(2, Assert.Single(await _bus.TakeAsync(Addresses.Alerts, 10, default)).Delivery);
    }

    [Fact]
    public async Task A_message_that_takes_longer_than_its_lock_stays_with_who_handles_it()
    {
        var limits = _limits with { MessageLock = TimeSpan.FromMilliseconds(20) };
        var bus = new SqliteBus(_database, limits, _clock);
        var work = new Working();
        await bus.PublishAsync(Addresses.Alerts, "a", "", default);
        var once = new BusPump(bus, [work], limits, new(TimeProvider.System), NullLogger<BusPump>.Instance).OnceAsync(default);
        for (var i = 0; i < 3; i++)
        {
            // The lock is renewed by the time that passes, and ends by the clock, which stands still meanwhile.
            var due = Due();
            _clock.Advance(TimeSpan.FromMilliseconds(15));
            while (Due() == due) await Task.Yield();
            Assert.Empty(await bus.TakeAsync(Addresses.Alerts, 10, default));
        }

        work.End.SetResult(Outcome.Finished);
        Assert.Equal(1, await once);
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Empty(await bus.TakeAsync(Addresses.Alerts, 10, default));

        long Due() => _database.Read(connection =>
        {
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT due FROM bus";
            return (long)command.ExecuteScalar()!;
        });
    }

    private sealed class Working : ISubscriber
    {
        public TaskCompletionSource<Outcome> End { get; } = new();

        public string Queue => Addresses.Alerts;

        public ValueTask<Outcome> HandleAsync(string body, CancellationToken ct) => new(End.Task);
    }

    [Fact]
    public async Task A_subscriber_that_throws_gets_the_message_again_ever_later_and_at_last_it_is_a_dead_letter()
    {
        var subscriber = new Failing();
        var pump = new BusPump(_bus, [subscriber], _limits, new(TimeProvider.System), NullLogger<BusPump>.Instance);
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        for (var i = 0; i < _limits.AlertDeliveries; i++)
        {
            Assert.Equal(1, await pump.OnceAsync(default));
            Assert.Equal(0, await pump.OnceAsync(default));
            _clock.Advance(_limits.BackOff(i + 1));
        }

        Assert.Equal(_limits.AlertDeliveries, subscriber.Count);
        Assert.Equal("it broke", Assert.Single(await _bus.ListAsync(10, default)).Reason);
    }

    [Fact]
    public async Task Lanes_take_turns_so_that_a_flood_of_one_delays_no_other()
    {
        for (var i = 0; i < 2_000; i++) await _bus.PublishAsync(Addresses.Alerts, "flood" + i, "loud", default);
        await _bus.PublishAsync(Addresses.Alerts, "quiet1", "quiet", default);
        await _bus.PublishAsync(Addresses.Alerts, "quiet2", "quiet", default);
        await _bus.PublishAsync(Addresses.Alerts, "other", "other", default);
        var taken = (await _bus.TakeAsync(Addresses.Alerts, 5, default)).Select(message => message.Body).ToHashSet();
        Assert.Equal(["flood0", "flood1", "other", "quiet1", "quiet2"], taken.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_lane_has_its_turn_and_no_message_is_left_however_many_lanes_wait()
    {
        for (var i = 0; i < 300; i++) await _bus.PublishAsync(Addresses.Alerts, $"{i}", $"lane{i % 150:000}", default);
        var lanes = new HashSet<string>();
        var bodies = new HashSet<string>();
        for (var take = 0; take < 100; take++)
        {
            foreach (var held in await _bus.TakeAsync(Addresses.Alerts, 3, default))
            {
                if (take < 50) Assert.True(lanes.Add((int.Parse(held.Body, CultureInfo.InvariantCulture) % 150).ToString(CultureInfo.InvariantCulture)));
                Assert.True(bodies.Add(held.Body));
                await _bus.SettleAsync(held, take % 2 == 0 ? Outcome.Finished : new Outcome.Again(TimeSpan.FromHours(1), "later"), default);
            }
        }

        Assert.Equal((150, 300), (lanes.Count, bodies.Count));
    }

    [Fact]
    public async Task To_take_messages_costs_the_same_however_many_wait()
    {
        await _database.Writer.RunAsync(
            connection =>
            {
                SqliteDatabase.Run(connection, $"INSERT INTO bus (queue, body, due, deliveries, lane) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT '{Addresses.Alerts}', 'b' || i, 0, 0, 'loud' FROM n");
                return true;
            },
            several: true,
            default);
        var steps = 0;
        await _database.Writer.RunAsync(
            connection =>
            {
                raw.sqlite3_progress_handler(connection.Handle, 100, _ => { steps++; return 0; }, null);
                return true;
            },
            several: false,
            default);
        Assert.Equal(4, (await _bus.TakeAsync(Addresses.Alerts, 4, default)).Count);
        Assert.InRange(steps, 0, 50);
    }

    [Fact]
    public async Task A_message_whose_turn_it_was_not_comes_again_and_that_is_no_delivery()
    {
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        for (var i = 0; i < 3; i++)
        {
            var held = Assert.Single(await _bus.TakeAsync(Addresses.Alerts, 10, default));
            Assert.Equal(1, held.Delivery);
            await _bus.SettleAsync(held, new Outcome.Again(TimeSpan.FromMinutes(5), "not now", IsTry: false), default);
            Assert.Empty(await _bus.TakeAsync(Addresses.Alerts, 10, default));
            _clock.Advance(TimeSpan.FromMinutes(5));
        }
    }

    [Fact]
    public async Task A_dead_letter_can_be_forgotten_and_may_be_about_another_message()
    {
        await _bus.PublishAsync(Addresses.Alerts, "all", "", default);
        await _bus.SettleAsync(Assert.Single(await _bus.TakeAsync(Addresses.Alerts, 10, default)), new Outcome.Dead("refused", "one"), default);
        var letter = Assert.Single(await _bus.ListAsync(10, default));
        Assert.Equal(("one", "refused"), (letter.Body, letter.Reason));
        Assert.True(await _bus.RemoveAsync(letter.Id, default));
        Assert.False(await _bus.RemoveAsync(letter.Id, default));
        Assert.Empty(await _bus.ListAsync(10, default));
    }

    [Fact]
    public async Task A_message_that_waits_already_is_not_added_again()
    {
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        await _bus.PublishAsync(Addresses.Alerts, "b", "", default);
        Assert.Equal(["a", "b"], (await _bus.TakeAsync(Addresses.Alerts, 10, default)).Select(held => held.Body).Order());
    }

    [Fact]
    public async Task Messages_outlive_the_process()
    {
        await _bus.PublishAsync(Addresses.Results, "a", "", default);
        using var again = new SqliteDatabase(_scratch.File("bus.db"), _limits);
        Assert.Single(await new SqliteBus(again, _limits, _clock).TakeAsync(Addresses.Rules, 10, default));
    }

    [Fact]
    public async Task Waiting_ends_when_something_is_published()
    {
        var waiting = _bus.WaitAsync(Addresses.Alerts, TimeSpan.FromMinutes(5), default);
        await _bus.PublishAsync(Addresses.Alerts, "a", "", default);
        await waiting;
    }

    private sealed class Failing : ISubscriber
    {
        public int Count { get; private set; }

        public string Queue => Addresses.Alerts;

        public ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
        {
            Count++;
            throw new InvalidOperationException("it broke");
        }
    }
}

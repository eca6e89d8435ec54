using Azure.Messaging.ServiceBus;
using Fleet.Bus;
using Fleet.Bus.Azure;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Fleet.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Tests.Bus;

/// <summary>The bus on Service Bus, against a namespace that speaks AMQP to its real client.</summary>
public sealed class ServiceBusTests : IAsyncLifetime, IDisposable
{
    private const string Body = "Alerts202603/1/2-3|pager";

    private readonly Scratch _scratch = new();
    private readonly ManualClock _clock = new();
    private readonly SqliteDatabase _database;
    private FakeServiceBus _namespace = null!;
    private ServiceBusConnection _connection = null!;
    private ServiceBus _bus = null!;

    public ServiceBusTests() => _database = new(_scratch.File("test.db"), Limits.Default);

    public Task InitializeAsync()
    {
        _namespace = FakeServiceBus.Start(secure: false, _clock);
        _connection = ServiceBusConnection.Parse(_namespace.ConnectionString);
        _bus = new(_connection, new(new SqliteTables(_database, _clock), _clock), Limits.Default, new(_clock), _clock, NullLogger<ServiceBus>.Instance);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _namespace.DisposeAsync();
    }

    public void Dispose()
    {
        _database.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_message_to_a_topic_is_in_its_subscriptions_and_a_repeat_is_dropped()
    {
        await _bus.PublishAsync(Addresses.Results, "key", "", default);
        await _bus.PublishAsync(Addresses.Results, "key", "", default);
        await _bus.PublishAsync(Addresses.Alerts, "key", "", default);
        Assert.Equal((1, 1), (_namespace.CountOf("results/subscriptions/rules"), _namespace.CountOf("alerts")));
        Assert.Equal("key", _namespace.Take("alerts")!.Body);
    }

    [Fact]
    public async Task An_alerter_that_asks_to_wait_gets_a_copy_when_it_is_due_and_deliveries_are_counted()
    {
        var subscriber = new Scripted(new Outcome.Again(TimeSpan.FromMinutes(5), "429"));
        await _bus.HandleAsync(subscriber, new(Body), default);
        Assert.Null(_namespace.Take("alerts"));
        _clock.Advance(TimeSpan.FromMinutes(5));
        var copy = _namespace.Take("alerts")!;
        Assert.Equal((Body, 2), (copy.Body, (int)copy.Properties["delivery"]));
        Assert.Empty(await _bus.ListAsync(10, default));

        await _bus.HandleAsync(subscriber, new(Body, Limits.Default.AlertDeliveries), default);
        var letter = Assert.Single(await _bus.ListAsync(10, default));
        Assert.Equal((Body, "429", Addresses.Alerts), (letter.Body, letter.Reason, letter.Queue));
    }

    [Fact]
    public async Task A_message_whose_turn_it_was_not_comes_again_each_time_and_that_is_no_delivery()
    {
        var subscriber = new Scripted(new Outcome.Again(TimeSpan.FromMinutes(5), "not now", IsTry: false));
        var message = new BusMessage(Body, Limits.Default.AlertDeliveries);
        for (var i = 0; i < 3; i++)
        {
            await _bus.HandleAsync(subscriber, message, default);
            _clock.Advance(TimeSpan.FromMinutes(5));
            var copy = _namespace.Take("alerts")!;
            Assert.Equal((Body, Limits.Default.AlertDeliveries), (copy.Body, (int)copy.Properties["delivery"]));
        }

        Assert.Empty(await _bus.ListAsync(10, default));
    }

    [Fact]
    public async Task A_dead_letter_can_be_forgotten()
    {
        await _bus.HandleAsync(new Scripted(new Outcome.Dead("refused", "one")), new(Body), default);
        var letter = Assert.Single(await _bus.ListAsync(10, default));
        Assert.Equal("one", letter.Body);
        Assert.True(await _bus.RemoveAsync(letter.Id, default));
        Assert.Empty(await _bus.ListAsync(10, default));
        Assert.Equal(0, _namespace.CountOf("alerts"));
    }

    [Fact]
    public async Task While_the_store_is_down_a_message_waits_and_does_not_become_a_dead_letter()
    {
        await _bus.HandleAsync(new Scripted(new StorageUnavailableException("down")), new(Body), default);
        Assert.Equal(_clock.Now + Limits.Default.BackOff(4), Assert.Single(_namespace.MessagesOf("alerts")).DueAt);
    }

    [Fact]
    public async Task What_a_subscriber_gives_up_is_shown_and_can_be_sent_again()
    {
        await _bus.HandleAsync(new Scripted(new Outcome.Dead("no such alerter")), new(Body), default);
        var letter = Assert.Single(await _bus.ListAsync(10, default));
        Assert.Equal((Body, "no such alerter"), (letter.Body, letter.Reason));
        Assert.True(await _bus.RetryAsync(letter.Id, default));
        Assert.Equal(Body, _namespace.Take("alerts")!.Body);
        Assert.Empty(await _bus.ListAsync(10, default));
        Assert.False(await _bus.RetryAsync(letter.Id, default));
    }

    [Fact]
    public async Task What_a_person_sends_again_and_must_wait_again_is_no_repeat_of_what_waited_before()
    {
        var subscriber = new Scripted(new Outcome.Again(TimeSpan.FromSeconds(2), "429"), new Outcome.Dead("gone"), new Outcome.Again(TimeSpan.FromSeconds(2), "429"));
        await _bus.HandleAsync(subscriber, new(Body), default);
        _clock.Advance(TimeSpan.FromSeconds(2));
        await DeliverAsync();
        Assert.True(await _bus.RetryAsync(Assert.Single(await _bus.ListAsync(10, default)).Id, default));
        await DeliverAsync();
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, (int)_namespace.Take("alerts")!.Properties["delivery"]!);

        async Task DeliverAsync()
        {
            var message = _namespace.Take("alerts")!;
            await _bus.HandleAsync(subscriber, new(message.Body, (int)message.Properties["delivery"]!, (string)message.Properties["chain"]), default);
            _namespace.Complete("alerts", message);
        }
    }

    [Fact]
    public async Task Poison_ends_in_the_dead_letter_queue_where_it_can_be_seen_again_and_again_and_sent_once_more()
    {
        await _bus.PublishAsync(Addresses.Results, "poison", "", default);
        await _bus.PublishAsync(Addresses.Results, "another", "", default);
        for (var i = 0; i < 20; i++) _namespace.Abandon("results/subscriptions/rules", _namespace.Take("results/subscriptions/rules")!);
        for (var i = 0; i < 3; i++) Assert.Equal(["another", "poison"], (await _bus.ListAsync(10, default)).Select(letter => letter.Body).Order());
        var letter = (await _bus.ListAsync(10, default)).Single(letter => letter.Body == "poison");
        Assert.Equal((Addresses.Rules, "MaxDeliveryCountExceeded"), (letter.Queue, letter.Reason));
        Assert.True(letter.Deliveries >= 10);

        // Its first id is still remembered: it comes under another.
        Assert.True(await _bus.RetryAsync(letter.Id, default));
        Assert.Equal("poison", _namespace.Take("results/subscriptions/rules")!.Body);
        Assert.Equal("another", Assert.Single(await _bus.ListAsync(10, default)).Body);
        Assert.False(await _bus.RetryAsync(letter.Id, default));
        Assert.False(await _bus.RetryAsync("nonsense", default));
    }

    [Fact]
    public async Task A_namespace_that_does_not_answer_is_a_store_that_does_not_answer()
    {
        _namespace.IsDown = true;
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await _bus.PublishAsync(Addresses.Alerts, "key", "", default));
    }

    [Fact]
    public async Task A_wrong_key_is_told()
    {
        await using var connection = ServiceBusConnection.Parse(_namespace.ConnectionString.Replace(FakeServiceBus.Key, "wrong", StringComparison.Ordinal));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await connection.SendAsync("alerts", new("b"), null, default));
        var fault = await Assert.ThrowsAsync<ServiceBusException>(async () => await _connection.SendAsync("nowhere", new("b"), null, default));
        Assert.Equal(ServiceBusFailureReason.MessagingEntityNotFound, fault.Reason);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Endpoint=sb://x/")]
    [InlineData("Endpoint=sb://x/;SharedAccessKeyName=k")]
    public void A_connection_string_that_lacks_something_is_told(string text) => Assert.Throws<FormatException>(() => ServiceBusConnection.Parse(text));

    [Fact]
    public async Task Without_a_Functions_host_the_pump_delivers_and_what_fails_comes_again()
    {
        using var stop = new CancellationTokenSource();
        var done = new TaskCompletionSource();
        var subscriber = new Scripted(new InvalidOperationException("once"), Outcome.Finished) { OnCall = calls => { if (calls == 2) done.SetResult(); } };
        var pump = new ServiceBusPump(_connection, _bus, [subscriber], NullLogger<ServiceBusPump>.Instance);
        var running = pump.RunAsync(stop.Token);
        await _bus.PublishAsync(Addresses.Alerts, Body, "", default);
        await done.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await stop.CancelAsync();
        await running;
        Assert.Equal((0, Body), (_namespace.CountOf("alerts"), subscriber.LastBody));
    }

    private sealed class Scripted(params object[] script) : ISubscriber
    {
        private int _calls;

        public string Queue => Addresses.Alerts;

        public string? LastBody { get; private set; }

        public Action<int> OnCall { get; init; } = _ => { };

        public ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
        {
            LastBody = body;
            var step = script[Math.Min(_calls++, script.Length - 1)];
            OnCall(_calls);
            return step is Exception fault ? throw fault : ValueTask.FromResult((Outcome)step);
        }
    }
}

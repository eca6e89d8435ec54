namespace Fleet.Shared;

/// <summary>A message in a queue or subscription.</summary>
internal sealed class FakeMessage(long sequence, string id, string body, IReadOnlyDictionary<string, object> properties, DateTimeOffset dueAt)
{
    public long Sequence => sequence;

    public string Id => id;

    public string Body => body;

    public IReadOnlyDictionary<string, object> Properties => properties;

    public DateTimeOffset DueAt => dueAt;

    public int Deliveries { get; set; }

    public DateTimeOffset LockedUntil { get; set; }

    public Guid LockToken { get; set; }

    public string? DeadReason { get; set; }
}

/// <summary>A Service Bus namespace with Fleet's entities: it speaks AMQP to the real client, and what the Functions host does with it are methods.</summary>
internal sealed class FakeServiceBus : IAsyncDisposable
{
    public const string KeyName = "RootManageSharedAccessKey";
    public const string Key = "not-a-secret";
    private const int MostDeliveries = 10;
    private const string Dead = "/$deadletterqueue";
    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(10);

    private static readonly string[] s_entities = ["alerts", "results/subscriptions/rules", "results/subscriptions/sinks"];

    /// <summary>Names of entities are the same whatever their case.</summary>
    private readonly Dictionary<string, List<FakeMessage>> _queues = s_entities.SelectMany(name => new[] { name, name + Dead }).ToDictionary(name => name, _ => new List<FakeMessage>(), StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, DateTimeOffset> _seen = [];
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly ServiceBusListener _listener;
    private bool _isDown;
    private long _sequence;

    private FakeServiceBus(bool secure, TimeProvider clock, TimeSpan lockTime) => (Clock, LockTime, _listener) = (clock, lockTime, new(this, secure));

    public TimeProvider Clock { get; }

    public TimeSpan LockTime { get; }

    public string Host => _listener.Host;

    public string ConnectionString => $"Endpoint=sb://{Host}/;SharedAccessKeyName={KeyName};SharedAccessKey={Key};UseDevelopmentEmulator=true";

    /// <summary>While it is true nobody listens.</summary>
    public bool IsDown
    {
        get => _isDown;
        set
        {
            _isDown = value;
            if (value) _listener.Close();
            else _listener.Open();
        }
    }

    public static FakeServiceBus Start(bool secure, TimeProvider? clock = null, TimeSpan? lockTime = null)
    {
        var bus = new FakeServiceBus(secure, clock ?? TimeProvider.System, lockTime ?? TimeSpan.FromMinutes(1));
        bus._listener.Open();
        return bus;
    }

    /// <summary>Takes a message for a queue or topic. False if there is no such entity.</summary>
    public bool Send(string entity, string body, string? id = null, IReadOnlyDictionary<string, object>? properties = null, DateTimeOffset? dueAt = null)
    {
        var queues = entity == "results" ? ["results/subscriptions/rules", "results/subscriptions/sinks"] : s_entities.Where(name => name == entity && !name.Contains('/', StringComparison.Ordinal)).ToArray();
        if (queues.Length == 0) return false;
        lock (_lock)
        {
            var now = Clock.GetUtcNow();
            id ??= Guid.NewGuid().ToString();
            if (_seen.TryGetValue($"{entity}/{id}", out var at) && now - at < s_window) return true;
            _seen[$"{entity}/{id}"] = now;
            foreach (var queue in queues) _queues[queue].Add(new(++_sequence, id, body, properties ?? new Dictionary<string, object>(), dueAt ?? now));
        }

        _arrived.Release();
        return true;
    }

    public bool Has(string entity) => _queues.ContainsKey(entity);

    /// <summary>What is due, locked for whoever asks; null if there is nothing.</summary>
    public FakeMessage? Take(string entity)
    {
        lock (_lock)
        {
            var now = Clock.GetUtcNow();
            Bury(entity, now);
            var message = _queues[entity].Find(message => message.DueAt <= now && message.LockedUntil <= now);
            if (message is null) return null;
            message.Deliveries++;
            message.LockedUntil = now + LockTime;
            message.LockToken = Guid.NewGuid();
            return message;
        }
    }

    /// <summary>Those from a number on, without a lock.</summary>
    public IReadOnlyList<FakeMessage> Peek(string entity, long from, int most)
    {
        lock (_lock) return [.. _queues[entity].Where(message => message.Sequence >= from).OrderBy(message => message.Sequence).Take(most)];
    }

    /// <summary>False if the lock was lost.</summary>
    public bool Complete(string entity, FakeMessage message)
    {
        lock (_lock) return _queues[entity].Remove(message);
    }

    /// <summary>Lets it go: it is delivered again at once, or given up after ten deliveries.</summary>
    public void Abandon(string entity, FakeMessage message)
    {
        lock (_lock)
        {
            message.LockedUntil = default;
            Bury(entity, Clock.GetUtcNow());
        }
    }

    /// <summary>Locks it for another while; when that ends. Null if the lock was lost.</summary>
    public DateTimeOffset? Renew(string entity, Guid token)
    {
        lock (_lock)
        {
            if (_queues[entity].Find(message => message.LockToken == token) is not { } message || message.LockedUntil <= Clock.GetUtcNow()) return null;
            return message.LockedUntil = Clock.GetUtcNow() + LockTime;
        }
    }

    public int CountOf(string entity)
    {
        lock (_lock) return _queues[entity].Count;
    }

    public IReadOnlyList<FakeMessage> MessagesOf(string entity)
    {
        lock (_lock) return [.. _queues[entity]];
    }

    /// <summary>Returns when something arrived, or after a while.</summary>
    public Task WaitAsync(TimeSpan most, CancellationToken ct) => _arrived.WaitAsync(most, ct);

    public ValueTask DisposeAsync()
    {
        if (!_isDown) _listener.Close();
        return ValueTask.CompletedTask;
    }

    private void Bury(string entity, DateTimeOffset now)
    {
        if (entity.EndsWith(Dead, StringComparison.OrdinalIgnoreCase)) return;
        foreach (var message in _queues[entity].Where(message => message.Deliveries >= MostDeliveries && message.LockedUntil <= now).ToList())
        {
            _queues[entity].Remove(message);
            message.DeadReason = "MaxDeliveryCountExceeded";
            message.LockedUntil = default;
            _queues[entity + Dead].Add(message);
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using Fleet.Kernel;
using Fleet.Storage.Embedded;
using Microsoft.Data.Sqlite;

namespace Fleet.Bus.Embedded;

/// <summary>A message that this instance may handle until its lock ends.</summary>
internal sealed record Held(long Id, string Queue, string Body, int Delivery);

/// <summary>Queues in the database file. A published message is as durable as a row, and shares its fsync.</summary>
/// <remarks>A message that waits already, or is being handled, is not added again: it names the same rows.</remarks>
internal sealed class SqliteBus : IBus, IDeadLetters
{
    /// <summary>Of many lanes some have only messages that wait: so many are looked at for each message that may be taken.</summary>
    private const int LanesLookedAt = 4;

    private readonly SqliteDatabase _database;
    private readonly Limits _limits;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<string, string> _lastLanes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _signals = new(StringComparer.Ordinal);

    public SqliteBus(SqliteDatabase database, Limits limits, TimeProvider clock)
    {
        (_database, _limits, _clock) = (database, limits, clock);
        database.Writer.RunAsync(
            connection =>
            {
                SqliteDatabase.Run(connection, """
                    CREATE TABLE IF NOT EXISTS bus (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, body TEXT NOT NULL,
                        due INTEGER NOT NULL, deliveries INTEGER NOT NULL, dead TEXT);
                    CREATE INDEX IF NOT EXISTS bus_due ON bus (queue, due) WHERE dead IS NULL;
                    CREATE UNIQUE INDEX IF NOT EXISTS bus_waiting ON bus (queue, body) WHERE dead IS NULL;
                    """);

                // Of a database that was made before there were lanes.
                using var command = Command(connection, "SELECT 1 FROM pragma_table_info('bus') WHERE name = 'lane'");
                if (command.ExecuteScalar() is null) SqliteDatabase.Run(connection, "ALTER TABLE bus ADD COLUMN lane TEXT NOT NULL DEFAULT ''");
                SqliteDatabase.Run(connection, "CREATE INDEX IF NOT EXISTS bus_lane ON bus (queue, lane, due) WHERE dead IS NULL");
                return true;
            },
            several: true,
            CancellationToken.None).GetAwaiter().GetResult();
    }

    public async ValueTask PublishAsync(string address, string body, string lane, CancellationToken ct)
    {
        var queues = Addresses.QueuesOf(address);
        await _database.Writer.RunAsync(
            connection =>
            {
                foreach (var queue in queues) Run(connection, "INSERT OR IGNORE INTO bus (queue, body, due, deliveries, lane) VALUES ($0, $1, 0, 0, $2)", queue, body, lane);
                return true;
            },
            several: queues.Count > 1,
            ct);
        foreach (var queue in queues) Signal(queue).Release();
    }

    /// <summary>Returns when something was published here, or after a while: another process may have published.</summary>
    public Task WaitAsync(string queue, TimeSpan most, CancellationToken ct) => Signal(queue).WaitAsync(most, ct);

    /// <summary>Takes messages that are due, at most <paramref name="most"/>, each lane's first before any lane's second, and locks them for <see cref="Limits.MessageLock"/>.</summary>
    /// <remarks>What it costs does not depend on how many messages wait: it is done in the only writer.</remarks>
    public async ValueTask<IReadOnlyList<Held>> TakeAsync(string queue, int most, CancellationToken ct)
    {
        // A look costs nothing; only when something is due is the writer asked.
        if (!_database.Read(connection => Any(connection, queue))) return [];
        return await _database.Writer.RunAsync<IReadOnlyList<Held>>(
            connection =>
            {
                var ids = InTurn(connection, queue, most);
                if (ids.Count < most) ids = [.. ids.Union(Oldest(connection, queue, most)).Take(most)];
                using var command = Command(
                    connection,
                    $"UPDATE bus SET due = $0, deliveries = deliveries + 1 WHERE id IN ({string.Join(',', ids)}) RETURNING id, body, deliveries",
                    Now + _limits.MessageLock.Ticks);
                var held = new List<Held>();
                using var reader = command.ExecuteReader();
                while (reader.Read()) held.Add(new(reader.GetInt64(0), queue, reader.GetString(1), reader.GetInt32(2)));
                return held;
            },
            several: false,
            ct);
    }

    /// <summary>Locks a message for <see cref="Limits.MessageLock"/> from now on, if it is this delivery's still.</summary>
    public Task RenewAsync(Held held, CancellationToken ct) => RunAsync("UPDATE bus SET due = $2 WHERE id = $0 AND deliveries = $1 AND dead IS NULL", ct, held.Id, held.Delivery, Now + _limits.MessageLock.Ticks);

    /// <summary>Ends a delivery as its outcome says.</summary>
    public Task SettleAsync(Held held, Outcome outcome, CancellationToken ct) => outcome switch
    {
        // Only this delivery is settled: if its lock ended and another holds the message now, that one decides.
        Outcome.Done => RunAsync("DELETE FROM bus WHERE id = $0 AND deliveries = $1", ct, held.Id, held.Delivery),
        Outcome.Dead dead => BuryAsync(held, dead.Reason, dead.Body, ct),
        Outcome.Again { IsTry: false } again => RunAsync("UPDATE bus SET due = $2, deliveries = deliveries - 1 WHERE id = $0 AND deliveries = $1", ct, held.Id, held.Delivery, Now + again.Wait.Ticks),
        Outcome.Again again when held.Delivery >= Addresses.DeliveriesOf(held.Queue, _limits) => BuryAsync(held, again.Reason, null, ct),
        Outcome.Again again => RunAsync("UPDATE bus SET due = $2 WHERE id = $0 AND deliveries = $1", ct, held.Id, held.Delivery, Now + again.Wait.Ticks),
        _ => throw new ArgumentException($"{outcome.GetType().Name} is no outcome.", nameof(outcome)),
    };

    public ValueTask<IReadOnlyList<DeadLetter>> ListAsync(int take, CancellationToken ct) =>
        ValueTask.FromResult(_database.Read<IReadOnlyList<DeadLetter>>(connection =>
        {
            using var command = Command(connection, "SELECT id, queue, body, deliveries, dead, due FROM bus WHERE dead IS NOT NULL ORDER BY due DESC LIMIT $0", take);
            var letters = new List<DeadLetter>();
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                letters.Add(new(
                    reader.GetInt64(0).ToString(CultureInfo.InvariantCulture), reader.GetString(1), reader.GetString(2),
                    reader.GetInt32(3), reader.GetString(4), new(reader.GetInt64(5), TimeSpan.Zero)));
            }

            return letters;
        }));

    public async ValueTask<bool> RetryAsync(string id, CancellationToken ct) =>
        NumberOf(id) is { } number && await RunAsync("UPDATE OR REPLACE bus SET dead = NULL, deliveries = 0, due = $1 WHERE id = $0 AND dead IS NOT NULL", ct, number, Now) > 0;

    public async ValueTask<bool> RemoveAsync(string id, CancellationToken ct) =>
        NumberOf(id) is { } number && await RunAsync("DELETE FROM bus WHERE id = $0 AND dead IS NOT NULL", ct, number) > 0;

    /// <summary>No message waits longer; one that seems to was written while the clock was ahead, and is due.</summary>
    private long TooFar => Now + TimeSpan.FromDays(2).Ticks;

    private static long? NumberOf(string id) => long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private SemaphoreSlim Signal(string queue) => _signals.GetOrAdd(queue, _ => new(0));

    private long Now => _clock.GetUtcNow().UtcTicks;

    private Task<int> BuryAsync(Held held, string reason, string? body, CancellationToken ct) =>
        RunAsync("UPDATE bus SET dead = $2, due = $3, body = $4 WHERE id = $0 AND deliveries = $1", ct, held.Id, held.Delivery, reason, Now, body ?? held.Body);

    private Task<int> RunAsync(string sql, CancellationToken ct, params object[] values) =>
        _database.Writer.RunAsync(connection => Run(connection, sql, values), several: false, ct);

    private bool Any(SqliteConnection connection, string queue)
    {
        using var command = Command(connection, "SELECT 1 FROM bus WHERE queue = $0 AND dead IS NULL AND (due <= $1 OR due > $2) LIMIT 1", queue, Now, TooFar);
        return command.ExecuteScalar() is not null;
    }

    /// <summary>Of each lane the oldest message that is due, from the lane after the last turn's on and once round; then of each its second, and so on.</summary>
    private List<long> InTurn(SqliteConnection connection, string queue, int most)
    {
        var ids = new List<long>();
        var lanes = new List<string>();
        var lane = NextLane(connection, queue, _lastLanes.GetValueOrDefault(queue)) ?? NextLane(connection, queue, null);
        var first = lane;
        for (var looked = 0; lane is not null && ids.Count < most && looked < most * LanesLookedAt; looked++)
        {
            if (AddDue(lane, 0)) lanes.Add(lane);
            _lastLanes[queue] = lane;
            lane = NextLane(connection, queue, lane) ?? NextLane(connection, queue, null);
            if (lane == first) break;
        }

        for (var turn = 1; lanes.Count > 0 && ids.Count < most; turn++) lanes.RemoveAll(one => ids.Count >= most || !AddDue(one, turn));
        return ids;

        bool AddDue(string of, int turn)
        {
            using var command = Command(connection, "SELECT id FROM bus WHERE queue = $0 AND lane = $1 AND dead IS NULL AND due <= $2 ORDER BY due, id LIMIT 1 OFFSET $3", queue, of, Now, turn);
            if (command.ExecuteScalar() is not long id) return false;
            ids.Add(id);
            return true;
        }
    }

    private static string? NextLane(SqliteConnection connection, string queue, string? after)
    {
        using var command = Command(connection, $"SELECT min(lane) FROM bus WHERE queue = $0 AND dead IS NULL AND lane {(after is null ? ">=" : ">")} $1", queue, after ?? "");
        return command.ExecuteScalar() as string;
    }

    /// <summary>The messages that are due longest, whatever their lane, and those of a clock that was ahead.</summary>
    private List<long> Oldest(SqliteConnection connection, string queue, int most)
    {
        using var command = Command(
            connection,
            """
            SELECT id FROM (SELECT id FROM bus WHERE queue = $0 AND dead IS NULL AND due <= $1 ORDER BY due, id LIMIT $3)
            UNION ALL
            SELECT id FROM (SELECT id FROM bus WHERE queue = $0 AND dead IS NULL AND due > $2 ORDER BY due, id LIMIT $3)
            """,
            queue, Now, TooFar, most);
        var ids = new List<long>();
        using var reader = command.ExecuteReader();
        while (reader.Read()) ids.Add(reader.GetInt64(0));
        return ids;
    }

    private static int Run(SqliteConnection connection, string sql, params object[] values)
    {
        using var command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, params object[] values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue("$" + i, values[i]);
        return command;
    }
}

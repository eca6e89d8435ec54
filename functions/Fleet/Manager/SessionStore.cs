using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Somebody who is signed in.</summary>
/// <param name="Person">The account: by method and name, since different directories may know different people by one name.</param>
internal sealed record Session(
    string Id, string Person, string Name, string Method, Role Role, DateTimeOffset CreatedAt, DateTimeOffset SeenAt, string? Address, string? Agent)
{
    public static string PersonOf(string method, string name) => $"{method}:{name.ToLowerInvariant()}";
}

/// <summary>Sessions, so that they can be listed and ended. Table: <see cref="Schema.Sessions"/>. A request costs one point read.</summary>
internal sealed class SessionStore(ITables tables, AuthSettings settings, TimeProvider clock)
{
    private static readonly TimeSpan s_touch = TimeSpan.FromMinutes(1);

    private readonly ITable _sessions = tables[Schema.Sessions];

    public async ValueTask<Session> StartAsync(string person, string name, string method, Role role, string? address, string? agent, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var session = new Session(Guid.NewGuid().ToString("N"), person, name, method, role, now, now, address, agent is { Length: > 300 } ? agent[..300] : agent);
        await _sessions.WriteAsync(Write.Insert(KeyOf(person, session.Id), Columns(session)), ct);

        // Those of the same person that are over are of no use any more.
        await foreach (var row in _sessions.ScanAsync(KeyRange.Partition(KeyText.Of(person)), ct))
        {
            if (IsOver(Read(row), now)) await _sessions.WriteAsync(Write.Delete(row.Key), ct);
        }

        return session;
    }

    /// <summary>The session, unless it is over; noted as used.</summary>
    public async ValueTask<Session?> UseAsync(string person, string id, CancellationToken ct)
    {
        if (await _sessions.FindAsync(KeyOf(person, id), ct) is not { } row) return null;
        var session = Read(row);
        var now = clock.GetUtcNow();
        if (IsOver(session, now)) return null;
        if (now - session.SeenAt < s_touch) return session;
        try
        {
            await _sessions.WriteAsync(Write.Merge(row.Key, new Columns { ["SeenAt"] = now }).If(row.Etag), ct);
        }
        catch (ConflictException)
        {
            // Another request noted it, or somebody ended it just now, which the next request finds.
        }

        return session with { SeenAt = now };
    }

    public DateTimeOffset EndOf(Session session) => new[] { session.CreatedAt + settings.SessionLife, session.SeenAt + settings.SessionIdle }.Min();

    /// <summary>Sessions that are not over: one person's, or everybody's.</summary>
    public async ValueTask<IReadOnlyList<Session>> ListAsync(string? person, CancellationToken ct)
    {
        var sessions = new List<Session>();
        var now = clock.GetUtcNow();
        await foreach (var row in _sessions.ScanAsync(person is null ? KeyRange.Everything : KeyRange.Partition(KeyText.Of(person)), ct))
        {
            if (Read(row) is var session && !IsOver(session, now)) sessions.Add(session);
        }

        return [.. sessions.OrderByDescending(session => session.CreatedAt)];
    }

    public async ValueTask EndAsync(string person, string id, CancellationToken ct) => await _sessions.WriteAsync(Write.Delete(KeyOf(person, id)), ct);

    /// <summary>Ends all of a person's sessions, save one.</summary>
    public async ValueTask EndAllAsync(string person, string? save, CancellationToken ct)
    {
        await foreach (var row in _sessions.ScanAsync(KeyRange.Partition(KeyText.Of(person)), ct))
        {
            if (row.Key.Row != save) await _sessions.WriteAsync(Write.Delete(row.Key), ct);
        }
    }

    private bool IsOver(Session session, DateTimeOffset now) => now >= EndOf(session);

    private static Key KeyOf(string person, string id) => new(KeyText.Of(person), id);

    private static Columns Columns(Session session) => new Columns()
        .With("Person", session.Person).With("Name", session.Name).With("Method", session.Method).With("Role", Roles.NameOf(session.Role)).With("CreatedAt", session.CreatedAt)
        .With("SeenAt", session.SeenAt).With("Address", session.Address).With("Agent", session.Agent);

    private static Session Read(Row row) => new(
        row.Key.Row, row.Columns.Text("Person")!, row.Columns.Text("Name")!, row.Columns.Text("Method")!, Roles.Parse(row.Columns.Text("Role")!), row.Columns.Time("CreatedAt")!.Value,
        row.Columns.Time("SeenAt")!.Value, row.Columns.Text("Address"), row.Columns.Text("Agent"));
}

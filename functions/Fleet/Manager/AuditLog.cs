using System.Text;
using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>What someone did, or tried.</summary>
/// <param name="Id">The request's id.</param>
/// <param name="Method">How they were known: <c>local</c>, <c>ldap</c>, …, <c>token</c>; empty for nobody.</param>
/// <param name="Action">Method and resource: <c>PUT queries</c>.</param>
/// <param name="Target">What it was done to: <c>queries/uptime</c>.</param>
/// <param name="Status">The answer's; null when the program died before it knew.</param>
internal sealed record AuditEntry(
    string Id, DateTimeOffset At, string Actor, string Method, string? Address, string Action, string Target, string Path, int? Status, string? Reason, JsonNode? Before, JsonNode? After);

/// <summary>Which entries. What is null does not matter.</summary>
/// <param name="Target">It, or what lies under it.</param>
internal sealed record AuditFilter(string? Actor, string? Action, string? Target, DateTimeOffset? From, DateTimeOffset? To, bool FailuresOnly)
{
    public bool Wants(AuditEntry entry) =>
        (Actor is null || entry.Actor.Equals(Actor, StringComparison.OrdinalIgnoreCase))
        && (Action is null || entry.Action.Contains(Action, StringComparison.OrdinalIgnoreCase))
        && (Target is null || entry.Target == Target || entry.Target.StartsWith(Target + "/", StringComparison.Ordinal))
        && !(entry.At < From) && !(entry.At > To)
        && (!FailuresOnly || entry.Status is null or >= 400);
}

/// <summary>The audit log. Tables: <see cref="Schema.Audit"/>. This class is all that writes there, and it only inserts; months are dropped whole.</summary>
/// <remarks>An entry is two rows: one before the deed, so that none is done without a trace, and one after it.</remarks>
internal sealed class AuditLog(ITables tables, TimeProvider clock)
{
    private const string Done = ".done";
    private const int MostRows = 15_000;

    /// <summary>Notes what is about to be done. If this fails, it must not be done.</summary>
    public async ValueTask<AuditEntry> BeginAsync(string id, string actor, string method, string? address, string action, string path, CancellationToken ct)
    {
        var entry = new AuditEntry(id, clock.GetUtcNow(), actor, method, address, action, path, path, null, null, null, null);
        var columns = new Columns { ["At"] = entry.At, ["Actor"] = actor, ["Method"] = method, ["Action"] = action, ["Path"] = path }.With("Address", address);
        await tables[Schema.Audit(entry.At)].WriteAsync(Write.Insert(KeyOf(entry), columns), ct);
        return entry;
    }

    /// <summary>Notes what came of it.</summary>
    public async ValueTask EndAsync(AuditEntry entry, CancellationToken ct)
    {
        var columns = new Columns { ["Actor"] = entry.Actor, ["Target"] = entry.Target }.With("Status", (long?)entry.Status).With("Reason", entry.Reason);
        Put("B", entry.Before);
        Put("A", entry.After);
        var key = KeyOf(entry);
        await tables[Schema.Audit(entry.At)].WriteAsync(Write.Insert(key with { Row = key.Row + Done }, columns), ct);

        void Put(string name, JsonNode? json)
        {
            if (json is null) return;
            var packed = Compression.Pack(Encoding.UTF8.GetBytes(json.ToJsonString()));

            // Both fit in one row.
            if (packed.Length > Chunks.MostInRow / 2) packed = Compression.Pack("""{"truncated":true}"""u8);
            columns.WithBytes(name, packed);
        }
    }

    /// <summary>Entries, newest first. A page that has looked at <see cref="MostRows"/> entries ends early, and has a token.</summary>
    public async ValueTask<Page<AuditEntry>> PageAsync(AuditFilter filter, int take, string? after, CancellationToken ct)
    {
        var entries = new List<AuditEntry>();
        var rows = 0;
        await foreach (var (entry, place) in EntriesAsync(filter, after, ct))
        {
            if (filter.Wants(entry)) entries.Add(entry);
            if (entries.Count == take || ++rows == MostRows) return new(entries, place);
        }

        return new(entries, null);
    }

    public IAsyncEnumerable<AuditEntry> AllAsync(AuditFilter filter, CancellationToken ct) =>
        EntriesAsync(filter, after: null, ct).Select(one => one.Entry).Where(filter.Wants);

    private async IAsyncEnumerable<(AuditEntry Entry, string Place)> EntriesAsync(
        AuditFilter filter, string? after, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var start = after?.Split('|');
        if (start is not (null or { Length: 3 })) throw new BadPlaceException();
        foreach (var name in (await tables.ListAsync(Schema.AuditPrefix, ct)).Reverse())
        {
            if (start is not null && string.CompareOrdinal(name, start[0]) > 0) continue;
            if (filter.To is { } to && string.CompareOrdinal(name, Schema.Audit(to)) > 0) continue;
            if (filter.From is { } from && string.CompareOrdinal(name, Schema.Audit(from)) < 0) yield break;
            var begin = start?[0] == name ? new Key(start[1], start[2] + Done + "!") : new Key("", "");
            Row? open = null;
            await foreach (var row in tables[name].ScanAsync(new(begin, new(KeyRange.Last, "")), ct))
            {
                var isDone = row.Key.Row.EndsWith(Done, StringComparison.Ordinal);
                if (open is not null) yield return Pair(name, open, isDone ? row : null);
                open = isDone ? null : row;
            }

            if (open is not null) yield return Pair(name, open, null);
        }
    }

    private static (AuditEntry, string) Pair(string table, Row begun, Row? done) => (
        new(
            begun.Key.Row[20..], begun.Columns.Time("At")!.Value, done?.Columns.Text("Actor") ?? begun.Columns.Text("Actor")!, begun.Columns.Text("Method")!, begun.Columns.Text("Address"),
            begun.Columns.Text("Action")!, done?.Columns.Text("Target") ?? begun.Columns.Text("Path")!, begun.Columns.Text("Path")!, (int?)done?.Columns.Number("Status"),
            done?.Columns.Text("Reason"), Json(done, "B"), Json(done, "A")),
        $"{table}|{begun.Key.Partition}|{begun.Key.Row}");

    private static JsonNode? Json(Row? row, string name) =>
        row?.Columns.AllBytes(name) is { Length: > 0 } packed ? JsonNode.Parse(Compression.Unpack(packed)) : null;

    private static Key KeyOf(AuditEntry entry) => new(TimeKey.DayNewestFirst(entry.At), $"{TimeKey.NewestFirst(entry.At)}-{entry.Id}");
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>A query of the schedule. What is left out has osquery's default.</summary>
/// <param name="Disabled">Keep it here, and do not send it to agents.</param>
/// <param name="Forced">Send it although the check refuses it: agents may have tables that the server does not know.</param>
/// <param name="Fault">Ignored: it is the server's to say.</param>
internal sealed record QueryRequest(
    string Sql, int? Interval = null, string? Platform = null, string? Version = null, int? Shard = null, bool? Snapshot = null, bool? Removed = null,
    bool? Denylist = null, string? Description = null, string? Value = null, IReadOnlyList<string>? Tags = null, int? StartupPriority = null,
    bool Disabled = false, bool Forced = false, string? Fault = null);

/// <param name="Interval">Seconds.</param>
/// <param name="Platform">Which platforms run it, in osquery's words: <c>linux</c>, <c>darwin,linux</c>, <c>posix</c>; null for all.</param>
/// <param name="Version">The least osquery version that runs it.</param>
/// <param name="Shard">The percentage of hosts that run it.</param>
/// <param name="Disabled">Agents do not get it.</param>
/// <param name="Forced">Agents get it although the check refuses it.</param>
/// <param name="Fault">Why the check refused it when it was saved.</param>
internal sealed record QueryBody(
    string Name, string Sql, int Interval, string? Platform, string? Version, int? Shard, bool? Snapshot, bool Removed, bool? Denylist, string? Description, string? Value,
    IReadOnlyList<string> Tags, int? StartupPriority, bool Disabled, bool Forced, string? Fault);

/// <summary>Queries of the schedule.</summary>
internal sealed class QueryItems(ConfigItems items, OsquerySql sql, Limits limits) : ItemKind<Query>(items.Queries, "queries", "query")
{
    public override string NameOf(Query item) => item.Name;

    public override TagSet TagsOf(Query item) => item.Tags;

    public override Query With(Query item, string name, TagSet tags) => item with { Name = name, Tags = tags };

    public override JsonObject Body(Query item) => (JsonObject)JsonSerializer.SerializeToNode(
        new QueryBody(
            item.Name, item.Schedule.Sql, item.Schedule.Interval, item.Schedule.Platform, item.Schedule.Version, item.Schedule.Shard, item.Schedule.Snapshot, item.Schedule.Removed ?? true,
            item.Schedule.Denylist, item.Schedule.Description, item.Schedule.Value, item.Tags.Tags, item.Schedule.StartupPriority, item.Schedule.Disabled, item.Schedule.Forced, item.Schedule.Fault),
        ManagerJson.Strict.QueryBody)!;

    public override SizedItem Sized(Query item) => ConfigSizes.Of(item);

    public override JsonObject File(Query item) => new() { ["schedule"] = new JsonObject { [item.Name] = item.Schedule.ToJson() } };

    public override IEnumerable<string> ResultNames(Query item) => [item.Name];

    protected override Query? Read(string name, JsonObject body, Query? before, ConfigFindings found)
    {
        var request = Typed(body, ManagerJson.Strict.QueryRequest);
        var schedule = new ScheduledQuery(
            request.Sql, request.Interval ?? ScheduledQuery.DefaultInterval, request.Platform, request.Version, request.Shard, request.Snapshot, request.Removed,
            request.Denylist, request.Description, request.Value, request.StartupPriority, request.Disabled, request.Forced);

        // Read back as a file's entry is: one set of rules for both ways in.
        if (Names.QueryFault(name, limits) is { } nameFault) found.Refuse("name", nameFault);
        CheckTags(request.Tags, limits, found);
        var inFile = new ConfigFindings(found.Allow);
        var read = ScheduledQuery.Read(schedule.ToJson(), "", sql.Current, inFile);
        found.Faults.AddRange(inFile.Faults.Select(Named));
        found.Notes.AddRange(inFile.Notes.Select(Named));
        found.Statements.AddRange(inFile.Statements.Select(one => one with { Path = "sql" }));
        return read is null ? null : new(name, TagSet.Of(request.Tags ?? []), read);

        static ConfigFault Named(ConfigFault fault) => fault with { Path = fault.Path.TrimStart('.') is var path && path == "query" ? "sql" : path };
    }
}

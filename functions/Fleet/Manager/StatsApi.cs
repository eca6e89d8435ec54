using Fleet.Kernel;
using Fleet.Nodes;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

internal sealed record CountOf(string Name, int Count);

/// <param name="LastSeen">Nodes by how long ago they were heard of.</param>
internal sealed record NodeStats(int Total, IReadOnlyList<CountOf> Statuses, IReadOnlyList<CountOf> Platforms, IReadOnlyList<CountOf> OsqueryVersions, IReadOnlyList<CountOf> LastSeen, int Cloned);

/// <param name="Hour">Its beginning.</param>
internal sealed record HourStats(DateTimeOffset Hour, long Enrollments, long CheckIns, long ResultLines, long StatusLines, long Answers, long Alerts);

internal sealed record ActivityStats(IReadOnlyList<HourStats> Hours);

/// <param name="Name">A query of the schedule by its name, or the SQL of a distributed one.</param>
/// <param name="Runs">How often its time was told.</param>
/// <param name="Denylisted">How often an agent was killed while it ran, and left it alone for a day.</param>
internal sealed record QueryStats(string Name, bool Distributed, long Runs, double MeanMs, long MostMs, long Denylisted, DateTimeOffset? DenylistedAt);

internal sealed record QueryCostStats(IReadOnlyList<QueryStats> Slowest, IReadOnlyList<QueryStats> Denylisted);

/// <param name="Query">A query of the schedule by its name, or the SQL of a distributed one.</param>
/// <param name="Nodes">How many nodes leave it alone.</param>
/// <param name="Newest">When the last of them denylisted it.</param>
internal sealed record DenylistedStats(string Query, int Nodes, DateTimeOffset Newest);

/// <summary>Numbers for a dashboard.</summary>
internal static class StatsApi
{
    private static readonly (string Name, TimeSpan Within)[] s_ages =
    [
        ("5m", TimeSpan.FromMinutes(5)), ("1h", TimeSpan.FromHours(1)), ("6h", TimeSpan.FromHours(6)), ("1d", TimeSpan.FromDays(1)), ("7d", TimeSpan.FromDays(7)), ("30d", TimeSpan.FromDays(30)),
    ];

    public static void MapStats(this IEndpointRouteBuilder api)
    {
        api.MapGet("/stats/nodes", NodesAsync).For(Role.Viewer).Docs<NodeStats>("Count nodes by status, platform, version and last check-in");
        api.MapGet("/stats/activity", ActivityAsync).For(Role.Viewer).Docs<ActivityStats>("Count check-ins, lines, answers and alerts by hour");
        api.MapGet("/stats/queries", QueriesAsync).For(Role.Viewer).Docs<QueryCostStats>("List the slowest and the most denylisted queries");
        api.MapGet("/denylisted-queries", ListDenylistedAsync).For(Role.Viewer).Docs<ListOf<DenylistedStats>>("List the queries that agents leave alone now, since they were ended while they ran them", id: "listDenylistedQueries");
    }

    private static async Task<Ok<NodeStats>> NodesAsync(NodeQuery query, TimeProvider clock, CancellationToken ct)
    {
        var all = await query.FindAsync(new(), ct);
        var now = clock.GetUtcNow();
        var statuses = all.CountBy(one => query.StatusOf(one.Node, one.Seen)).ToDictionary();
        var ages = all.CountBy(one => AgeOf(one.Seen?.At, now)).ToDictionary();
        return TypedResults.Ok(new NodeStats(
            all.Count,
            [.. Enum.GetValues<NodeStatus>().Select(status => new CountOf(PresenceSettings.NameOf(status), statuses.GetValueOrDefault(status)))],
            Counts(all.CountBy(one => one.Node.Platform)),
            Counts(all.CountBy(one => one.Node.OsqueryVersion)),
            [.. s_ages.Select(age => age.Name).Concat(["older", "never"]).Select(age => new CountOf(age, ages.GetValueOrDefault(age)))],
            all.Count(one => one.Node.IsCloned)));
    }

    private static async Task<IResult> ActivityAsync(Activity activity, CancellationToken ct, int? hours = null)
    {
        if (hours is < 1 or > 744) return Problem.Invalid("hours", "This is a number from 1 to 744.");
        var counted = await activity.HoursAsync(hours ?? 24, ct);
        return TypedResults.Ok(new ActivityStats([.. counted.Select(hour => new HourStats(
            hour.Hour, Of(hour, ActivityKind.Enrollments), Of(hour, ActivityKind.CheckIns), Of(hour, ActivityKind.ResultLines), Of(hour, ActivityKind.StatusLines), Of(hour, ActivityKind.Answers),
            Of(hour, ActivityKind.Alerts)))]));

        static long Of(ActivityHour hour, ActivityKind kind) => hour.Counts[(int)kind];
    }

    private static async Task<Ok<QueryCostStats>> QueriesAsync(QueryCosts costs, CancellationToken ct, int? take = null)
    {
        var all = await costs.ListAsync(ct);
        var most = Math.Clamp(take ?? 20, 1, 100);
        return TypedResults.Ok(new QueryCostStats(
            [.. all.Where(cost => cost.Runs > 0).OrderByDescending(cost => cost.MeanMs).Take(most).Select(Body)],
            [.. all.Where(cost => cost.Denylisted > 0).OrderByDescending(cost => cost.Denylisted).Take(most).Select(Body)]));
    }

    private static async Task<Ok<ListOf<DenylistedStats>>> ListDenylistedAsync(NodeQuery query, Limits limits, CancellationToken ct, int? take = null, string? after = null, int? page = null) =>
        TypedResults.Ok(Paging.PageOf(await DenylistedAsync(query, ct), one => one.Query, take, after, page, limits, one => one));

    /// <summary>Queries that any node leaves alone now.</summary>
    internal static async ValueTask<IReadOnlyList<DenylistedStats>> DenylistedAsync(NodeQuery query, CancellationToken ct) =>
        [.. (await query.FindAsync(new(), ct)).SelectMany(one => query.DenylistedOf(one.Node)).GroupBy(one => one.Key, one => one.Value, StringComparer.Ordinal).Select(one => new DenylistedStats(one.Key, one.Count(), one.Max()))];

    private static QueryStats Body(QueryCost cost) => new(cost.Name, cost.IsDistributed, cost.Runs, Math.Round(cost.MeanMs, 1), cost.MostMs, cost.Denylisted, cost.DenylistedAt);

    private static string AgeOf(DateTimeOffset? seen, DateTimeOffset now) =>
        seen is not { } at ? "never" : s_ages.FirstOrDefault(age => now - at < age.Within).Name ?? "older";

    private static List<CountOf> Counts(IEnumerable<KeyValuePair<string, int>> counts) => [.. counts.OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal).Select(count => new CountOf(count.Key, count.Value))];
}

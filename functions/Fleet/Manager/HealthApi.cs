using System.Diagnostics;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Sinks;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

internal sealed record HealthBody(string Status, string Version);

/// <param name="Name"><c>store</c>, <c>bus</c>, <c>changes</c>, <c>chores</c>, <c>stages</c>, <c>quarantine</c>, <c>certificate</c>, <c>configurations</c>, <c>queries</c>, <c>enrollments</c>, <c>rules</c>, <c>alerters</c> or <c>sinks</c>.</param>
/// <param name="Status"><c>ok</c> or <c>sick</c>.</param>
/// <param name="Detail">What is wrong, or how well it is.</param>
internal sealed record HealthPart(string Name, string Status, string Detail);

/// <summary>How each part is, on this instance.</summary>
internal sealed record HealthReport(string Status, string Version, DateTimeOffset StartedAt, IReadOnlyList<HealthPart> Parts);

/// <param name="Tags">Such as <c>{"table":"Results","kind":"batch"}</c>.</param>
/// <param name="Total">Since the start: of a count its sum, of a measurement how many there were.</param>
/// <param name="Mean">Of measurements, in <paramref name="Unit"/>.</param>
internal sealed record MetricBody(string Name, string Unit, string Description, IReadOnlyDictionary<string, string> Tags, long Total, long LastHour, double? Mean, double? Most);

internal sealed record MetricsBody(DateTimeOffset StartedAt, IReadOnlyList<MetricBody> Metrics);

/// <summary><c>GET /healthz</c>: whether the server can do its work now, for load balancers and start scripts, without sign-in; and for people which part is sick.</summary>
internal static class HealthApi
{
    private static readonly TimeSpan s_lateFeed = TimeSpan.FromMinutes(1);
    /// <summary>A person is told who looks into what is an hour old and seems new.</summary>
    private static readonly TimeSpan s_behind = TimeSpan.FromHours(1);

    public static void MapHealth(this IEndpointRouteBuilder app) => app.MapGet("/healthz", AnswerAsync);

    public static void MapHealthReport(this IEndpointRouteBuilder api)
    {
        api.MapGet("/health", ReportAsync).For(Role.Viewer).Docs<HealthReport>("Say which part of the server is sick", id: "getHealth");
        api.MapGet("/metrics", Metrics).For(Role.Viewer).Docs<MetricsBody>("Read what this instance has counted since its start", id: "getMetrics");
    }

    private static string Version => typeof(HealthApi).Assembly.GetName().Version!.ToString(3);

    private static async Task<IResult> AnswerAsync(ITables tables, ILogger<HealthBody> log, CancellationToken ct)
    {
        try
        {
            await tables[Schema.Changes].FindAsync(new("feed", "head"), ct);
            return TypedResults.Ok(new HealthBody("ok", Version));
        }
        catch (StorageUnavailableException fault)
        {
            // Anyone may ask: what the store said stays in the log.
            log.LogError(fault, "The store does not answer");
            return new Problem(503, "unavailable", "The store does not answer", "The server's log says why.").ToResult();
        }
    }

    private static Ok<MetricsBody> Metrics(MetricsBoard board) => TypedResults.Ok(new MetricsBody(
        board.StartedAt,
        [.. board.Read().Select(metric => new MetricBody(metric.Name, metric.Unit, metric.Description, metric.Tags.DistinctBy(tag => tag.Key).ToDictionary(), metric.Total, metric.LastHour, metric.Mean, metric.Most))]));

    private static async Task<IResult> ReportAsync(
        ITables tables, IDeadLetters letters, ChangeFeed changes, ChoreBoard chores, StageBoard stages, Quarantine quarantine, Inbox inbox, OwnCertificate certificate, TimeProvider clock, MetricsBoard metrics, Alerters alerters, SinkStore sinks, SinkQueue queue, ConfigSizes sizes, NodeQuery nodes, EnrollRefusals refusals, Limits limits, CancellationToken ct)
    {
        var counted = metrics.Read();
        var parts = new List<HealthPart>
        {
            await PartAsync("store", async () =>
            {
                var began = Stopwatch.GetTimestamp();
                await tables[Schema.Changes].FindAsync(new("feed", "head"), ct);
                return (true, FormattableString.Invariant($"It answered in {Stopwatch.GetElapsedTime(began).TotalMilliseconds:0} ms."));
            }),
            await PartAsync("bus", async () => await letters.ListAsync(100, ct) is var dead && dead.Count == 0 ? (true, "No message was given up.") : (false, $"It works, and {dead.Count} messages were given up: see the dead letters.")),
            await PartAsync("changes", () => new(changes.Age is var age && age < s_lateFeed
                ? (true, FormattableString.Invariant($"Others' changes were looked for {age.TotalSeconds:0} s ago."))
                : (false, FormattableString.Invariant($"Others' changes were looked for {age.TotalSeconds:0} s ago: this instance may not know them.")))),
            await PartAsync("chores", () => new(chores.Runs.Where(run => run.Fault is not null).ToList() is { Count: > 0 } failed
                ? (false, string.Join(" ", failed.Select(run => $"{run.Name}: {run.Fault}")))
                : (true, $"{chores.Runs.Count} chores ran on this instance, none failed last."))),
            await PartAsync("stages", async () =>
            {
                if (stages.Standing(limits.StageStanding) is { Count: > 0 } standing)
                {
                    return (false, string.Join(" ", standing.Select(one => FormattableString.Invariant($"{one.Stage} finished nothing for {one.For.TotalMinutes:0} min, and there is work for it."))));
                }

                var lag = clock.GetUtcNow() - await inbox.CompleteUpToAsync(ct) ?? TimeSpan.Zero;
                return (lag < s_behind, lag < limits.StageStanding ? "Every stage moves." : FormattableString.Invariant($"Every stage moves; reports and searches are {lag.TotalMinutes:0} min behind."));
            }),
            await PartAsync("quarantine", async () => await quarantine.ListAsync(100, ct) is { Count: > 0 } aside
                ? (false, $"{aside.Count} batches were put aside because of their lines: see the dead letters. The newest: {aside[0].Reason}")
                : (true, "No batch was put aside.")),
            await PartAsync("certificate", () => new(certificate.At(clock.GetUtcNow()))),
            await PartAsync("configurations", async () => await sizes.FindAsync(changes: null, ct) is { Count: > 0 } large
                ? (!large.Any(config => config.Nodes > 0 && config.IsTooLarge), string.Join(" ", large.Take(5)))
                : (true, "All are well below what agents take.")),
            await PartAsync("queries", async () => await StatsApi.DenylistedAsync(nodes, ct) is { Count: > 0 } denylisted
                ? (false, $"Agents were ended while they ran these, and leave them alone for a day: {string.Join(", ", denylisted.OrderByDescending(one => one.Nodes).Take(5).Select(one => $"{(one.Query.Length > 100 ? one.Query[..100] + "…" : one.Query)} ({one.Nodes} nodes)"))}.")
                : (true, "No agent has denylisted a query.")),
            await PartAsync("enrollments", async () =>
            {
                // Strangers are refused on every open server: that is told, and is no sickness.
                var refused = (await refusals.ListAsync(ct)).Where(one => clock.GetUtcNow() - one.Last < TimeSpan.FromHours(1)).ToList();
                return (true, refused.Count == 0 ? "No machine was refused in the last hour." : $"{refused.Count} machines were refused in the last hour, the newest since {refused[0].Reason}.");
            }),
            await PartAsync("rules", () => new(counted.Where(metric => metric.Name == "fleet.rules.faults").Sum(metric => metric.LastHour) is > 0 and var faults
                ? (false, $"{faults} matches of the last hour could not be made into alerts: the log says why.")
                : (true, "Every match became an alert."))),
            await PartAsync("alerters", () => new(AlertersOf(counted, alerters))),
            await PartAsync("sinks", async () =>
            {
                var failing = new List<string>();
                foreach (var sink in sinks.Active)
                {
                    if (await queue.FindStateAsync(sink.Name, ct) is { Attempts: > 0, Error: { } error }) failing.Add($"{sink.Name}: {error}");
                    else if (await queue.RefusedAsync(sink.Name, TableLimits.PageRows, ct) is { Count: > 0 } refused) failing.Add($"{sink.Name} would not take lines of {refused.Count} batches: {refused[0].Reason}");
                }

                return failing.Count > 0 ? (false, string.Join(" ", failing)) : (true, "None fails.");
            }),
        };
        return TypedResults.Ok(new HealthReport(parts.TrueForAll(part => part.Status == "ok") ? "ok" : "sick", Version, metrics.StartedAt, parts));
    }

    /// <summary>One that was told something in the last hour and took nothing is sick; of one that took some it is said how often it failed.</summary>
    private static (bool, string) AlertersOf(IReadOnlyList<Metric> counted, Alerters alerters)
    {
        var tried = alerters.Current.Items.Select(alerter => alerter.Name).Order(StringComparer.Ordinal).Select(name => (Name: name, Took: Of(name, isDelivered: true), Failed: Of(name, isDelivered: false))).Where(one => one.Failed > 0).ToList();
        if (tried.Count == 0) return (true, "None failed in the last hour.");
        return (tried.TrueForAll(one => one.Took > 0), $"In the last hour {string.Join(", ", tried.Select(one => one.Took > 0 ? $"{one.Name} failed {one.Failed} times and took {one.Took}" : $"{one.Name} took nothing"))}.");

        long Of(string alerter, bool isDelivered) => counted.Where(metric => metric.Name == "fleet.deliveries" && metric.Tags.Any(tag => tag is { Key: "alerter" } && tag.Value == alerter)
            && metric.Tags.Any(tag => tag is { Key: "outcome", Value: "delivered" }) == isDelivered).Sum(metric => metric.LastHour);
    }

    private static async ValueTask<HealthPart> PartAsync(string name, Func<ValueTask<(bool IsWell, string Detail)>> look)
    {
        try
        {
            var (isWell, detail) = await look();
            return new(name, isWell ? "ok" : "sick", detail);
        }
        catch (Exception fault) when (fault is not OperationCanceledException)
        {
            // Health is asked just when something is wrong: one part that cannot be told is sick, and the others are told.
            return new(name, "sick", fault.Message);
        }
    }
}

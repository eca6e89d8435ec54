using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Sinks;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>The whole list of chores.</summary>
internal sealed class Chores(
    Materialize materialize, SilentNodes silent, Retention retention, NodeExpiry nodeExpiry, Expiry expiry, CampaignTallies tallies, CampaignSchedules schedules, TidyCarves carves, TendAlerts alerts, AbsenceRules absences, ReportSweep reports, TellRefusals tellRefusals, EnrollRefusals refusals, Digests digests, SinkPump sinks, LastSeen seen, EnrollSecrets secrets, NodeCatalog catalog, Activity activity, QueryCosts costs, ChangeFeed changes, ChoreBoard board, UpkeepMemory memory, Limits limits,
    SilenceSettings silence, TimeProvider clock, ILogger<Chores> log)
{
    private const string Ticks = "ticks";

    /// <summary>How long a timer's tick waits for sinks.</summary>
    private static readonly TimeSpan s_sinks = TimeSpan.FromSeconds(25);

    /// <summary>A timer's minute is never quite one.</summary>
    private static readonly TimeSpan s_early = TimeSpan.FromSeconds(15);

    /// <param name="materializeEvery">A second where storage is on this machine, a minute where each look costs money.</param>
    public IReadOnlyList<Chore> All(TimeSpan materializeEvery) =>
    [
        new("materialize", materializeEvery, ct => materializeEvery > TimeSpan.Zero ? materialize.DrainAsync(ct) : OnceAsync(ct), IsStage: true),
        new("last-seen", limits.SeenFlush, FlushAsync, OfInstance: true),
        new("enroll-refusals", TimeSpan.FromMinutes(1), tellRefusals.RunAsync, OfInstance: true),
        new("old-refusals", TimeSpan.FromHours(1), refusals.PruneAsync),
        new("catalog", TimeSpan.FromMinutes(1), catalog.StoreAsync),
        new("silent-nodes", silence.Look, silent.RunAsync),
        new("expiry", TimeSpan.FromSeconds(15), expiry.RunAsync),
        new("campaign-schedules", TimeSpan.FromSeconds(15), schedules.StartDueAsync),
        new("campaign-counts", TimeSpan.FromMinutes(1), tallies.CountAsync),
        new("carves", TimeSpan.FromSeconds(15), carves.RunAsync),
        new("absence-rules", limits.AbsenceLook, absences.RunAsync),
        new("alerts", limits.AlertsLook, alerts.RunAsync),
        new("digests", limits.AlertsLook, digests.SendDueAsync),
        new("alert-groups", TimeSpan.FromHours(1), alerts.ForgetAsync),
        new("retention", TimeSpan.FromHours(1), retention.RunAsync),
        new("node-expiry", TimeSpan.FromHours(1), nodeExpiry.RunAsync),
        new("reports", TimeSpan.FromDays(1), reports.RunAsync),
        new("change-feed", TimeSpan.FromMinutes(10), changes.PruneAsync),
        new("full-look", TimeSpan.FromMinutes(10), LookAsync, OfInstance: true),

        // Last: where one chore waits for another, this may take longest.
        new("sinks", materializeEvery, ct => sinks.RunAsync(materializeEvery > TimeSpan.Zero ? materializeEvery : s_sinks, ct), IsStage: true),
    ];

    /// <summary>Does what is due, as a timer's tick wants it: once a minute, on whichever instance the tick finds, which may be a new one each time.</summary>
    /// <exception cref="AggregateException">Some failed, and are due again at the next tick; the others are done.</exception>
    public async ValueTask RunDueAsync(CancellationToken ct)
    {
        await changes.LookAsync(ct);
        var now = clock.GetUtcNow();
        var last = await memory.FindAsync(Ticks, ct);
        var done = new Columns();
        var faults = new List<Exception>();
        foreach (var chore in All(TimeSpan.Zero).Where(chore => !chore.OfInstance))
        {
            var name = chore.Name.Replace('-', '_');

            // A time ahead of now was written by a clock that was wrong.
            if (last.Time(name) is { } at && at <= now && now - at + s_early < chore.Every) continue;
            var began = clock.GetTimestamp();
            try
            {
                await chore.RunAsync(ct);
                done[name] = now;
                board.Note(chore.Name, clock.GetElapsedTime(began), fault: null);
            }
            catch (Exception fault) when (!ct.IsCancellationRequested)
            {
                board.Note(chore.Name, clock.GetElapsedTime(began), fault);
                log.LogError(fault, "The chore {Chore} failed; it is done again at the next tick", chore.Name);
                faults.Add(fault);
            }
        }

        if (done.Count > 0) await memory.WriteAsync(Ticks, done, ct);
        if (faults.Count > 0) throw new AggregateException(faults);
    }

    /// <summary>Writes what is only in memory. Also done when the program stops.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        await seen.FlushAsync(ct);
        await secrets.FlushAsync(ct);
        await activity.FlushAsync(ct);
        await costs.FlushAsync(ct);
    }

    /// <summary>At a timer's tick others wait for their turn.</summary>
    private async ValueTask OnceAsync(CancellationToken ct) => await materialize.RunAsync(ct);

    /// <summary>A change whose writer died before it could tell of it is seen at the next full look.</summary>
    private ValueTask LookAsync(CancellationToken ct)
    {
        changes.Reset();
        return ValueTask.CompletedTask;
    }
}

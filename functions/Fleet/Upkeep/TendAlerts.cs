using Fleet.Alerts;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Does to open alerts what time brings: resolves, escalates and reminds; and finishes what a crash left half told.</summary>
internal sealed class TendAlerts(OpenAlerts open, AlertLife life, AlertGroups groups, TimeProvider clock, ILogger<TendAlerts> log)
{
    /// <summary>How late a batch may come and still find its group.</summary>
    private static readonly TimeSpan s_late = TimeSpan.FromDays(1);

    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var due = new List<(string Id, AlertKey Place)>();
        await foreach (var (id, place, at) in open.AllAsync(ct))
        {
            if (at <= now) due.Add((id, place));
        }

        foreach (var (id, place) in due)
        {
            try
            {
                await life.TendAsync(id, place, ct);
            }
            catch (Exception fault) when (fault is not (StorageUnavailableException or StorageBusyException or OperationCanceledException))
            {
                // One that is broken must not hold up the others.
                log.LogError(fault, "Alert {Alert} is passed over", id);
            }
        }
    }

    public ValueTask ForgetAsync(CancellationToken ct) => groups.ForgetAsync(clock.GetUtcNow() - s_late, ct);
}

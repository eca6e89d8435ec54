using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>The whole list of chores.</summary>
internal sealed class Chores(
    Materialize materialize, SilentNodes silent, Retention retention, Expiry expiry, LastSeen seen, EnrollSecrets secrets, ChangeFeed changes, Limits limits,
    SilenceSettings silence)
{
    /// <param name="materializeEvery">A second where storage is on this machine, a minute where each look costs money.</param>
    public IReadOnlyList<Chore> All(TimeSpan materializeEvery) =>
    [
        new("materialize", materializeEvery, materialize.RunAsync),
        new("last-seen", limits.SeenFlush, FlushAsync),
        new("silent-nodes", silence.Look, silent.RunAsync),
        new("expiry", TimeSpan.FromSeconds(15), expiry.RunAsync),
        new("retention", TimeSpan.FromHours(1), retention.RunAsync),
        new("change-feed", TimeSpan.FromMinutes(10), TidyAsync),
    ];

    /// <summary>Writes what is only in memory. Also done when the program stops.</summary>
    public async ValueTask FlushAsync(CancellationToken ct)
    {
        await seen.FlushAsync(ct);
        await secrets.FlushAsync(ct);
    }

    /// <summary>A change whose writer died before it could tell of it is seen at the next full look.</summary>
    private async ValueTask TidyAsync(CancellationToken ct)
    {
        await changes.PruneAsync(ct);
        changes.Reset();
    }
}

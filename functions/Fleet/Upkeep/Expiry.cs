using Fleet.Queries;

namespace Fleet.Upkeep;

/// <summary>Puts campaigns away that have expired, when <see cref="TwoRuns"/> agree: what was not answered is then expired for good. Nobody is asked by an expired one before that.</summary>
internal sealed class Expiry(CampaignStore campaigns, TwoRuns runs, TimeProvider clock)
{
    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var over = campaigns.Active.Items.Where(campaign => campaign.IsOver(now)).ToList();

        // One that a person ended is over by any clock: the process died before it was put away.
        foreach (var campaign in over.Where(campaign => campaign.CancelledAt is not null)) await campaigns.PutAwayAsync(campaign, ct);
        var agreed = await runs.AgreeAsync("expiry", [.. over.Where(campaign => campaign.CancelledAt is null).Select(campaign => campaign.Id)], ct);
        foreach (var campaign in over.Where(campaign => agreed.Contains(campaign.Id))) await campaigns.PutAwayAsync(campaign, ct);
    }
}

using Fleet.Queries;

namespace Fleet.Upkeep;

/// <summary>Puts campaigns away that have expired.</summary>
internal sealed class Expiry(CampaignStore campaigns, TimeProvider clock)
{
    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        foreach (var campaign in campaigns.Active.Items.Where(campaign => campaign.IsOver(now))) await campaigns.PutAwayAsync(campaign, ct);
    }
}

using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>How long things are kept: <c>Fleet__Logs__Retention</c>, and the same for <c>Alerts</c>, <c>Carves</c> and <c>Audit</c>.</summary>
internal sealed record RetentionSettings(TimeSpan Logs, TimeSpan Alerts, TimeSpan Carves, TimeSpan Audit);

/// <summary>Drops whole weeks of results and status logs, whole months of alerts and of the audit log, and campaigns that are long over.</summary>
/// <remarks>Each only when <see cref="TwoRuns"/> agree.</remarks>
internal sealed class Retention(ITables tables, CampaignStore campaigns, TwoRuns runs, RetentionSettings settings, TimeProvider clock)
{
    private const string Name = "retention";
    private const string CampaignsName = "campaign-retention";

    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var tooOld = new HashSet<string>(StringComparer.Ordinal);
        foreach (var prefix in new[] { Schema.ResultsPrefix, Schema.StatusLogsPrefix, Schema.ResultIndexPrefix, Schema.MatchesPrefix })
        {
            foreach (var table in await tables.ListAsync(prefix, ct))
            {
                if (TimeKey.WeekEnd(table[prefix.Length..]) < now - settings.Logs) tooOld.Add(table);
            }
        }

        var months = new[] { (Schema.AlertsPrefix, settings.Alerts), (Schema.AlertIdsPrefix, settings.Alerts), (Schema.AlertEventsPrefix, settings.Alerts), (Schema.FirstSeenPrefix, TimeSpan.FromDays(93)), (Schema.AuditPrefix, settings.Audit), (Schema.ActivityPrefix, settings.Alerts), (Schema.QueryCostsPrefix, TimeSpan.FromDays(62)) };
        foreach (var (prefix, kept) in months)
        {
            var oldest = TimeKey.Month(now - kept);
            foreach (var table in await tables.ListAsync(prefix, ct))
            {
                var month = table[prefix.Length..];
                if (month.All(char.IsAsciiDigit) && string.CompareOrdinal(month, oldest) < 0) tooOld.Add(table);
            }
        }

        foreach (var table in await runs.AgreeAsync(Name, tooOld, ct)) await tables.DropAsync(table, ct);
        var over = (await campaigns.ListAsync(ct)).Where(campaign => campaign.IsOver(now) && (campaign.CancelledAt ?? campaign.ExpiresAt) < now - settings.Logs).Select(campaign => campaign.Id).ToList();
        foreach (var campaign in await runs.AgreeAsync(CampaignsName, over, ct)) await campaigns.RemoveAsync(campaign, ct);
    }
}

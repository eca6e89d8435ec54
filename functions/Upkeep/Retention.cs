using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>How long things are kept: <c>Fleet__Logs__Retention</c>, <c>Fleet__Alerts__Retention</c>.</summary>
internal sealed record RetentionSettings(TimeSpan Logs, TimeSpan Alerts);

/// <summary>Drops whole weeks of results and status logs, whole months of alerts, and campaigns that are long over.</summary>
/// <remarks>What is too old by two runs, an hour apart, is dropped: a machine that starts with a wrong clock gets time to set it.</remarks>
internal sealed class Retention(ITables tables, CampaignStore campaigns, RetentionSettings settings, TimeProvider clock)
{
    private HashSet<string> _tooOld = [];

    public async ValueTask RunAsync(CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var tooOld = new HashSet<string>(StringComparer.Ordinal);
        foreach (var prefix in new[] { Schema.ResultsPrefix, Schema.StatusLogsPrefix, Schema.ResultIndexPrefix })
        {
            foreach (var table in await tables.ListAsync(prefix, ct))
            {
                if (TimeKey.WeekEnd(table[prefix.Length..]) < now - settings.Logs) tooOld.Add(table);
            }
        }

        var oldest = TimeKey.Month(now - settings.Alerts);
        foreach (var prefix in new[] { Schema.AlertsPrefix, Schema.AlertIdsPrefix })
        {
            foreach (var table in await tables.ListAsync(prefix, ct))
            {
                var month = table[prefix.Length..];
                if (month.All(char.IsAsciiDigit) && string.CompareOrdinal(month, oldest) < 0) tooOld.Add(table);
            }
        }

        foreach (var table in tooOld.Where(_tooOld.Contains)) await tables.DropAsync(table, ct);
        _tooOld = tooOld;
        foreach (var campaign in await campaigns.ListAsync(ct))
        {
            if (campaign.IsOver(now) && (campaign.CancelledAt ?? campaign.ExpiresAt) < now - settings.Logs) await campaigns.RemoveAsync(campaign.Id, ct);
        }
    }
}

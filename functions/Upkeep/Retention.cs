using Fleet.Kernel;
using Fleet.Queries;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>How long things are kept: <c>Fleet__Logs__Retention</c>, and the same for <c>Alerts</c>, <c>Carves</c> and <c>Audit</c>.</summary>
internal sealed record RetentionSettings(TimeSpan Logs, TimeSpan Alerts, TimeSpan Carves, TimeSpan Audit);

/// <summary>Drops whole weeks of results and status logs, whole months of alerts and of the audit log, and campaigns that are long over.</summary>
/// <remarks>What is too old by two runs, an hour apart, is dropped: a machine that starts with a wrong clock gets time to set it.</remarks>
internal sealed class Retention(ITables tables, CampaignStore campaigns, UpkeepMemory memory, RetentionSettings settings, TimeProvider clock)
{
    private const string Name = "retention";
    private static readonly TimeSpan s_apart = TimeSpan.FromMinutes(30);

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

        await DropAsync(tooOld, now, ct);
        foreach (var campaign in await campaigns.ListAsync(ct))
        {
            if (campaign.IsOver(now) && (campaign.CancelledAt ?? campaign.ExpiresAt) < now - settings.Logs) await campaigns.RemoveAsync(campaign.Id, ct);
        }
    }

    /// <summary>What an earlier run found too old as well. Runs that follow each other closely, such as two instances', are one.</summary>
    private async ValueTask DropAsync(HashSet<string> tooOld, DateTimeOffset now, CancellationToken ct)
    {
        var before = await memory.FindAsync(Name, ct);
        if (before.Time("At") is { } at && (now - at).Duration() < s_apart) return;
        var known = before.Text("TooOld")?.Split(',') ?? [];
        foreach (var table in tooOld.Intersect(known)) await tables.DropAsync(table, ct);
        await memory.WriteAsync(Name, new Columns { ["At"] = now, ["TooOld"] = string.Join(',', tooOld) }, ct);
    }
}

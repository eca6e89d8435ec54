using System.Text.Json.Serialization;
using Cronos;

namespace Fleet.Queries;

/// <summary>A question that is asked again and again, at the times of a cron expression.</summary>
/// <param name="Cron">Five fields: minute, hour, day of the month, month, day of the week.</param>
/// <param name="TimeZone">IANA name of the zone that the expression is meant in.</param>
/// <param name="Life">How long each run takes answers.</param>
/// <param name="IncludesLater">Each run also asks nodes that enroll, or get the tag, before it expires.</param>
/// <param name="From">What would have been due until then is not run: it was made, changed or enabled then.</param>
/// <param name="LastRun">The time that the newest run was meant for, or null before the first.</param>
/// <param name="StartingSince">When somebody began to start that run, until it is started.</param>
/// <param name="HasRun">Whether that run was started: a campaign of it is, or was, there.</param>
/// <param name="Fault">Why the newest run was not started, or null.</param>
internal sealed record CampaignSchedule(
    string Id, string Name, string Sql, Targets Targets, string Cron, string TimeZone, TimeSpan Life, string Reason, bool IncludesLater, bool Enabled,
    DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset From, DateTimeOffset? LastRun = null, DateTimeOffset? StartingSince = null, bool HasRun = false, string? Fault = null)
{
    /// <summary>What was missed before that is not run any more.</summary>
    private static readonly TimeSpan s_mostMissed = TimeSpan.FromDays(366);

    /// <summary>The next time after this one, or null if there is none.</summary>
    public DateTimeOffset? After(DateTimeOffset time) => CronExpression.Parse(Cron).GetNextOccurrence(time, Zone)?.ToUniversalTime();

    private TimeZoneInfo Zone => TimeZoneInfo.FindSystemTimeZoneById(TimeZone);

    /// <summary>The newest time that is due and was not run. Of those that were missed while nobody was here, only the last is.</summary>
    public DateTimeOffset? DueAt(DateTimeOffset now)
    {
        var from = LastRun > From ? LastRun.Value : From;
        if (from >= now) return null;
        if (now - from > s_mostMissed) from = now - s_mostMissed;
        return CronExpression.Parse(Cron).GetOccurrences(from, now, Zone, fromInclusive: false, toInclusive: true).Cast<DateTimeOffset?>().LastOrDefault()?.ToUniversalTime();
    }

    /// <summary>The id of the campaign of one run: the same whoever starts it, in the order of their times.</summary>
    public string RunId(DateTimeOffset run) => Campaign.IdOf(run, Id);

    /// <summary>The newest run; null before the first, or when it was not started.</summary>
    [JsonIgnore]
    public string? LastCampaignId => HasRun ? RunId(LastRun!.Value) : null;

    /// <summary>What its run at this time asks.</summary>
    public Campaign RunOf(DateTimeOffset run, DateTimeOffset now) =>
        new(RunId(run), Sql, Name, Targets, now, CreatedBy, now, now + Life, CancelledAt: null, Targeted: 0, Reason, IncludesLater: IncludesLater, ScheduleId: Id);
}

using Cronos;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <summary>Reads and checks a schedule that a person sent.</summary>
internal sealed class CampaignScheduleReader(NodeStore nodes, TargetCount count, CampaignCaution caution, OsquerySql sql, Limits limits, TimeProvider clock)
{
    private static readonly TimeSpan s_leastApart = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_longestLife = TimeSpan.FromDays(30);

    public async ValueTask<(CampaignSchedule? Schedule, IResult? Refused)> ReadAsync(string id, CampaignScheduleRequest request, CancellationToken ct)
    {
        var errors = new List<FieldError>();
        var zone = request.TimeZone ?? "UTC";
        var life = limits.CampaignLife;
        if (string.IsNullOrWhiteSpace(request.Name) || request.Name.Length > limits.NameCharacters) errors.Add(new("name", $"A name has 1 to {limits.NameCharacters} characters."));
        if (sql.Current.Check(request.Sql) is { Valid: false } verdict) errors.Add(new("sql", verdict.Message!));
        if (request.Reason?.Length > 2_000) errors.Add(new("reason", "At most 2,000 characters fit."));
        if (request.ExpiresAfter is { } text && !(Duration.TryParse(text, out life) && life >= s_leastApart && life <= s_longestLife)) errors.Add(new("expiresAfter", "This is a span such as '12h', from 5m to 30d."));
        var isZone = TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found);
        if (!isZone) errors.Add(new("timeZone", $"There is no time zone '{zone}' here: give a name such as 'Europe/Berlin', or 'UTC'."));
        if (isZone && CronFault(request.Cron, found!, clock.GetUtcNow()) is { } fault) errors.Add(new("cron", fault));
        var targets = await request.Targets.ReadAsync(nodes, errors, ct);
        if (errors.Count > 0) return (null, Problem.Invalid(errors));
        var (targeted, _) = await count.OfAsync(id, targets, ct);
        if (caution.Refusal(request.Sql, targeted, request.Reason) is { } refused) return (null, refused);
        return (new(id, request.Name.Trim(), request.Sql, targets, request.Cron.Trim(), zone, life, request.Reason?.Trim() ?? "", request.IncludeLater, request.Enabled, CreatedAt: default, CreatedBy: "", From: default), null);
    }

    private static string? CronFault(string cron, TimeZoneInfo zone, DateTimeOffset now)
    {
        if (!CronExpression.TryParse(cron, out var expression)) return "This is a cron expression of five fields: minute, hour, day of the month, month, day of the week, such as '0 6 * * MON'.";
        DateTimeOffset? before = null;
        var times = 0;
        for (var next = expression.GetNextOccurrence(now, zone); next is { } time && times < 100; next = expression.GetNextOccurrence(time, zone), times++)
        {
            if (time - before < s_leastApart) return "Two runs would be less than five minutes apart. What is to be known so often is a query of the configuration.";
            before = time;
        }

        return times == 0 ? "No day is like that." : null;
    }
}

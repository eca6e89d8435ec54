using Fleet.Results;

namespace Fleet.Upkeep;

/// <summary>Removes reports of queries that their nodes are not asked for any more. They are not shown from the first moment on, and kept a week: a tag may come back.</summary>
internal sealed class ReportSweep(ReportStore reports, CurrentReports current)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromDays(7);

    public ValueTask RunAsync(CancellationToken ct) =>
        reports.SweepAsync(s_kept, async (query, node, report) => !await current.IsAsync(query, node, report, ct), ct);
}

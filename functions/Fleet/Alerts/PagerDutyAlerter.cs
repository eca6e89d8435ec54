using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Opens, acknowledges and resolves incidents through PagerDuty's Events API v2. The alert's id is the deduplication key, so a repeat joins the incident that it opened.</summary>
internal static class PagerDutyAlerter
{
    public const string Url = "https://events.pagerduty.com/v2/enqueue";

    private const int MostSummary = 1_024;
    private const int MostText = 100_000;

    public static HttpRequestMessage RequestOf(Notice notice, Uri url, string key)
    {
        var alert = notice.Alert;
        var body = new JsonObject
        {
            ["routing_key"] = key,
            ["event_action"] = notice.IsEnd ? "resolve" : notice.What == AlertEvent.Acknowledged ? "acknowledge" : "trigger",
            ["dedup_key"] = alert.Id,
        };
        if (notice.IsCall)
        {
            body["client"] = "Fleet";
            if (notice.LinkOf(alert) is { } link) body["client_url"] = link;
            if (alert.Runbook.Length > 0) body["links"] = new JsonArray(new JsonObject { ["href"] = alert.Runbook, ["text"] = "What to do" });
            body["payload"] = new JsonObject
            {
                ["summary"] = AlertText.Cut(notice.Title, MostSummary),
                ["source"] = alert.Host.Length > 0 ? alert.Host : alert.About.Length > 0 ? alert.About : "fleet",
                ["severity"] = alert.Severity switch { "critical" => "critical", "high" => "error", "medium" => "warning", _ => "info" },
                ["timestamp"] = TimeText.Milliseconds(alert.RaisedAt),
                ["component"] = Notice.QueryOf(alert),
                ["group"] = alert.Tags.ToString(),
                ["class"] = alert.RuleName,
                ["custom_details"] = new JsonObject { ["text"] = AlertText.Cut(notice.Text, MostText), ["count"] = alert.Count, ["ruleId"] = alert.RuleId },
            };
        }

        return HttpDelivery.Post(url, body);
    }
}

using System.Text.Json.Nodes;

namespace Fleet.Alerts;

/// <summary>Opens, acknowledges and closes alerts of Opsgenie. The alert's id is the alias.</summary>
internal static class OpsgenieAlerter
{
    public const string Url = "https://api.opsgenie.com";

    private const int MostMessage = 130;
    private const int MostDescription = 15_000;

    public static HttpRequestMessage RequestOf(Notice notice, Uri url, string key)
    {
        var alert = notice.Alert;
        var request = notice.IsCall
            ? HttpDelivery.Post(new(url, "/v2/alerts"), new JsonObject
            {
                ["message"] = AlertText.Cut(notice.Title, MostMessage),
                ["alias"] = alert.Id,
                ["description"] = AlertText.Cut(notice.Text, MostDescription),
                ["source"] = "Fleet",
                ["entity"] = AlertText.Cut(alert.Host, 512),
                ["priority"] = "P" + (5 - Severity.RankOf(alert.Severity)),
                ["tags"] = new JsonArray([.. alert.Tags.Tags.Take(20).Select(tag => JsonValue.Create(AlertText.Cut(tag, 50)))]),
                ["details"] = new JsonObject { ["rule"] = AlertText.Cut(alert.RuleName, 1_000), ["query"] = AlertText.Cut(Notice.QueryOf(alert), 1_000), ["link"] = notice.LinkOf(alert) ?? "", ["runbook"] = AlertText.Cut(alert.Runbook, 1_000) },
            })
            : HttpDelivery.Post(new(url, $"/v2/alerts/{alert.Id}/{(notice.IsEnd ? "close" : "acknowledge")}?identifierType=alias"), new JsonObject { ["source"] = "Fleet" });
        request.Headers.TryAddWithoutValidation("Authorization", "GenieKey " + key);
        return request;
    }
}

using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>A CloudEvent (1.0, structured) to a topic of Azure Event Grid.</summary>
internal static class EventGridAlerter
{
    /// <summary>What a token must be for, where no access key is set.</summary>
    public const string Scope = "https://eventgrid.azure.net/.default";

    /// <param name="notice">What to tell.</param>
    /// <param name="url">The topic's endpoint.</param>
    /// <param name="key">Its access key; null for a token.</param>
    /// <param name="tokenOf">Gets a token of this server's identity.</param>
    /// <param name="ct">Stops the getting.</param>
    public static async ValueTask<HttpRequestMessage> RequestOfAsync(Notice notice, Uri url, string? key, Func<string, CancellationToken, ValueTask<string>> tokenOf, CancellationToken ct)
    {
        var alert = notice.Alert;
        var what = notice.What.ToString().ToLowerInvariant();
        var request = HttpDelivery.Post(
            url.Query.Contains("api-version", StringComparison.Ordinal) ? url : new UriBuilder(url) { Query = "api-version=2018-01-01" }.Uri,
            new JsonObject
            {
                ["specversion"] = "1.0",
                ["id"] = $"{alert.Id}-{alert.Events.Length}-{what}",
                ["source"] = notice.Site?.AbsoluteUri ?? "/fleet",
                ["type"] = "fleet.alert." + what,
                ["subject"] = $"rules/{alert.RuleId}",
                ["time"] = TimeText.Milliseconds(alert.RaisedAt),
                ["datacontenttype"] = "application/json",
                ["data"] = AlertText.Object(notice, alert),
            },
            "application/cloudevents+json; charset=utf-8");
        if (key is not null) request.Headers.Add("aeg-sas-key", key);
        else request.Headers.Authorization = new("Bearer", await tokenOf(Scope, ct));
        return request;
    }
}

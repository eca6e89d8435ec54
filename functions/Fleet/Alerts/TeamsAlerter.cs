using System.Text.Json.Nodes;

namespace Fleet.Alerts;

/// <summary>An adaptive card to a workflow of Microsoft Teams ("When a Teams webhook request is received").</summary>
internal static class TeamsAlerter
{
    /// <summary>Teams takes 28 KB in all.</summary>
    private const int MostText = 6_000;
    private const int MostTitle = 500;

    public static HttpRequestMessage RequestOf(Notice notice, Uri url)
    {
        // Runs of text are shown as they are: what a machine sent is no Markdown.
        var body = new JsonArray(
            Run(new()
            {
                ["type"] = "TextRun",
                ["text"] = AlertText.Cut(notice.Title, MostTitle),
                ["weight"] = "Bolder",
                ["size"] = "Medium",
                ["color"] = notice.IsEnd ? "Good" : Severity.RankOf(notice.Alert.Severity) >= 3 ? "Attention" : "Default",
            }),
            Run(new() { ["type"] = "TextRun", ["text"] = AlertText.Cut(notice.Text, MostText) }));
        var card = new JsonObject { ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json", ["type"] = "AdaptiveCard", ["version"] = "1.4", ["body"] = body };
        if (!notice.IsDigest && notice.LinkOf(notice.Alert) is { } link)
        {
            card["actions"] = new JsonArray(new JsonObject { ["type"] = "Action.OpenUrl", ["title"] = "Open in Fleet", ["url"] = link });
        }

        return HttpDelivery.Post(url, new JsonObject
        {
            ["type"] = "message",
            ["attachments"] = new JsonArray(new JsonObject { ["contentType"] = "application/vnd.microsoft.card.adaptive", ["contentUrl"] = null, ["content"] = card }),
        });
    }

    private static JsonObject Run(JsonObject run) => new() { ["type"] = "RichTextBlock", ["inlines"] = new JsonArray(run) };
}

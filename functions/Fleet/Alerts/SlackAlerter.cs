using System.Text.Json.Nodes;

namespace Fleet.Alerts;

/// <summary>A message of blocks to an incoming webhook of Slack.</summary>
internal static class SlackAlerter
{
    private const int MostHeader = 150;
    private const int MostText = 2_900;

    public static HttpRequestMessage RequestOf(Notice notice, Uri url)
    {
        var blocks = new JsonArray(
            new JsonObject { ["type"] = "header", ["text"] = new JsonObject { ["type"] = "plain_text", ["text"] = AlertText.Cut(notice.Title, MostHeader) } },
            new JsonObject { ["type"] = "section", ["text"] = new JsonObject { ["type"] = "mrkdwn", ["text"] = AlertText.Cut(Escape(notice.Text), MostText) } });
        if (!notice.IsDigest && notice.LinkOf(notice.Alert) is { } link)
        {
            blocks.Add((JsonNode)new JsonObject { ["type"] = "context", ["elements"] = new JsonArray(new JsonObject { ["type"] = "mrkdwn", ["text"] = $"<{link}|Open in Fleet>" }) });
        }

        return HttpDelivery.Post(url, new JsonObject { ["text"] = AlertText.Cut(Escape(notice.Title), MostText), ["blocks"] = blocks });
    }

    /// <summary>What a machine sent must not become a link or call the channel.</summary>
    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}

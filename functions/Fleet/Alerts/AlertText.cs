using System.Text.Json.Nodes;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>An alert as the JSON that log, webhook and Event Grid send.</summary>
internal static class AlertText
{
    public static byte[] Json(Notice notice) => JsonSerializer.SerializeToUtf8Bytes(notice.IsDigest ? Digest(notice) : Object(notice, notice.Alert), AlertJson.Default.JsonObject);

    public static JsonObject Object(Notice notice, Alert alert)
    {
        var json = new JsonObject
        {
            ["id"] = alert.Id,
            ["event"] = (notice.IsDigest ? alert.News : notice.What).ToString().ToLowerInvariant(),
            ["title"] = notice.IsDigest ? alert.Title : notice.Title,
            ["message"] = alert.Message,
            ["ruleId"] = alert.RuleId,
            ["ruleName"] = alert.RuleName,
            ["ruleVersion"] = alert.RuleVersion,
            ["ruleDescription"] = alert.RuleDescription,
            ["severity"] = alert.Severity,
            ["state"] = alert.State.ToString().ToLowerInvariant(),
            ["nodeId"] = alert.Node == default ? "" : alert.Node.ToString(),
            ["hostIdentifier"] = alert.Host,
            ["about"] = alert.About,
            ["tags"] = new JsonArray([.. alert.Tags.Tags.Select(tag => JsonValue.Create(tag))]),
            ["count"] = alert.Count,
            ["raisedAt"] = TimeText.Milliseconds(alert.RaisedAt),
            ["owner"] = alert.Owner,
            ["runbook"] = alert.Runbook,
            ["line"] = JsonNode.Parse(alert.Line),
        };
        if (notice.LinkOf(alert) is { } link) json["link"] = link;
        if (notice.IsOwnText) json["text"] = notice.Text;
        if (alert.DeviceLink is not null) json["deviceLink"] = alert.DeviceLink;
        return json;
    }

    private static JsonObject Digest(Notice notice) => new()
    {
        ["event"] = "digest",
        ["title"] = notice.Title,
        ["alerts"] = new JsonArray([.. notice.Alerts.Select(alert => Object(notice, alert))]),
    };

    /// <summary>At most so many characters, with an ellipsis where something is missing.</summary>
    public static string Cut(string text, int most)
    {
        if (text.Length <= most) return text;
        var end = most - 1;
        if (char.IsHighSurrogate(text[end - 1])) end--;
        return string.Concat(text.AsSpan(0, end), "…");
    }
}

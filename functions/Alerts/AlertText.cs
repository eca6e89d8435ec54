using System.Text.Json;

namespace Fleet.Alerts;

/// <summary>An alert as the JSON that the log and webhook alerters send.</summary>
internal static class AlertText
{
    public static byte[] Json(Alert alert)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("id", alert.Id);
            json.WriteString("ruleId", alert.RuleId);
            json.WriteString("ruleName", alert.RuleName);
            json.WriteString("ruleDescription", alert.RuleDescription);
            json.WriteString("severity", alert.Severity);
            json.WriteString("nodeId", alert.Node.ToString());
            json.WriteString("hostIdentifier", alert.Host);
            json.WriteString("raisedAt", alert.RaisedAt);
            if (alert.DeviceLink is not null) json.WriteString("deviceLink", alert.DeviceLink);
            json.WritePropertyName("line");
            json.WriteRawValue(alert.Line);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}

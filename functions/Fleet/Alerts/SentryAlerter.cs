using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>An event in an envelope to Sentry's ingest endpoint. Events of one rule are one issue.</summary>
internal static class SentryAlerter
{
    private const int MostText = 8_000;

    /// <summary>Whether a text is a DSN: <c>https://KEY@HOST/PROJECT</c>.</summary>
    public static bool IsDsn(string text) => Uri.TryCreate(text, UriKind.Absolute, out var dsn) && dsn.Scheme is "http" or "https" && dsn.UserInfo.Length > 0 && dsn.AbsolutePath.TrimEnd('/').Length > 1;

    public static HttpRequestMessage RequestOf(Notice notice, string dsn)
    {
        var address = new Uri(dsn);
        var path = address.AbsolutePath.TrimEnd('/');
        var project = path[(path.LastIndexOf('/') + 1)..];
        var alert = notice.Alert;
        var tags = new JsonObject { ["rule"] = AlertText.Cut(alert.RuleName, 200), ["host_identifier"] = AlertText.Cut(alert.Host, 200), ["query"] = AlertText.Cut(Notice.QueryOf(alert), 200), ["severity"] = alert.Severity };
        var sent = new JsonObject
        {
            // A repeat has the same id, and is dropped there.
            ["event_id"] = Kernel.Digest.Of(alert.Id, notice.What.ToString(), alert.Events),
            ["timestamp"] = TimeText.Milliseconds(alert.RaisedAt),
            ["platform"] = "other",
            ["logger"] = "fleet",
            ["level"] = alert.Severity switch { "critical" => "fatal", "high" => "error", "medium" => "warning", _ => "info" },
            ["server_name"] = AlertText.Cut(alert.Host, 200),
            ["message"] = new JsonObject { ["formatted"] = AlertText.Cut($"{notice.Title}\n\n{notice.Text}", MostText) },
            ["fingerprint"] = new JsonArray("fleet", alert.RuleId),
            ["tags"] = tags,
            ["extra"] = new JsonObject { ["alertId"] = alert.Id, ["link"] = notice.LinkOf(alert) ?? "", ["count"] = alert.Count },
        };
        var item = JsonSerializer.SerializeToUtf8Bytes(sent, AlertJson.Default.JsonObject);
        byte[] envelope =
        [
            .. JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["event_id"] = (string)sent["event_id"]! }, AlertJson.Default.JsonObject), (byte)'\n',
            .. Encoding.UTF8.GetBytes($$"""{"type":"event","length":{{item.Length}}}"""), (byte)'\n', .. item, (byte)'\n',
        ];
        var request = HttpDelivery.Post(new(address, $"{path[..path.LastIndexOf('/')]}/api/{project}/envelope/"), envelope, "application/x-sentry-envelope");
        request.Headers.TryAddWithoutValidation("X-Sentry-Auth", $"Sentry sentry_version=7, sentry_client=fleet/1.0, sentry_key={address.UserInfo.Split(':')[0]}");
        return request;
    }
}

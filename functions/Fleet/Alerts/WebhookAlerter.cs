using System.Security.Cryptography;
using System.Text;

namespace Fleet.Alerts;

/// <summary>Posts each alert as JSON. With a secret, <c>X-Fleet-Signature: sha256=HEX</c> is the body's HMAC-SHA256.</summary>
internal static class WebhookAlerter
{
    public static HttpRequestMessage RequestOf(Notice notice, Uri url, string? secret)
    {
        var body = AlertText.Json(notice);
        var request = HttpDelivery.Post(url, body, "application/json");
        request.Headers.Add("X-Fleet-Alert", notice.Alert.Id);
        if (secret is not null) request.Headers.Add("X-Fleet-Signature", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body)));
        return request;
    }
}

using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Fleet.Alerts;

/// <summary>Posts each alert as JSON. With a secret, <c>X-Fleet-Signature: sha256=HEX</c> is the body's HMAC-SHA256.</summary>
/// <remarks>2xx is delivered; 408, 425, 429 and 5xx come again, after Retry-After if that was sent; all else is rejected, redirects too.</remarks>
internal sealed class WebhookAlerter(HttpClient http, Uri url, string? secret, TimeProvider clock) : IAlerter
{
    public async ValueTask<Delivery> DeliverAsync(Alert alert, CancellationToken ct)
    {
        var body = AlertText.Json(alert);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("X-Fleet-Alert", alert.Id);
        if (secret is not null)
        {
            request.Headers.Add("X-Fleet-Signature", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body)));
        }

        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            var reason = $"{url.Host} answered {(int)response.StatusCode}";
            if (response.IsSuccessStatusCode) return Delivery.Ok;
            return response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425 or >= HttpStatusCode.InternalServerError
                ? new Delivery.RetryAfter(Wait(response.Headers.RetryAfter), reason)
                : new Delivery.Rejected(reason);
        }
        catch (HttpRequestException fault)
        {
            return new Delivery.RetryAfter(null, fault.Message);
        }
    }

    private TimeSpan? Wait(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? (header?.Date is { } date ? date - clock.GetUtcNow() : null);
        return wait is { } span ? TimeSpan.FromSeconds(Math.Clamp(span.TotalSeconds, 1, 86_400)) : null;
    }
}

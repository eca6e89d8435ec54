using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Requests to services of others, and what their answers mean.</summary>
/// <remarks>2xx is delivered; 408, 425, 429 and 5xx come again, after Retry-After if that was sent; all else is rejected, redirects too.</remarks>
internal static class HttpDelivery
{
    /// <summary>For so long a request may take. Redirects are not followed: what they lead to nobody has chosen.</summary>
    public static HttpClient Client(TimeSpan timeout, Outbound outbound) => new(outbound.Handler()) { Timeout = timeout };

    /// <param name="http">Of <see cref="Client"/>.</param>
    /// <param name="request">What to send.</param>
    /// <param name="clock">The time.</param>
    /// <param name="ct">Stops the sending.</param>
    /// <param name="judge">Looks into an answer that says success; null from it means that it is one.</param>
    public static async ValueTask<Delivery> SendAsync(HttpClient http, HttpRequestMessage request, TimeProvider clock, CancellationToken ct, Func<HttpResponseMessage, CancellationToken, ValueTask<Delivery?>>? judge = null)
    {
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (response.IsSuccessStatusCode) return (judge is null ? null : await judge(response, ct)) ?? Delivery.Ok;
        var reason = $"{request.RequestUri!.Host} answered {(int)response.StatusCode}{LengthOf(response)}";
        return response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425 or >= HttpStatusCode.InternalServerError
            ? new Delivery.RetryAfter(Wait(response.Headers.RetryAfter, clock), reason)
            : new Delivery.Rejected(reason, IsAboutContent: response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity);
    }

    public static HttpRequestMessage Post(Uri url, JsonObject body, string mediaType = "application/json") => Post(url, JsonSerializer.SerializeToUtf8Bytes(body, AlertJson.Default.JsonObject), mediaType);

    public static HttpRequestMessage Post(Uri url, byte[] body, string mediaType)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(mediaType);
        return new(HttpMethod.Post, url) { Content = content };
    }

    /// <summary>Not a word of the answer: whoever may choose an address could read by it what this server can reach.</summary>
    private static string LengthOf(HttpResponseMessage response) => response.Content.Headers.ContentLength is { } length ? FormattableString.Invariant($" with {length} bytes") : "";

    private static TimeSpan? Wait(RetryConditionHeaderValue? header, TimeProvider clock)
    {
        var wait = header?.Delta ?? (header?.Date is { } date ? date - clock.GetUtcNow() : null);
        return wait is { } span ? TimeSpan.FromSeconds(Math.Clamp(span.TotalSeconds, 1, 86_400)) : null;
    }
}

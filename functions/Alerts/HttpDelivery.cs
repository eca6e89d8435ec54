using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Alerts;

/// <summary>Requests to services of others, and what their answers mean.</summary>
/// <remarks>2xx is delivered; 408, 425, 429 and 5xx come again, after Retry-After if that was sent; all else is rejected, redirects too.</remarks>
internal static class HttpDelivery
{
    private const int MostReason = 300;

    /// <summary>For so long a request may take. Redirects are not followed: what they lead to nobody has chosen.</summary>
    public static HttpClient Client(TimeSpan timeout) => new(new SocketsHttpHandler { AllowAutoRedirect = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = timeout };

    /// <param name="http">Of <see cref="Client"/>.</param>
    /// <param name="request">What to send.</param>
    /// <param name="clock">The time.</param>
    /// <param name="ct">Stops the sending.</param>
    /// <param name="judge">Looks into an answer that says success; null from it means that it is one.</param>
    public static async ValueTask<Delivery> SendAsync(HttpClient http, HttpRequestMessage request, TimeProvider clock, CancellationToken ct, Func<HttpResponseMessage, CancellationToken, ValueTask<Delivery?>>? judge = null)
    {
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        if (response.IsSuccessStatusCode) return (judge is null ? null : await judge(response, ct)) ?? Delivery.Ok;
        var reason = $"{request.RequestUri!.Host} answered {(int)response.StatusCode}{await WordsAsync(response, ct)}";
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

    /// <summary>The beginning of what the other side says is wrong.</summary>
    private static async ValueTask<string> WordsAsync(HttpResponseMessage response, CancellationToken ct)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(ct);
            var bytes = new byte[MostReason];
            var count = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
            var text = string.Concat(System.Text.Encoding.UTF8.GetString(bytes, 0, count).Select(c => char.IsControl(c) ? ' ' : c)).Trim();
            return text.Length > 0 && !text.StartsWith('<') ? ": " + text : "";
        }
        catch (Exception fault) when (fault is IOException or HttpRequestException)
        {
            return "";
        }
    }

    private static TimeSpan? Wait(RetryConditionHeaderValue? header, TimeProvider clock)
    {
        var wait = header?.Delta ?? (header?.Date is { } date ? date - clock.GetUtcNow() : null);
        return wait is { } span ? TimeSpan.FromSeconds(Math.Clamp(span.TotalSeconds, 1, 86_400)) : null;
    }
}

namespace Fleet.Alerts;

/// <summary>An alerter that makes a request of each notice.</summary>
/// <param name="http">Follows no redirects.</param>
/// <param name="requestOf">The request.</param>
/// <param name="clock">The time.</param>
internal sealed class HttpAlerter(HttpClient http, Func<Notice, CancellationToken, ValueTask<HttpRequestMessage>> requestOf, TimeProvider clock) : IAlerter
{
    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        using var request = await requestOf(notice, ct);
        return await HttpDelivery.SendAsync(http, request, clock, ct);
    }
}

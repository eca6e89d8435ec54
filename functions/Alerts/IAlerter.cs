using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Tells the world outside of an alert. Does not loop, sleep or log secrets: the bus delivers again.</summary>
internal interface IAlerter
{
    /// <summary>Tries once. May be called again with what was delivered: the alert's id tells repeats.</summary>
    ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct);
}

/// <summary>What became of a try.</summary>
internal abstract record Delivery
{
    private Delivery()
    {
    }

    public static Delivery Ok { get; } = new Delivered();

    /// <summary>Tries once, for as long as an alerter may take.</summary>
    public static async ValueTask<Delivery> OfAsync(IAlerter alerter, Notice notice, Limits limits, CancellationToken ct)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(ct);
        time.CancelAfter(limits.AlerterTimeout);
        try
        {
            return await alerter.DeliverAsync(notice, time.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new RetryAfter(null, FormattableString.Invariant($"no answer within {limits.AlerterTimeout.TotalSeconds:0} s"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or HttpRequestException or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException)
        {
            return new RetryAfter(null, fault.Message);
        }
    }

    public sealed record Delivered : Delivery;

    /// <param name="Wait">What the other side asked for, or null for the bus's own back-off.</param>
    public sealed record RetryAfter(TimeSpan? Wait, string Reason) : Delivery;

    /// <summary>Trying again would not help.</summary>
    public sealed record Rejected(string Reason) : Delivery;
}

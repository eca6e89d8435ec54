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
    private Delivery(string reason) => Reason = reason;

    public static Delivery Ok { get; } = new Delivered();

    /// <summary>Why it was not delivered, or not to all, in the other side's words as far as it had some; else empty.</summary>
    public string Reason { get; }

    /// <summary>In one word: <c>delivered</c>, <c>retry</c> or <c>rejected</c>.</summary>
    public string Outcome => this switch { RetryAfter => "retry", Rejected => "rejected", _ => "delivered" };

    /// <summary>Tries once, for as long as an alerter may take.</summary>
    public static ValueTask<Delivery> OfAsync(IAlerter alerter, Notice notice, Limits limits, CancellationToken ct) => TryAsync(stop => alerter.DeliverAsync(notice, stop), limits.AlerterTimeout, ct);

    /// <summary>Tries once, for so long; whatever goes wrong on the way may be tried again.</summary>
    public static async ValueTask<Delivery> TryAsync(Func<CancellationToken, ValueTask<Delivery>> deliver, TimeSpan most, CancellationToken ct)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(ct);
        time.CancelAfter(most);
        try
        {
            return await deliver(time.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new RetryAfter(null, FormattableString.Invariant($"no answer within {most.TotalSeconds:0} s"));
        }
        catch (Exception fault) when ((fault as AddressRefusedException ?? fault.InnerException as AddressRefusedException) is not null)
        {
            return new Rejected((fault as AddressRefusedException ?? fault.InnerException!).Message);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            return new RetryAfter(null, fault.Message);
        }
    }

    /// <param name="Note">Whom it did not reach, where there are several.</param>
    public sealed record Delivered(string Note = "") : Delivery(Note);

    /// <param name="Wait">What the other side asked for, or null for the bus's own back-off.</param>
    public sealed record RetryAfter(TimeSpan? Wait, string Reason) : Delivery(Reason);

    /// <summary>Trying again would not help.</summary>
    /// <param name="IsAboutContent">It is about what was sent, and not about who sent it or where to.</param>
    public sealed record Rejected(string Reason, bool IsAboutContent = false) : Delivery(Reason);
}

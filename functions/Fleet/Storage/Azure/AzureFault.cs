using Azure;

namespace Fleet.Storage.Azure;

/// <summary>What went wrong between this program and a service of Azure's.</summary>
internal static class AzureFault
{
    /// <summary>What a person who is refused looks at first.</summary>
    public const string RefusalHint = "; is the role assigned to this identity (it takes minutes to spread), or is the key right?";

    /// <summary>The exception to throw where a service did not answer, after the client's own retries, or let nobody in; null for what it said of the request.</summary>
    /// <param name="fault">What its client threw.</param>
    /// <param name="service">For people: <c>Blob Storage</c>.</param>
    /// <param name="what">What was asked about.</param>
    /// <param name="ct">The caller's: what it stopped is no fault.</param>
    public static StorageUnavailableException? Unavailable(Exception fault, string service, string what, CancellationToken ct) => fault switch
    {
        RequestFailedException { Status: 401 or 403 } refused => new(
            FormattableString.Invariant($"{service} answered {refused.Status} {refused.ErrorCode} for {what}{RefusalHint}"), refused),
        RequestFailedException { Status: 408 or 429 or >= 500 } busy => new(FormattableString.Invariant($"{service} answered {busy.Status} {busy.ErrorCode} for {what}"), busy),
        RequestFailedException { Status: > 0 } => null,

        // After retries there are as many faults as tries: one says it.
        AggregateException { InnerExceptions: [.., var last] } => new($"{service} does not answer for {what}: {last.Message}", fault),
        _ when IsUnavailable(fault, ct) => new($"{service} does not answer for {what}: {fault.Message}", fault),
        _ => null,
    };

    /// <summary>Whether an exception says that a service did not answer, after the retries, or that there is no identity to ask with.</summary>
    public static bool IsUnavailable(Exception fault, CancellationToken ct) =>
        fault is RequestFailedException or AggregateException or IOException or HttpRequestException || fault.GetType().Namespace == "Azure.Identity"
        || (fault is OperationCanceledException && !ct.IsCancellationRequested);
}

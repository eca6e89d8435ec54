using System.Text.Json;

namespace Fleet.Manager;

/// <summary>Why a sign-in failed, as the sign-in page reads it: <c>/sign-in?error=CODE</c>. Codes are stable.</summary>
internal static class OAuthError
{
    /// <summary>The person did not want to.</summary>
    public const string Cancelled = "cancelled";

    /// <summary>The answer belongs to no sign-in that this browser began: too late, twice, or another's.</summary>
    public const string State = "state";

    /// <summary>The provider does not answer, or with nonsense.</summary>
    public const string ProviderDown = "provider-down";

    /// <summary>The provider refuses this program: most often its settings are wrong.</summary>
    public const string ProviderRefused = "provider-refused";

    /// <summary>The token is not one for this program, from this provider, for now.</summary>
    public const string Identity = "identity";

    /// <summary>Nobody has proved that the address is the person's.</summary>
    public const string Unverified = "unverified";

    /// <summary>The person is known, and not let in.</summary>
    public const string NotAllowed = "not-allowed";

    /// <summary>The person may come in, and has no role.</summary>
    public const string NoRole = "no-role";

    /// <summary>This server's own fault: the store is down, say.</summary>
    public const string Internal = "internal";
}

/// <summary>A sign-in that ends on the sign-in page.</summary>
/// <param name="code">One of <see cref="OAuthError"/>, for the person.</param>
/// <param name="reason">For the log.</param>
internal sealed class OAuthRefusedException(string code, string reason, Exception? cause = null) : Exception(reason, cause)
{
    public string Code { get; } = code;

    /// <summary>Whether it is the network's or the provider's fault. A cancellation is one if the caller did not ask for it: then time ran out.</summary>
    public static bool IsOutage(Exception fault, CancellationToken ct) =>
        fault is HttpRequestException or JsonException or IOException || (fault is OperationCanceledException && !ct.IsCancellationRequested);
}

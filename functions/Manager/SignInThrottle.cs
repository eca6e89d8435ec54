using System.Net;
using System.Threading.RateLimiting;

namespace Fleet.Manager;

/// <summary>Counts sign-ins that failed, so that passwords cannot be tried out: twenty a minute from an address, ten a minute for an account, whether there
/// is such an account or not. Those that succeed cost nothing.</summary>
internal sealed class SignInThrottle : IDisposable
{
    private readonly PartitionedRateLimiter<string> _addresses = Limiter(20);
    private readonly PartitionedRateLimiter<string> _accounts = Limiter(10);

    public bool IsSpent(IPAddress? address, string account) =>
        _addresses.GetStatistics(Text(address)) is { CurrentAvailablePermits: 0 } || _accounts.GetStatistics(Text(account)) is { CurrentAvailablePermits: 0 };

    public void CountFailure(IPAddress? address, string account)
    {
        _addresses.AttemptAcquire(Text(address)).Dispose();
        _accounts.AttemptAcquire(Text(account)).Dispose();
    }

    public void Dispose()
    {
        _addresses.Dispose();
        _accounts.Dispose();
    }

    private static string Text(IPAddress? address) => (address ?? IPAddress.None).ToString();

    private static string Text(string account) => account.Length > 200 ? account[..200] : account.ToLowerInvariant();

    private static PartitionedRateLimiter<string> Limiter(int permits) => PartitionedRateLimiter.Create<string, string>(key =>
        RateLimitPartition.GetFixedWindowLimiter(key, _ => new() { PermitLimit = permits, Window = TimeSpan.FromMinutes(1) }));
}

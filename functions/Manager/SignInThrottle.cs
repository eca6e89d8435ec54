using System.Net;
using System.Threading.RateLimiting;

namespace Fleet.Manager;

/// <summary>Counts sign-ins that failed, so that passwords cannot be tried out: twenty a minute from an address. Those that succeed cost nothing.</summary>
internal sealed class SignInThrottle : IDisposable
{
    private readonly PartitionedRateLimiter<IPAddress> _failures = PartitionedRateLimiter.Create<IPAddress, IPAddress>(address =>
        RateLimitPartition.GetFixedWindowLimiter(address, _ => new() { PermitLimit = 20, Window = TimeSpan.FromMinutes(1) }));

    public bool IsSpent(IPAddress? address) => _failures.GetStatistics(address ?? IPAddress.None) is { CurrentAvailablePermits: 0 };

    public void CountFailure(IPAddress? address) => _failures.AttemptAcquire(address ?? IPAddress.None).Dispose();

    public void Dispose() => _failures.Dispose();
}

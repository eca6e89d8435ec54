using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fleet.Manager;

/// <summary>Counts sign-ins, so that passwords cannot be tried out: twenty a minute from an address, ten a minute for an account, whether there is such an
/// account or not. From a browser that the account has signed in from before only that browser's own tries count, so that nobody is locked out by others. A try counts when it begins, so that many at once are as many; one that succeeds is given back. Each instance counts by itself.</summary>
internal sealed class SignInThrottle(TimeProvider clock)
{
    private const int MostFromAddress = 20;
    private const int MostForAccount = 10;

    private readonly ConcurrentDictionary<string, int> _tries = new(StringComparer.Ordinal);
    private long _minute;

    /// <summary>False when there were too many.</summary>
    /// <param name="address">Where it comes from.</param>
    /// <param name="account">The name that is tried.</param>
    /// <param name="device">The browser's number, if the account has signed in from it; else null.</param>
    public bool TryTake(IPAddress? address, string account, string? device)
    {
        var minute = clock.GetUtcNow().ToUnixTimeSeconds() / 60;
        if (Interlocked.Exchange(ref _minute, minute) != minute) _tries.Clear();
        if (device is not null) return Add("device:" + device, 1) <= MostForAccount;
        var fromAddress = Add(Text(address), 1);
        var forAccount = Add(Text(account), 1);
        return fromAddress <= MostFromAddress && forAccount <= MostForAccount;
    }

    public void GiveBack(IPAddress? address, string account, string? device)
    {
        if (device is not null)
        {
            Add("device:" + device, -1);
            return;
        }

        Add(Text(address), -1);
        Add(Text(account), -1);
    }

    private int Add(string key, int count) => _tries.AddOrUpdate(key, Math.Max(0, count), (_, before) => Math.Max(0, before + count));

    /// <summary>Of IPv6 the network, since whoever has one address has all of its 2^64.</summary>
    private static string Text(IPAddress? address)
    {
        if (address is null) return "address:";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return "address:" + (address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString());
    }

    private static string Text(string account) => "account:" + Fold(account);

    /// <summary>Directories know neither upper case nor blanks around and within names.</summary>
    public static string Fold(string account)
    {
        var folded = string.Concat(account.Where(c => !char.IsWhiteSpace(c))).ToLowerInvariant();
        return folded.Length > 200 ? folded[..200] : folded;
    }
}

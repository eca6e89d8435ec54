using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Claims;
using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>How often one caller may call in a minute, told in every answer by the headers <c>RateLimit</c> and <c>RateLimit-Policy</c>.</summary>
/// <remarks>A token, an account, or for strangers an address is a caller; a browser from which somebody signed in counts by itself, since where addresses look alike strangers would keep people out. Each instance counts by itself. Headers: draft-ietf-httpapi-ratelimit-headers.</remarks>
internal sealed class CallerLimit(Limits limits, DeviceCookies devices, TimeProvider clock)
{
    private const int Window = 60;
    private readonly ConcurrentDictionary<string, Count> _counts = new(StringComparer.Ordinal);
    private long _minute;

    public async Task CountAsync(HttpContext http, RequestDelegate next)
    {
        var isKnown = http.User.Identity?.IsAuthenticated == true;
        var most = isKnown ? limits.CallsPerMinute : limits.StrangersCallsPerMinute;
        var (calls, left) = Add(isKnown ? http.User.FindFirstValue(SignIn.IdClaim) ?? http.User.FindFirstValue(SignIn.PersonClaim)!
            : devices.NumberOf(http) is { } device ? "device:" + device
            : "address:" + http.Connection.RemoteIpAddress);
        http.Response.Headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"\"minute\";q={most};w={Window}");
        http.Response.Headers["RateLimit"] = string.Create(CultureInfo.InvariantCulture, $"\"minute\";r={Math.Max(0, most - calls)};t={left}");
        if (calls <= most)
        {
            await next(http);
            return;
        }

        // An agent may have lost its way here.
        http.Response.Headers.RetryAfter = left.ToString(CultureInfo.InvariantCulture);
        await Problem.WriteAsync(http, new(429, "too-many", "Too many requests", $"At most {most} a minute: go on in {left} seconds. An export brings everything with one call.") { Error = "too many requests" });
    }

    private (long Calls, long SecondsLeft) Add(string caller)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        var minute = seconds / Window;
        if (Interlocked.Exchange(ref _minute, minute) != minute)
        {
            foreach (var old in _counts.Where(count => count.Value.Minute != minute)) _counts.TryRemove(old);
        }

        var count = _counts.AddOrUpdate(caller, _ => new(minute, 1), (_, before) => before.Minute == minute ? before with { Calls = before.Calls + 1 } : new(minute, 1));
        return (count.Calls, Window - (seconds % Window));
    }

    private sealed record Count(long Minute, long Calls);
}

using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace Fleet.Manager;

/// <summary>Knows browsers from which somebody has signed in before: others' wrong passwords do not lock them out.</summary>
/// <remarks>After OWASP's "Slow Down Online Guessing Attacks with Device Cookies". The cookie lets nobody in; it names an account and a number of its own, sealed with the session keys.</remarks>
internal sealed class DeviceCookies(IDataProtectionProvider protection)
{
    private const string Name = "fleet-device";
    private const char Separator = '\n';
    private static readonly TimeSpan s_life = TimeSpan.FromDays(365);

    private readonly IDataProtector _protector = protection.CreateProtector("device");

    /// <summary>The browser's number, if this account has signed in from it; else null.</summary>
    public string? Read(HttpContext http, string account) => Read(http) is var (number, name) && name == SignInThrottle.Fold(account) ? number : null;

    /// <summary>The browser's number, if anybody has signed in from it; else null.</summary>
    public string? NumberOf(HttpContext http) => Read(http)?.Number;

    private (string Number, string Account)? Read(HttpContext http)
    {
        if (http.Request.Cookies[Name] is not { Length: > 0 and < 2_000 } cookie) return null;
        try
        {
            return _protector.Unprotect(cookie).Split(Separator) is [var number, var name] ? (number, name) : null;
        }
        catch (CryptographicException)
        {
            // Made up, or sealed with keys that are gone.
            return null;
        }
    }

    /// <summary>Remembers the browser. Each sign-in gives it another number.</summary>
    public void Write(HttpContext http, string account) => http.Response.Cookies.Append(Name, _protector.Protect($"{Guid.NewGuid():N}{Separator}{SignInThrottle.Fold(account)}"), new()
    {
        HttpOnly = true,
        Secure = true,
        SameSite = SameSiteMode.Strict,
        MaxAge = s_life,
        Path = "/api/session",
        IsEssential = true,
    });
}

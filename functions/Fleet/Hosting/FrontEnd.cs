using System.Net;

namespace Fleet.Hosting;

/// <summary>What App Service's front end says of a request, which the Functions host passes on. Believed behind that host alone: nobody else can reach the worker.</summary>
/// <remarks>The host writes its own view over the X-Forwarded headers, in which every caller is the front end.</remarks>
internal static class FrontEnd
{
    /// <summary>Address and port of the caller.</summary>
    private const string Client = "CLIENT-IP";

    public static Task ReadAsync(HttpContext context, RequestDelegate next)
    {
        var request = context.Request;
        if (IPEndPoint.TryParse(request.Headers[Client].ToString(), out var caller)) context.Connection.RemoteIpAddress = caller.Address;

        // TLS ends at the front end, which takes nothing else (httpsOnly). On a developer's machine there is none.
        if (!IsLocal(request.Host.Host)) request.Scheme = Uri.UriSchemeHttps;
        return next(context);
    }

    private static bool IsLocal(string host) => host == "localhost" || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}

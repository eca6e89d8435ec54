using System.Net;
using Microsoft.AspNetCore.HttpOverrides;

namespace Fleet.Hosting;

/// <summary>Addresses and networks of TLS terminators.</summary>
internal static class Proxies
{
    /// <summary><c>10.0.0.7</c> or <c>10.0.0.0/8</c>.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static System.Net.IPNetwork Parse(string text) =>
        System.Net.IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new(address, address.GetAddressBytes().Length * 8)
        : throw new FormatException($"'{text}' is neither an address nor a network such as 10.0.0.0/8");

    public static ForwardedHeadersOptions Options(IEnumerable<string> trusted)
    {
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var proxy in trusted) options.KnownIPNetworks.Add(Parse(proxy));
        return options;
    }
}

using System.Net;
using System.Net.Sockets;

namespace Fleet.Kernel;

/// <summary>An address that this server does not connect to; the message says how to allow it.</summary>
internal sealed class AddressRefusedException(string message) : IOException(message);

/// <summary>Where connections may lead that people's settings ask for: webhooks, sinks, mail, syslog. Not to this machine, its network or a cloud's metadata, unless a setting allows it.</summary>
/// <remarks>A name is resolved once, all its addresses are checked, and one of those is connected to: a name that means something else a moment later leads nowhere else.</remarks>
internal sealed class Outbound
{
    /// <summary>This host, private, link-local (with the clouds' metadata), shared, documentation, multicast and reserved networks.</summary>
    private static readonly IPNetwork[] s_inner =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32", "::/96", "::1/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(network => IPNetwork.Parse(network)),
    ];

    private static readonly IPNetwork s_nat64 = IPNetwork.Parse("64:ff9b::/96");

    private readonly List<IPNetwork> _networks = [];
    private readonly HashSet<string> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly bool _isAllAllowed;

    /// <param name="allowed">Addresses, networks and names that are allowed all the same; <c>*</c> for all.</param>
    public Outbound(IEnumerable<string> allowed)
    {
        foreach (var one in allowed)
        {
            if (one == "*") _isAllAllowed = true;
            else if (IPNetwork.TryParse(one, out var network)) _networks.Add(network);
            else if (IPAddress.TryParse(one, out var address)) _networks.Add(new(address, address.GetAddressBytes().Length * 8));
            else _hosts.Add(one);
        }
    }

    /// <summary>Why an address that is named as such is not connected to; null if it is, or is a name, which is looked at when it is resolved.</summary>
    public string? FaultOf(string host) =>
        IPAddress.TryParse(host.Trim('[', ']'), out var address) && IsRefused(host, address) ? Fault(host, address) : null;

    /// <summary>Connects to one of a name's addresses.</summary>
    /// <exception cref="AddressRefusedException">One of them is not allowed: then none is tried.</exception>
    /// <exception cref="SocketException">None answers.</exception>
    public async ValueTask<Socket> ConnectAsync(string host, int port, CancellationToken ct)
    {
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, ct);
        if (addresses.FirstOrDefault(address => IsRefused(host, address)) is { } refused) throw new AddressRefusedException(Fault(host, refused));
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>For HTTP: every connection of it is made here, and redirects are not followed. A proxy that the environment names is whom its owner trusts to judge.</summary>
    /// <param name="own">A host that is allowed, since the server's owner named it in the settings; null for none.</param>
    public SocketsHttpHandler Handler(string? own = null) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        SslOptions = { CipherSuitesPolicy = TlsSuites.Outgoing },
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectCallback = async (context, ct) =>
        {
            var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
            var isOwn = host == own || IsProxy(host, port, context.InitialRequestMessage.RequestUri!);
            var socket = await (isOwn ? new Outbound(["*"]) : this).ConnectAsync(host, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    private static bool IsProxy(string host, int port, Uri request) => HttpClient.DefaultProxy.GetProxy(request) is { } proxy && proxy.IdnHost == host && proxy.Port == port && proxy != request;

    private static string Fault(string host, IPAddress address) =>
        $"{(host == address.ToString() ? host : $"{host} is {address}, which")} is an address of this machine or of a private network: to allow it, add it to Fleet__Outbound__Allow.";

    private bool IsRefused(string host, IPAddress address)
    {
        if (_isAllAllowed || _hosts.Contains(host)) return false;
        var plain = Plain(address);
        return s_inner.Any(network => network.Contains(plain)) && !_networks.Exists(network => network.Contains(plain) || network.Contains(address));
    }

    /// <summary>An IPv4 address that is written as an IPv6 one.</summary>
    private static IPAddress Plain(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6 && s_nat64.Contains(address) ? new(address.GetAddressBytes().AsSpan(12)) : address;
    }
}

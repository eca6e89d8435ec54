using System.Net;
using System.Net.Sockets;

namespace Fleet.Shared;

/// <summary>Ports of loopback, for what cannot be told to choose one itself.</summary>
internal static class Ports
{
    /// <summary>One that nobody listens on now.</summary>
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

using System.Net;
using System.Net.Sockets;

namespace Fleet.Shared;

/// <summary>Ports of loopback, for what cannot be told to choose one itself.</summary>
internal static class Ports
{
    /// <summary>Below those that a system gives to connections (from 32768 on), so that none of ours takes one meanwhile.</summary>
    private static int s_last = Random.Shared.Next(10_000, 30_000);

    /// <summary>One that nobody listens on now, and that nobody else here is told.</summary>
    public static int Free()
    {
        while (true)
        {
            using var listener = new TcpListener(IPAddress.Loopback, Interlocked.Increment(ref s_last));
            try
            {
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException)
            {
                // Somebody listens there.
            }
        }
    }
}

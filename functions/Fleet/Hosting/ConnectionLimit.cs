using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fleet.Kernel;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fleet.Hosting;

/// <summary>How many connections there may be: in all by the descriptors that the process may open, and for each address a quarter of them. Near the limit those that rest are closed; past it new ones are refused.</summary>
internal sealed class ConnectionLimit
{
    /// <summary>Descriptors for the database, files, calls that go out, and .NET itself.</summary>
    private const int Reserved = 256;

    /// <summary>Where the system names no limit of descriptors, as on Windows.</summary>
    private const int Otherwise = 20_000;

    /// <summary>One that rests shorter is perhaps about to ask.</summary>
    private static readonly TimeSpan s_resting = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ClientConnection, bool> _all = new();
    private readonly ConcurrentDictionary<string, int> _perAddress = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<IPNetwork> _proxies;
    private readonly TimeProvider _clock;
    private int _count;
    private long _refused;
    private long _closedAt;

    /// <param name="limits">May set both numbers.</param>
    /// <param name="proxies">Addresses behind which many clients are: only the limit of all holds for them.</param>
    /// <param name="clock">Tells how long one rests.</param>
    public ConnectionLimit(Limits limits, IEnumerable<IPNetwork> proxies, TimeProvider clock)
    {
        (_proxies, _clock) = ([.. proxies], clock);
        var descriptors = DescriptorsOf("/proc/self/limits") ?? Otherwise;
        Most = limits.Connections > 0 ? limits.Connections : Math.Max(descriptors / 4, descriptors - Reserved - (descriptors / 10));
        MostForAddress = limits.ConnectionsPerAddress > 0 ? limits.ConnectionsPerAddress : Math.Max(16, Most / 4);
    }

    public int Most { get; }

    public int MostForAddress { get; }

    public int Count => Volatile.Read(ref _count);

    /// <summary>How many were refused since the start.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>The process's limit of open files, as Linux tells it; null where it does not.</summary>
    public static int? DescriptorsOf(string file)
    {
        const string Line = "Max open files";
        try
        {
            var words = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(Line, StringComparison.Ordinal))?[Line.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is [var soft, ..] ? (int.TryParse(soft, CultureInfo.InvariantCulture, out var number) ? number : int.MaxValue / 2) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Counts every connection before anything is read of it.</summary>
    public void Use(ListenOptions listen) => listen.Use(next => async transport =>
    {
        var connection = new ClientConnection(transport, KeyOf(transport.RemoteEndPoint), _clock);
        if (!TryAdd(connection))
        {
            Interlocked.Increment(ref _refused);
            connection.Abort("There are too many connections.");
            return;
        }

        try
        {
            transport.Features.Set(connection);
            await next(transport);
        }
        finally
        {
            Remove(connection);
        }
    });

    /// <summary>Sees to it that nothing but our answers goes out. After TLS: what it sees is HTTP. HTTP/2 refuses without an answer by itself.</summary>
    public static void GuardAnswers(ListenOptions listen) => listen.Use(next => transport =>
    {
        var isHttp2 = transport.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol.Span.SequenceEqual("h2"u8) == true;
        if (!isHttp2 && transport.Features.Get<ClientConnection>() is { } connection) transport.Transport = new Duplex(transport.Transport.Input, new AnswerWriter(transport.Transport.Output, connection));
        return next(transport);
    });

    /// <summary>Notes when a request begins and ends.</summary>
    public static void Note(IApplicationBuilder app) => app.Use(next => context =>
    {
        if (context.Features.Get<ClientConnection>() is not { } connection) return next(context);
        connection.Begin();
        context.Response.OnCompleted(static state =>
        {
            ((ClientConnection)state).End();
            return Task.CompletedTask;
        }, connection);
        return next(context);
    });

    private bool TryAdd(ClientConnection connection)
    {
        var count = Interlocked.Increment(ref _count);
        var ofAddress = _perAddress.AddOrUpdate(connection.Address, 1, (_, before) => before + 1);
        if (count > Most * 9L / 10) CloseResting();
        if (count <= Most && (ofAddress <= MostForAddress || connection.Address.Length == 0))
        {
            _all[connection] = true;
            return true;
        }

        Forget(connection);
        return false;
    }

    private void Remove(ClientConnection connection)
    {
        _all.TryRemove(connection, out _);
        Forget(connection);
    }

    private void Forget(ClientConnection connection)
    {
        Interlocked.Decrement(ref _count);
        if (_perAddress.AddOrUpdate(connection.Address, 0, (_, before) => before - 1) <= 0) _perAddress.TryRemove(new(connection.Address, 0));
    }

    /// <summary>A tenth of all, those that rest longest first; at most ten times a second.</summary>
    private void CloseResting()
    {
        var last = Volatile.Read(ref _closedAt);
        if (_clock.GetElapsedTime(last) < TimeSpan.FromMilliseconds(100) || Interlocked.CompareExchange(ref _closedAt, _clock.GetTimestamp(), last) != last) return;
        foreach (var connection in _all.Keys.Select(one => (One: one, one.Rests)).Where(one => one.Rests > s_resting).OrderByDescending(one => one.Rests).Take((Most / 10) + 1)) connection.One.Abort("Others need the room.");
    }

    /// <summary>Of IPv6 the network, since whoever has one address has all of its 2^64; nothing for a proxy.</summary>
    private string KeyOf(EndPoint? client)
    {
        if (client is not IPEndPoint { Address: var address }) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (_proxies.Any(proxy => proxy.Contains(address))) return "";
        return address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString();
    }
}

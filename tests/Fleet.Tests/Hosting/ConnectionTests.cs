using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Hosting;

/// <summary>What Kestrel refuses by itself is answered with nothing at all: an agent takes an empty body for success, and a closed connection for a failure.</summary>
public sealed class ConnectionTests
{
    public static TheoryData<string> Unreadable() =>
    [
        "POST /log\r\n\r\n", "nonsense\r\n\r\n", "POST /log HTTP/3.0\r\nHost: x\r\n\r\n", "POST /log HTTP/1.1\r\n\r\n", "POST /log?%00 HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        "POST /%00/log HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", $"POST /{new string('a', 9_000)}/log HTTP/1.1\r\nHost: x\r\n\r\n", $"POST /log HTTP/1.1\r\nHost: x\r\nA: {new string('b', 40_000)}\r\n\r\n",
        "POST /log HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n", "POST /log HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", "POST /log HTTP/1.1\r\nHost: a b\r\n\r\n",
        "POST /log HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ];

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task A_request_that_cannot_be_read_gets_no_answer_or_one_with_an_error(string request)
    {
        await using var server = await RunningServer.StartAsync();
        using var client = await ConnectAsync(server);
        await SendAsync(client, request);
        NoEmptyAnswer(await ReadAllAsync(client));
    }

    [Fact]
    public async Task A_bad_request_behind_a_good_one_on_the_same_connection_gets_none_either()
    {
        await using var server = await RunningServer.StartAsync();
        using var client = await ConnectAsync(server);
        await AnswersAsync(client);
        await SendAsync(client, "nonsense\r\n\r\n");
        Assert.Equal("", await ReadAllAsync(client));
    }

    [Fact]
    public async Task Headers_that_do_not_come_end_the_connection_without_a_word()
    {
        await using var server = await RunningServer.StartAsync(("Limits:HeaderTime", "1s"));
        using var client = await ConnectAsync(server);
        await SendAsync(client, "POST /log HTTP/1.1\r\nHost: x\r\n");
        Assert.Equal("", await ReadAllAsync(client));
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_an_error()
    {
        await using var server = await RunningServer.StartAsync(("Limits:BodyTime", "1s"));
        using var client = await ConnectAsync(server);
        await SendAsync(client, "POST /log HTTP/1.1\r\nHost: x\r\nContent-Length: 200000000\r\n\r\n{\"node_key\":");
        NoEmptyAnswer(await ReadAllAsync(client));
    }

    [Fact]
    public async Task Past_the_limit_of_an_address_connections_are_refused_and_those_that_are_there_work()
    {
        await using var server = await RunningServer.StartAsync(("Limits:Connections", "100"), ("Limits:ConnectionsPerAddress", "5"));
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < 5; i++) clients.Add(await ConnectAsync(server));
            foreach (var client in clients) await AnswersAsync(client);
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal("", await RefusedAsync(server));
            }

            foreach (var client in clients) await AnswersAsync(client);
            Assert.Equal(20, server.Services.GetRequiredService<ConnectionLimit>().Refused);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task Near_the_limit_of_all_idle_connections_make_room_and_one_that_is_asking_stays()
    {
        await using var server = await RunningServer.StartAsync(("Limits:Connections", "10"), ("Limits:ConnectionsPerAddress", "10"));
        var idle = new List<Socket>();
        try
        {
            using var asking = await ConnectAsync(server);
            await SendAsync(asking, "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{");
            for (var i = 0; i < 9; i++) idle.Add(await ConnectAsync(server));
            foreach (var client in idle) await AnswersAsync(client);

            // After a second they count as idle.
            var isAnswered = false;
            for (var began = Stopwatch.GetTimestamp(); !isAnswered && Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(20);)
            {
                isAnswered = await IsAnsweredAsync(server);
            }

            Assert.True(isAnswered);
            await SendAsync(asking, "}");
            var buffer = new byte[1_000];
            Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(buffer, 0, await asking.ReceiveAsync(buffer)), StringComparison.Ordinal);
        }
        finally
        {
            idle.ForEach(client => client.Dispose());
        }
    }

    private static async Task<bool> IsAnsweredAsync(RunningServer server)
    {
        try
        {
            using var client = await ConnectAsync(server);
            await SendAsync(client, "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
            return await client.ReceiveAsync(new byte[1_000]) > 0;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    [Fact]
    public void The_number_of_descriptors_is_read_as_Linux_writes_it()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 524288               files     \n");
        Assert.Equal(1_024, ConnectionLimit.DescriptorsOf(file));
        File.WriteAllText(file, "Max open files            unlimited            unlimited            files     \n");
        Assert.True(ConnectionLimit.DescriptorsOf(file) > 1_000_000);
        File.WriteAllText(file, "");
        Assert.Null(ConnectionLimit.DescriptorsOf(file));
        File.Delete(file);
        Assert.Null(ConnectionLimit.DescriptorsOf(file));
        Assert.InRange(new ConnectionLimit(Limits.Default, [], TimeProvider.System).Most, 64, int.MaxValue / 2);
    }

    private static void NoEmptyAnswer(string answer)
    {
        if (answer.Length == 0) return;
        var body = answer.Split("\r\n\r\n", 2)[1];
        Assert.Contains("\"error\"", body, StringComparison.Ordinal);
    }

    private static async Task AnswersAsync(Socket client)
    {
        await SendAsync(client, "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
        var buffer = new byte[1_000];
        Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(buffer, 0, await client.ReceiveAsync(buffer)), StringComparison.Ordinal);
    }

    private static async Task<Socket> ConnectAsync(RunningServer server)
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, server.Url.Port);
        return client;
    }

    /// <summary>What one more is told. It may be closed before this side has seen it open.</summary>
    private static async Task<string> RefusedAsync(RunningServer server)
    {
        try
        {
            using var refused = await ConnectAsync(server);
            return await ReadAllAsync(refused);
        }
        catch (SocketException)
        {
            return "";
        }
    }

    private static async Task SendAsync(Socket client, string request)
    {
        try
        {
            await client.SendAsync(Encoding.Latin1.GetBytes(request));
        }
        catch (SocketException)
        {
            // Closed before all was sent.
        }
    }

    /// <summary>All until the connection ends; a reset is an end.</summary>
    private static async Task<string> ReadAllAsync(Socket client)
    {
        var all = new StringBuilder();
        var buffer = new byte[4_096];
        try
        {
            while (await client.ReceiveAsync(buffer) is > 0 and var count) all.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
        catch (SocketException)
        {
            // What came before counts.
        }

        return all.ToString();
    }
}

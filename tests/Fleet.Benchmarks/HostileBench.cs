using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Fleet.Shared;
using Fleet.Swarm;

namespace Fleet.Benchmarks;

/// <summary>Honest agents beside attackers, at a server that has 1 GB of memory: 3,000 slow connections that announce 200 MB each, half of them with a good node key, and 16 that send gzip bombs without a pause.</summary>
internal static class HostileBench
{
    private const long Memory = 1L << 30;
    private const long MostMemory = 600_000_000;
    private const int SlowConnections = 3_000;
    private const int Bombs = 16;
    private const int Agents = 20;

    /// <summary>What a body on its way may not be slower than is 240 bytes a second: these stay above it.</summary>
    private static readonly byte[] s_drip = Encoding.ASCII.GetBytes(new string('x', 600));

    private static int s_open;
    private static int s_opened;
    private static int s_bombs;

    public static async Task RunAsync(string[] args)
    {
        var numbers = args.Select(arg => int.Parse(arg, CultureInfo.InvariantCulture)).ToList();
        var time = TimeSpan.FromSeconds(numbers.ElementAtOrDefault(0) is > 0 and var seconds ? seconds : 60);
        var (slow, bombs) = (numbers.Count > 1 ? numbers[1] : SlowConnections, numbers.Count > 2 ? numbers[2] : Bombs);
        var folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
        using var group = new MemoryGroup(Memory);
        using var fleet = StartIn(group, folder, out var url);
        try
        {
            var secret = await SecretAsync(folder);
            var agents = await Task.WhenAll(Enumerable.Range(0, Agents).Select(i => EnrollAsync(url, secret, i)));
            var attacker = await EnrollAsync(url, secret, Agents);
            Console.WriteLine($"{Environment.ProcessorCount} cores, {Memory >> 20} MiB, {Agents} honest agents that each send 100 lines and ask twice, over and over; {time.TotalSeconds} s each");
            await MeasureAsync("alone", agents, time, fleet, group);
            using var stop = new CancellationTokenSource();
            var attack = Enumerable.Range(0, slow).Select(i => SlowAsync(url, i, i % 2 == 0 ? null : attacker.Key, stop.Token))
                .Concat(Enumerable.Range(0, bombs).Select(i => BombAsync(url, attacker.Key, stop.Token))).ToList();
            for (var left = 600; left > 0 && Volatile.Read(ref s_open) < slow; left--) await Task.Delay(100);
            await MeasureAsync("attacked", agents, time, fleet, group);
            Console.WriteLine($"slow connections open at the end: {Volatile.Read(ref s_open):N0} (opened {s_opened:N0}); bombs sent: {s_bombs:N0}");
            await stop.CancelAsync();
            await Task.WhenAll(attack);
            Console.WriteLine(PeakOf(fleet) < MostMemory ? "mark met: under 600 MB" : "mark missed: 600 MB");
        }
        finally
        {
            fleet.Kill(entireProcessTree: true);
            await fleet.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task MeasureAsync(string name, Agent[] agents, TimeSpan time, Process fleet, MemoryGroup group)
    {
        var took = new List<double>();
        var faults = new List<string>();
        using var stop = new CancellationTokenSource(time);
        await Task.WhenAll(agents.Select(agent => agent.LiveAsync(took, faults, stop.Token)));
        took.Sort();
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-10}{took.Count,9:N0} calls, median {took[took.Count / 2],5:0} ms, p99 {took[took.Count * 99 / 100],6:0} ms, slowest {took[^1],6:0} ms, failed {faults.Count}; the process had {PeakOf(fleet) / 1e6:0} MB at most, its group {group.Peak / 1e6:0} MB"));
        foreach (var fault in faults.GroupBy(fault => fault)) Console.WriteLine($"  {fault.Count()} times: {fault.Key}");
    }

    private static Process StartIn(MemoryGroup group, string folder, out Uri url)
    {
        url = new($"https://127.0.0.1:{Ports.Free()}");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"echo $$ > {group.Members} && exec dotnet \"$@\"", "sh", Path.Combine(AppContext.BaseDirectory, "fleet.dll"), "serve", "--data", folder, "--url", url.AbsoluteUri]);
        start.Environment["Logging__LogLevel__Default"] = "None";
        return Process.Start(start)!;
    }

    private static async Task<string> SecretAsync(string folder)
    {
        var file = Path.Combine(folder, "enroll-secret");
        for (var left = 600; left > 0 && !File.Exists(file); left--) await Task.Delay(50);
        await Task.Delay(1_000);
        return (await File.ReadAllTextAsync(file)).Trim();
    }

    private static async Task<Agent> EnrollAsync(Uri url, string secret, int number)
    {
        var transport = new AgentTransport(new(url), null);
        var agent = new SimulatedAgent(new Machine(number, 1), new(secret), transport, null, TimeProvider.System);
        for (var left = 100; !await agent.EnrollAsync(default); left--) await Task.Delay(left > 0 ? 100 : throw new InvalidOperationException("The server refuses the agent."));
        return new(transport, agent.NodeKey);
    }

    /// <summary>Opens one after another: what is refused or cut comes again.</summary>
    private static async Task SlowAsync(Uri url, int number, string? key, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            var isOpen = false;
            try
            {
                await using var tls = await ConnectAsync(url, number, ct);
                await tls.WriteAsync(Encoding.ASCII.GetBytes($"POST /log HTTP/1.1\r\nHost: {url.Host}\r\n{(key is null ? "" : $"Authorization: NodeKey {key}\r\n")}Content-Type: application/json\r\nContent-Length: 200000000\r\n\r\n{{\"data\":[{{\"name\":\""), ct);
                isOpen = true;
                Interlocked.Increment(ref s_open);
                Interlocked.Increment(ref s_opened);
                while (true)
                {
                    await tls.WriteAsync(s_drip, ct);
                    await Task.Delay(2_000, ct);
                }
            }
            catch (Exception fault) when (fault is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
            {
                if (!ct.IsCancellationRequested) await Task.Delay(500, CancellationToken.None);
            }
            finally
            {
                if (isOpen) Interlocked.Decrement(ref s_open);
            }
        }
    }

    /// <summary>Some 500 kB that become 500 MB.</summary>
    private static async Task BombAsync(Uri url, string key, CancellationToken ct)
    {
        using var http = new HttpClient(AgentTransport.NewHandler(new(url, KeepAlive: true))) { BaseAddress = url };
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            await gzip.WriteAsync(Encoding.ASCII.GetBytes($$"""{"node_key":"{{key}}","log_type":"result","data":[{"name":"q","columns":{"a":" """), CancellationToken.None);
            var spaces = new byte[1 << 20];
            spaces.AsSpan().Fill((byte)'x');
            for (var i = 0; i < 500; i++) await gzip.WriteAsync(spaces, CancellationToken.None);
        }

        var body = packed.ToArray();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "/log") { Content = new ByteArrayContent(body) };
                request.Content.Headers.ContentEncoding.Add("gzip");
                request.Headers.Authorization = new("NodeKey", key);
                using var answer = await http.SendAsync(request, ct);
                Interlocked.Increment(ref s_bombs);
            }
            catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
            {
                // Cut, or the end.
            }
        }
    }

    /// <summary>From one of many addresses of this machine, so that what one address may have does not stop them.</summary>
    private static async Task<SslStream> ConnectAsync(Uri url, int number, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse($"127.0.0.{2 + (number % 200)}"), 0));
            await socket.ConnectAsync(IPAddress.Loopback, url.Port, ct);
            var tls = new SslStream(new NetworkStream(socket, ownsSocket: true), leaveInnerStreamOpen: false, (_, shown, _, _) => shown is not null);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = url.Host }, ct);
            return tls;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The most memory that a process had at once, pages of its own files among it.</summary>
    private static long PeakOf(Process process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1_024;
    }

    private sealed record Agent(AgentTransport Transport, string Key)
    {
        /// <summary>A connection each, as real agents have it.</summary>
        public async Task LiveAsync(List<double> took, List<string> faults, CancellationToken ct)
        {
            var small = Encoding.UTF8.GetBytes($$"""{"node_key":"{{Key}}"}""");
            for (var i = 0; !ct.IsCancellationRequested; i++)
            {
                foreach (var (call, body) in new[] { ("log", Encoding.UTF8.GetBytes(Bodies.Log(Key, 100, i.ToString(CultureInfo.InvariantCulture)))), ("distributed/read", small), ("config", small) })
                {
                    var began = Stopwatch.GetTimestamp();
                    var verdict = await Transport.PostAsync(call, body, null, "5.12.1", gzip: false, default);
                    lock (took) took.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                    if (verdict.Error is not { } fault) continue;
                    lock (faults) faults.Add($"{call}: {fault}");
                }

                await Task.Delay(500, CancellationToken.None);
            }
        }
    }
}

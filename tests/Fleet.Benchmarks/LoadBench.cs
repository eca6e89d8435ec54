using Fleet.Shared;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Fleet.Swarm;

namespace Fleet.Benchmarks;

/// <summary>This server and a bare Kestrel, in turn, with the same bodies over TLS, driven by wrk. What counts are the ratios of one run.</summary>
internal static partial class LoadBench
{
    private const int Connections = 32;

    private static readonly List<Process> s_started = [];

    public static async Task RunAsync(string[] args)
    {
        var seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8;
        var folder = Directory.CreateTempSubdirectory("fleet-bench-").FullName;
        try
        {
            var (fleetPort, barePort) = (Ports.Free(), Ports.Free());
            Start("fleet.dll", "serve", "--data", folder, "--url", $"https://localhost:{fleetPort}");
            await WaitAsync(fleetPort);
            var secret = (await File.ReadAllTextAsync(Path.Combine(folder, "enroll-secret"))).Trim();
            using var transport = new AgentTransport(new(new Uri($"https://localhost:{fleetPort}"), KeepAlive: true), null);
            var agent = new SimulatedAgent(new Machine(1, 1), new(secret), transport, null, TimeProvider.System);
            if (!await agent.EnrollAsync(default) || !await agent.RefreshConfigAsync(default)) throw new InvalidOperationException("The server refuses the agent.");
            var config = await transport.PostAsync("config", Encoding.UTF8.GetBytes($$"""{"node_key":"{{agent.NodeKey}}"}"""), null, "5.12.1", gzip: false, default);
            var configFile = Path.Combine(folder, "bare-config.json");
            await File.WriteAllTextAsync(configFile, config.Body!.ToJsonString());
            Start("Fleet.Benchmarks.dll", "bare", barePort.ToString(CultureInfo.InvariantCulture), folder, configFile);
            await WaitAsync(barePort);

            var small = $$"""{"node_key":"{{agent.NodeKey}}"}""";
            var log = Bodies.Log(agent.NodeKey, 100, "MARK");
            Console.WriteLine($"{Environment.ProcessorCount} cores, {Connections} connections, {seconds} s each, bodies: {small.Length} and {log.Length} bytes");
            Console.WriteLine($"{"",-44}{"fleet/s",12}{"p99 ms",10}{"bare/s",12}{"p99 ms",10}{"ratio",8}");
            await CompareAsync("config, idle", "config", small, close: false);
            await CompareAsync("distributed/read, idle", "distributed/read", small, close: false);
            await CompareAsync("log, 100 lines, durable", "log", log, close: false);
            await CompareAsync("distributed/read, a connection each", "distributed/read", small, close: true);

            async Task CompareAsync(string name, string call, string body, bool close)
            {
                // What is measured must be what agents take for success.
                var verdict = await transport.PostAsync(call, Encoding.UTF8.GetBytes(body), null, "5.12.1", gzip: false, default);
                if (!verdict.IsOk) throw new InvalidOperationException($"{call}: {verdict.Error}");

                // In turn, twice, so that neither has the warmer machine.
                var script = await ScriptAsync(folder, body, close);
                var ours = new List<Outcome>();
                var theirs = new List<Outcome>();
                for (var round = 0; round < 2; round++)
                {
                    theirs.Add(await WrkAsync(script, $"https://localhost:{barePort}/{call}", seconds));
                    ours.Add(await WrkAsync(script, $"https://localhost:{fleetPort}/{call}", seconds));
                }

                var (a, b) = (ours.Average(o => o.PerSecond), theirs.Average(o => o.PerSecond));
                Console.WriteLine(FormattableString.Invariant(
                    $"{name,-44}{a,12:N0}{ours.Max(o => o.P99),10:0.0}{b,12:N0}{theirs.Max(o => o.P99),10:0.0}{a / b,8:0.00}{(ours.Concat(theirs).Any(o => o.Errors) ? "  errors!" : "")}"));
            }
        }
        finally
        {
            foreach (var process in s_started) process.Kill();
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A script for wrk: posts the body, in which MARK is another number each time, so that no post is a repeat.</summary>
    private static async Task<string> ScriptAsync(string folder, string body, bool close)
    {
        var bodyFile = Path.Combine(folder, "body.json");
        await File.WriteAllTextAsync(bodyFile, body);
        var script = Path.Combine(folder, "post.lua");
        await File.WriteAllTextAsync(script, $$"""
            local f = io.open("{{bodyFile}}"); local body = f:read("*a"); f:close()
            local at = body:find("MARK", 1, true)
            local head, tail = body, nil
            if at then head = body:sub(1, at - 1); tail = body:sub(at + 4) end
            local headers = { ["Content-Type"] = "application/json"{{(close ? ", [\"Connection\"] = \"close\"" : "")}} }
            local threads = 0
            function setup(thread) thread:set("id", threads); threads = threads + 1 end
            local n = os.time() * 1000000
            local fixed
            function request()
              if not tail then
                fixed = fixed or wrk.format("POST", nil, headers, body)
                return fixed
              end
              n = n + 1
              return wrk.format("POST", nil, headers, head .. id .. "-" .. n .. tail)
            end
            """);
        return script;
    }

    private static async Task<Outcome> WrkAsync(string script, string url, int seconds)
    {
        using var wrk = Process.Start(new ProcessStartInfo("wrk", ["-t2", $"-c{Connections}", $"-d{seconds}s", "--latency", "-s", script, url]) { RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("wrk is needed: apt-get install wrk");
        var text = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        var rate = Rate().Match(text);
        if (!rate.Success) throw new InvalidOperationException(text);
        var p99 = P99().Match(text);
        var unit = p99.Groups[2].Value switch { "us" => 0.001, "ms" => 1, _ => 1_000 };
        return new(
            double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture), double.Parse(p99.Groups[1].Value, CultureInfo.InvariantCulture) * unit,
            text.Contains("Non-2xx", StringComparison.Ordinal));
    }

    private static void Start(string assembly, params string[] arguments) => s_started.Add(Process.Start(new ProcessStartInfo(
        "dotnet", [Path.Combine(AppContext.BaseDirectory, assembly), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!);

    private static async Task WaitAsync(int port)
    {
        for (var i = 0; i < 200; i++)
        {
            try
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }

        throw new InvalidOperationException($"Nobody listens on {port}.");
    }

    private sealed record Outcome(double PerSecond, double P99, bool Errors);

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"99%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex P99();
}

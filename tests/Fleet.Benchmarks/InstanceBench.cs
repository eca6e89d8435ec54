using System.Globalization;
using Fleet.EndToEnd;
using Fleet.Swarm;

namespace Fleet.Benchmarks;

/// <summary>What the published worker takes of an instance behind the Functions host that the tests play: time on processors for a request of a fleet's mix, and memory under load and after it.</summary>
internal static class InstanceBench
{
    /// <summary>Of a node that asks for questions each minute, and for its configuration and to post logs each five.</summary>
    private static readonly TimeSpan s_minute = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(string[] args)
    {
        var agents = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 150;
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();
        var worker = fleet.Host.Worker;

        // The host that the tests play ticks each 0.3 s, where the real one does once a minute: that is no request's.
        await Task.Delay(TimeSpan.FromSeconds(10));
        var ticks = worker.Usage.Processor;
        await Task.Delay(TimeSpan.FromSeconds(15));
        ticks = (worker.Usage.Processor - ticks) / 15;
        Console.WriteLine(FormattableString.Invariant($"started: {worker.Usage.Bytes / 1e6:0} MB; ticks take {ticks.TotalMilliseconds:0} ms of each second"));

        using var done = new CancellationTokenSource();
        var swarm = new SwarmRun(new(
            fleet.Url, fleet.Secret, agents, Duration: TimeSpan.FromHours(1), Ramp: TimeSpan.FromSeconds(5), ConfigEvery: 5 * s_minute, LogEvery: 5 * s_minute,
            DistributedEvery: s_minute, Lines: 20, Matching: 0.005, KeepAlive: true, Compress: true, Seed: 42, Prefix: "", Connections: agents), TimeProvider.System);
        var running = swarm.RunAsync(_ => { }, done.Token);
        await Task.Delay(TimeSpan.FromSeconds(15));

        var (before, requests, most) = (worker.Usage.Processor, Requests(), 0L);
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60))
        {
            await Task.Delay(250);
            most = Math.Max(most, worker.Usage.Bytes);
        }

        var (time, count) = (TimeProvider.System.GetElapsedTime(began), Requests() - requests);
        Console.WriteLine(FormattableString.Invariant(
            $"{count / time.TotalSeconds:0} requests a second of {agents} agents: {(worker.Usage.Processor - before - (ticks * time.TotalSeconds)).TotalMicroseconds / count:0} us of the worker's CPU each, {most / 1e6:0} MB at most, {swarm.Meter.LinesLost} lines lost"));
        await done.CancelAsync();
        await running;
        await Task.Delay(TimeSpan.FromSeconds(40));
        Console.WriteLine(FormattableString.Invariant($"40 s later: {worker.Usage.Bytes / 1e6:0} MB"));

        long Requests() => swarm.Meter.Calls.Sum(call => call.Value.Count);
    }
}

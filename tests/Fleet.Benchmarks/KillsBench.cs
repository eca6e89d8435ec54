using System.Globalization;
using Fleet.EndToEnd;
using Fleet.Swarm;

namespace Fleet.Benchmarks;

/// <summary>The published worker behind the Functions host that the tests play, killed again and again while a swarm posts its logs: how many lines are lost.</summary>
internal static class KillsBench
{
    private static readonly Random s_random = new(42);

    public static async Task RunAsync(string[] args)
    {
        var times = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 50;
        var agents = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 40;
        await using var fleet = new FunctionsUnderTest();
        await fleet.StartAsync();
        await fleet.SignInAsync();

        using var done = new CancellationTokenSource();
        var swarm = new SwarmRun(new(
            fleet.Url, fleet.Secret, agents, Duration: TimeSpan.FromHours(1), Ramp: TimeSpan.FromSeconds(2), ConfigEvery: TimeSpan.FromSeconds(5), LogEvery: TimeSpan.FromSeconds(1),
            DistributedEvery: TimeSpan.FromSeconds(2), Lines: 5, Matching: 0, KeepAlive: true, Compress: true, Seed: 42, Prefix: "", Connections: agents), TimeProvider.System);
        var running = swarm.RunAsync(_ => { }, done.Token);
        for (var i = 0; i < times; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1_000 + s_random.Next(2_000)));
            await fleet.Host.Worker.RestartAsync();
        }

        await Task.Delay(TimeSpan.FromSeconds(5));
        await done.CancelAsync();
        await running;
        Console.WriteLine(swarm.Report().ToJsonString(new() { WriteIndented = true }));
        var empty = swarm.Meter.Calls.Sum(call => call.Value.Empty);
        Console.WriteLine(FormattableString.Invariant(
            $"{times} kills, {agents} agents, {swarm.Meter.Calls.Sum(call => call.Value.Count)} requests: {empty} empty answers; of {swarm.Meter.LinesSent} lines {swarm.Meter.LinesLost} were lost"));
    }
}

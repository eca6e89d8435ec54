using System.CommandLine;
using System.Text.Json;
using Fleet.Alerts;
using Fleet.Config;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Rules;
using Fleet.Swarm;

namespace Fleet.Cli;

/// <summary><c>fleet demo</c>: the server with simulated agents, a pack, a rule and a campaign, so that there is something to see.</summary>
internal static class DemoCommand
{
    private const string DemoPack = """
        {"queries":{
          "processes":{"query":"select pid, name, path, cmdline, uid, on_disk from processes","interval":300},
          "listening_ports":{"query":"select pid, port, protocol, address, path from listening_ports","interval":600},
          "logged_in_users":{"query":"select type, user, host, time, pid from logged_in_users","interval":600},
          "system_info":{"query":"select * from system_info","interval":3600,"snapshot":true},
          "os_version":{"query":"select * from os_version","interval":3600,"snapshot":true}}}
        """;

    private const string DemoRule = """
        {"condition":"AND","rules":[
          {"field":"query_name","operator":"equal","value":"pack/demo/processes"},
          {"field":"action","operator":"equal","value":"added"},
          {"field":"column","operator":"column_equal","value":["name","dockerd"]},
          {"field":"column","operator":"column_equal","value":["uid","0"]}]}
        """;

    public static Command Build()
    {
        var nodes = new Option<int>("--nodes") { Description = "How many agents.", DefaultValueFactory = _ => 25 };
        var command = new Command("demo", "Start the server with simulated agents, so that there is something to see.") { Shared.Url, nodes };
        command.SetAction((parsed, ct) =>
        {
            var overrides = Shared.Overrides(parsed);
            overrides.TryAdd("Fleet:Data", Path.GetFullPath("data/demo"));
            return ServeCommand.RunAsync(overrides, (app, stop) => PopulateAsync(app, parsed.GetValue(nodes), stop), ct);
        });
        return command;
    }

    private static async Task PopulateAsync(WebApplication app, int nodes, CancellationToken stop)
    {
        var services = app.Services;
        await SeedAsync(services, stop);
        var (_, secret) = await services.GetRequiredService<EnrollSecrets>().CreateAsync("demo", TagSet.Of(["demo"]), expiresAt: null, maxUses: null, node: null, text: null, stop);
        var meter = new SwarmMeter();
        using var transport = new AgentTransport(new(Server.AddressOf(app), KeepAlive: true), meter);
        var agents = Enumerable.Range(0, nodes).Select(number => new SimulatedAgent(
            new(seed: 7, number), new(secret, ConfigRefresh: TimeSpan.FromSeconds(20), LogPeriod: TimeSpan.FromSeconds(5), Pace: 20), transport, meter, TimeProvider.System)).ToList();
        Console.WriteLine($"{nodes} simulated agents are starting. They live twenty times as fast as their schedule says.");
        await Task.WhenAll(agents.Select(agent => agent.RunAsync(stop)).Append(AskAsync(services, stop)));
    }

    private static async Task SeedAsync(IServiceProvider services, CancellationToken ct)
    {
        var import = services.GetRequiredService<ConfigImport>();
        await import.ApplyAsync(import.Plan("demo", TagSet.Of(["demo"]), OsqueryFile.Read(System.Text.Encoding.UTF8.GetBytes(DemoPack))), ct);
        var rules = services.GetRequiredService<RuleStore>();
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        using var conditions = JsonDocument.Parse(DemoRule);
        if (RuleParser.Parse(conditions.RootElement, services.GetRequiredService<Limits>(), out var faults) is null) throw new FormatException(faults[0].Message);
        await rules.PutAsync(new("demo", "A container daemon runs as root", "It should run under an account of its own.", DemoRule, [Alerters.Log], "high", Enabled: true, now, now)
        {
            Grouping = new([], TimeSpan.FromHours(1)),
            ResolvesOnRemoved = true,
        }, etag: null, ct);
    }

    /// <summary>A question to everyone, once they are there.</summary>
    private static async Task AskAsync(IServiceProvider services, CancellationToken stop)
    {
        await Task.Delay(TimeSpan.FromSeconds(5), stop);
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        await services.GetRequiredService<CampaignStore>().StartAsync(
            new(
                Guid.CreateVersion7(now).ToString("N"), "select username, directory from users", "Who has an account?",
                new(All: true, [], [], MatchAll: false, [], Sample: null), now, "demo", now, now.AddHours(1), CancelledAt: null, Targeted: 0),
            stop);
    }
}

using System.CommandLine;
using Fleet.Kernel;
using Fleet.Swarm;

namespace Fleet.Cli;

/// <summary><c>fleet swarm</c>: simulated agents against any server that speaks osquery's protocol.</summary>
internal static class SwarmCommand
{
    public static Command Build()
    {
        var url = new Option<Uri>("--url")
        {
            Description = "The server.",
            HelpName = "URL",
            Required = true,
            CustomParser = result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https") return uri;
                result.AddError($"'{result.Tokens[0].Value}' is no address: write https://fleet.example.org:8443.");
                return null;
            },
        };
        var secret = new Option<string>("--secret") { Description = "The enroll secret.", Required = true };
        var nodes = Between(new Option<int>("--nodes") { Description = "How many agents.", DefaultValueFactory = _ => 100 }, 1, 10_000_000);
        var duration = Span("--duration", "How long.", "30s");
        var ramp = Span("--ramp", "Agents start one after another over this time.", "5s", mayBeZero: true);
        var config = Span("--config-interval", "How often each agent fetches its configuration.", "10s");
        var log = Span("--log-interval", "How often each agent sends logs.", "10s");
        var distributed = Span("--distributed-interval", "How often each agent asks for distributed queries.", "10s");
        var lines = Between(
            new Option<int>("--lines") { Description = $"Lines that each agent writes before each post of logs, which holds {SimulatedAgent.MostLines} at most.", DefaultValueFactory = _ => 100 }, 0, 1_000_000);
        var matching = Between(
            new Option<double>("--matching") { Description = $"The share of lines, 0 to 1, of the query '{SwarmRun.MatchingQuery}', for a rule to match.", DefaultValueFactory = _ => 0 }, 0, 1);
        var keepAlive = new Option<bool>("--keep-alive") { Description = "Reuse connections. Real agents open one for each request." };
        var compress = new Option<bool>("--compress") { Description = "Send logs packed, as with logger_tls_compress." };
        var seed = new Option<int>("--seed") { Description = "Another seed makes other machines.", DefaultValueFactory = _ => 1 };
        var connections = Between(
            new Option<int>("--connections")
            {
                Description = "Connections at once, which the agents share.",
                DefaultValueFactory = _ => SwarmLimits.ConnectionsWithin(SwarmLimits.OpenFiles()),
            },
            1, SwarmLimits.MostConnectionsWithin(SwarmLimits.OpenFiles()));
        var prefix = new Option<string>("--prefix") { Description = "Before each path: /v1 for Doorman, /api/osquery for Fleet.", DefaultValueFactory = _ => "" };
        var json = new Option<bool>("--json") { Description = "Print the outcome as JSON on standard output; progress goes to standard error." };
        var command = new Command("swarm", "Load a server with simulated agents, and measure. Fails if no agent is enrolled, or lines are lost or dropped.")
        {
            url, secret, nodes, duration, ramp, config, log, distributed, lines, matching, keepAlive, connections, compress, seed, prefix, json,
        };
        command.SetAction((parsed, ct) => Shared.GuardAsync(async () =>
        {
            var run = new SwarmRun(
                new(
                    parsed.GetValue(url)!, parsed.GetValue(secret)!, parsed.GetValue(nodes), parsed.GetValue(duration), parsed.GetValue(ramp), parsed.GetValue(config),
                    parsed.GetValue(log), parsed.GetValue(distributed), parsed.GetValue(lines), parsed.GetValue(matching), parsed.GetValue(keepAlive),
                    parsed.GetValue(compress), parsed.GetValue(seed), parsed.GetValue(prefix)!, parsed.GetValue(connections)),
                TimeProvider.System);
            await run.RunAsync(Console.Error.WriteLine, ct);
            if (parsed.GetValue(json)) Console.WriteLine(run.ReportText());
            else Print(run);
            return run.IsGood ? 0 : 1;
        }));
        return command;
    }

    private static void Print(SwarmRun run)
    {
        Console.WriteLine();
        Console.WriteLine($"{"call",-20}{"requests",10}{"per s",10}{"errors",9}{"empty",9}{"p50 ms",10}{"p99 ms",10}");
        foreach (var (call, meter) in run.Meter.Calls.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Console.WriteLine(FormattableString.Invariant($"{call,-20}{meter.Count,10:N0}{meter.Count / run.Seconds,10:N1}{meter.Errors,9:N0}{meter.Empty,9:N0}{meter.Quantile(0.5),10:0.00}{meter.Quantile(0.99),10:0.00}"));
        }

        Console.WriteLine(FormattableString.Invariant($"agents: {run.Meter.Enrolled:N0} enrolled"));
        Console.WriteLine(FormattableString.Invariant($"lines: {run.Meter.LinesWritten:N0} written, {run.Meter.LinesSent:N0} sent (repeats included), {run.Meter.LinesAcknowledged:N0} acknowledged"));
        Console.WriteLine(FormattableString.Invariant($"       {run.Meter.LinesLost:N0} lost to empty answers, {run.Meter.LinesPurged:N0} dropped, {run.LinesWaiting:N0} waiting at the end"));
        foreach (var (error, count) in run.Meter.Errors) Console.WriteLine(FormattableString.Invariant($"{count:N0} × {error}"));
        foreach (var limit in run.Limits) Console.WriteLine(limit);
        if (run.IsGood && run.Meter.Errors.Count == 0 && !run.Limits.Any()) Console.WriteLine("Nothing on this side limited the run.");
    }

    private static Option<T> Between<T>(Option<T> option, T least, T most)
        where T : IComparable<T>
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<T>() is { } value && (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)) result.AddError($"{option.Name} is from {least} to {most}.");
        });
        return option;
    }

    private static Option<TimeSpan> Span(string name, string description, string otherwise, bool mayBeZero = false) => new(name)
    {
        Description = $"{description} Such as {otherwise}.",
        HelpName = "SPAN",
        DefaultValueFactory = _ => Duration.TryParse(otherwise, out var span) ? span : default,
        CustomParser = result =>
        {
            if (Duration.TryParse(result.Tokens[0].Value, out var span) && (span > TimeSpan.Zero || (mayBeZero && span == TimeSpan.Zero))) return span;
            result.AddError($"'{result.Tokens[0].Value}' is no span of time{(mayBeZero ? "" : " above 0")}: write 30s, 5m or 2h.");
            return default;
        },
    };
}

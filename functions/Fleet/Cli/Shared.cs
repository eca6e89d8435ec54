using System.CommandLine;
using System.CommandLine.Parsing;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Manager;

namespace Fleet.Cli;

/// <summary>Options that several commands take.</summary>
internal static class Shared
{
    public static Option<string?> Data { get; } = new("--data") { Description = "The data folder. Default: Fleet__Data, or ./data; for the demo ./data/demo.", HelpName = "DIR" };

    public static Option<string?> Url { get; } = new("--url") { Description = $"Where to listen. Default: {Settings.DefaultUrl}, or Fleet__Url.", HelpName = "URL" };

    public static Option<string[]> Tags(string description) => TagsAs("--tags", description);

    public static Option<string[]> TagsAs(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "a,b",
        CustomParser = result => [.. result.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))],
        DefaultValueFactory = _ => [],
    };

    /// <summary>What is done with queries that are not valid.</summary>
    public static Option<string?> Allow()
    {
        var allow = new Option<string?>("--allow") { Description = "Queries that are not valid: 'disabled' keeps them and sends them to no agent, 'forced' sends them all the same. Default: the file is refused.", HelpName = "disabled|forced" };
        return allow.AcceptOnlyFromAmong("disabled", "forced");
    }

    public static Option<TimeSpan?> Expires { get; } = new("--expires")
    {
        Description = "Good for this long, such as 12h or 90d. Default: for ever.",
        HelpName = "SPAN",
        CustomParser = result =>
        {
            if (Duration.TryParse(result.Tokens[0].Value, out var span) && span > TimeSpan.Zero) return span;
            result.AddError($"'{result.Tokens[0].Value}' is no span of time: write 12h or 90d.");
            return null;
        },
    };

    /// <summary>The settings that the options stand for.</summary>
    public static Dictionary<string, string?> Overrides(ParseResult parsed)
    {
        var overrides = new Dictionary<string, string?>();
        if (parsed.GetValue(Data) is { } data) overrides["Fleet:Data"] = data;
        if (parsed.GetResult(Url) is not null && parsed.GetValue(Url) is { } url) overrides["Fleet:Url"] = url;
        return overrides;
    }

    /// <summary>Set, errors have the place in the program where they came from.</summary>
    private const string DebugVariable = "FLEET_DEBUG";

    /// <summary>Runs a command; whatever goes wrong is one line on standard error, without a stack trace.</summary>
    public static async Task<int> GuardAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
            return 1;
        }
        catch (Exception fault)
        {
            await Console.Error.WriteLineAsync(Environment.GetEnvironmentVariable(DebugVariable) is { Length: > 0 } ? fault.ToString() : Explain(fault));
            return 1;
        }
    }

    private static string Explain(Exception fault) => fault switch
    {
        SettingsException or RemoteException or LastAdminException or Storage.StorageUnavailableException or Storage.StorageBusyException or Storage.StorageDamagedException or FormatException or Config.ConfigRefusedException
            or UnauthorizedAccessException or IOException or InvalidDataException => fault.Message,
        AggregateException { InnerExceptions: [var only] } => Explain(only),
        _ => $"Something went wrong that should not: {fault.Message} ({fault.GetType().Name}; {DebugVariable}=1 shows where)",
    };

    /// <summary>Opens the data folder, which a running server may have open too, and does something with what is in it.</summary>
    /// <param name="parsed">The command.</param>
    /// <param name="run">What it does.</param>
    /// <param name="ct">Ctrl-C.</param>
    /// <param name="target">What it changes, for the audit log; null for what only reads.</param>
    /// <param name="isRepair">It mends what would keep a server from starting.</param>
    public static Task<int> WithDataAsync(ParseResult parsed, Func<IServiceProvider, Task<int>> run, CancellationToken ct, string? target = null, bool isRepair = false) => GuardAsync(async () =>
    {
        await using var services = await Workbench.OpenAsync(Overrides(parsed), ct, isRepair);
        if (target is null) return await run(services);
        var audit = services.GetRequiredService<AuditLog>();
        var action = $"fleet {string.Join(' ', parsed.CommandResult.Parent is CommandResult { Parent: not null } group ? new[] { group.Command.Name, parsed.CommandResult.Command.Name } : [parsed.CommandResult.Command.Name])}";
        var entry = await audit.BeginAsync(Guid.NewGuid().ToString("N"), Environment.UserName, "command", address: null, action, target, ct);
        var code = 1;
        try
        {
            return code = await run(services);
        }
        finally
        {
            // The answer of a command is its exit code; 200 and 500 stand for it, so that failures are found alike.
            await audit.EndAsync(entry with { Status = code == 0 ? 200 : 500 }, CancellationToken.None);
        }
    });
}

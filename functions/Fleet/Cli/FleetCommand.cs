using System.CommandLine;

namespace Fleet.Cli;

/// <summary>The command line: <c>fleet</c> alone serves.</summary>
internal static class FleetCommand
{
    public static RootCommand Build()
    {
        var root = new RootCommand("Fleet manages machines that run osquery: it enrolls them, configures them, takes their logs, asks them questions, judges the results and raises alerts.")
        {
            Shared.Data,
            Shared.Url,
        };
        root.SetAction(ServeCommand.RunAsync);
        root.Add(OnData(ServeCommand.Build()));
        root.Add(OnData(TokenCommand.Build()));
        root.Add(OnData(UserCommand.Build()));
        root.Add(OnData(SecretCommand.Build()));
        root.Add(OnData(KeysCommand.Build()));
        root.Add(OnData(BackupCommand.BuildBackup()));
        root.Add(OnData(BackupCommand.BuildRestore()));
        root.Add(OnData(ImportCommand.Build()));
        root.Add(OnData(DemoCommand.Build()));
        root.Add(NodesCommand.Build());
        root.Add(QueryCommand.Build());
        root.Add(PackCommand.Build());
        root.Add(RulesCommand.Build());
        root.Add(ApplyCommand.BuildPlan());
        root.Add(ApplyCommand.BuildApply());
        root.Add(ApplyCommand.BuildExport());
        root.Add(SwarmCommand.Build());
        root.Add(SchemaCommand.Build());
        return root;
    }

    /// <summary>Those that work on a data folder say which. Others do not list what they would ignore.</summary>
    private static Command OnData(Command command)
    {
        foreach (var leaf in command.Subcommands.Count > 0 ? command.Subcommands : [command]) leaf.Add(Shared.Data);
        return command;
    }
}

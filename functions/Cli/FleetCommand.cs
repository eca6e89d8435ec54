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
        root.Add(ServeCommand.Build());
        root.Add(TokenCommand.Build());
        root.Add(UserCommand.Build());
        root.Add(SecretCommand.Build());
        root.Add(KeysCommand.Build());
        root.Add(BackupCommand.BuildBackup());
        root.Add(BackupCommand.BuildRestore());
        root.Add(ImportCommand.Build());
        root.Add(DemoCommand.Build());
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
}

using System.CommandLine;
using Fleet.Hosting;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Cli;

/// <summary><c>fleet backup FILE</c> and <c>fleet restore FILE</c>: a data folder as one file, made while the server runs.</summary>
internal static class BackupCommand
{
    /// <summary>Instead of the question.</summary>
    private const string PassphraseVariable = "FLEET_BACKUP_PASSPHRASE";

    private const int LeastPassphrase = 12;

    public static Command BuildBackup()
    {
        var file = new Argument<string>("file") { Description = "The file to write, such as fleet.tar. It must not be there." };
        var secrets = new Option<bool>("--secrets") { Description = $"Include keys and secrets, locked with a passphrase, which is asked for or taken from {PassphraseVariable}." };
        var command = new Command("backup", "Write the data folder into one file, while the server runs.") { file, secrets };
        command.SetAction((parsed, ct) => Shared.GuardAsync(async () =>
        {
            var folder = FolderOf(Workbench.Read(Shared.Overrides(parsed)));
            if (!File.Exists(folder.Database)) throw new SettingsException($"There is no database at {folder.Database}: name the server's folder with --data.");
            var path = Path.GetFullPath(parsed.GetValue(file)!);
            await Backup.CreateAsync(folder.Path, path, parsed.GetValue(secrets) ? NewPassphrase() : null, Workbench.Version, TimeProvider.System, ct);
            Console.WriteLine(path);
            if (!parsed.GetValue(secrets)) await Console.Error.WriteLineAsync($"Without --secrets it holds no keys: keep a copy of {folder.Secrets} in another safe place. Without them every node has to enroll anew.");
            return 0;
        }));
        return command;
    }

    public static Command BuildRestore()
    {
        var file = new Argument<string>("file") { Description = "What fleet backup wrote." };
        var command = new Command("restore", $"Put a backup into a data folder that has no database. A passphrase is asked for, or taken from {PassphraseVariable}.") { file };
        command.SetAction((parsed, ct) => Shared.GuardAsync(async () =>
        {
            var overrides = Shared.Overrides(parsed);
            var folder = FolderOf(Workbench.Read(overrides));
            folder.Make();
            var hadSecrets = File.Exists(folder.Secrets);
            var manifest = await Backup.RestoreAsync(Path.GetFullPath(parsed.GetValue(file)!), folder.Path, () => Environment.GetEnvironmentVariable(PassphraseVariable) ?? Prompt.Hidden("Passphrase"), ct);
            Console.WriteLine($"The backup of {manifest.CreatedAt:u} is restored to {folder.Path}.");
            if (manifest.HasSecrets) return 0;

            // The secrets that are there are younger than this database, and that is meant so.
            await using var services = await Workbench.OpenAsync(overrides, ct, isRepair: true);
            if (hadSecrets) await services.GetRequiredService<Installation>().PairAsync(ct);
            else await Console.Error.WriteLineAsync($"The backup holds no keys: put the server's secrets.json into {folder.Path} and run 'fleet keys pair', or run 'fleet keys reset' to have every node enroll anew.");
            return 0;
        }));
        return command;
    }

    private static DataFolder FolderOf(Settings settings) => settings.Backends is { HasStorage: false, Vault: null }
        ? new(settings.Data)
        : throw new SettingsException("This server keeps its data on Azure, where backups are Azure's own: see infra/README.md.");

    private static string NewPassphrase()
    {
        var given = Environment.GetEnvironmentVariable(PassphraseVariable);
        var passphrase = given ?? Prompt.Hidden("New passphrase");
        if (passphrase.Length < LeastPassphrase) throw new SettingsException($"A passphrase has at least {LeastPassphrase} characters.");
        if (given is null && !Console.IsInputRedirected && Prompt.Hidden("The same again") != passphrase) throw new SettingsException("These are two different passphrases.");
        return passphrase;
    }
}

using System.CommandLine;
using Fleet.Config;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;

namespace Fleet.Cli;

/// <summary><c>fleet import FILE...</c>: packs and whole osquery configurations.</summary>
internal static class ImportCommand
{
    public static Command Build()
    {
        var files = new Argument<FileInfo[]>("files") { Description = "Packs (with 'queries') or osquery configurations, comments and all.", Arity = ArgumentArity.OneOrMore };
        var tags = Shared.Tags("Tags of what is imported: nodes with one of them get it. Default: none, so that nobody gets it yet.");
        var allow = Shared.Allow();
        var command = new Command("import", "Import packs and osquery configurations. A file with a mistake in it is refused whole, and every mistake is named, unless --allow takes the rest.") { files, tags, allow };
        command.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            if (TagSet.Fault(parsed.GetValue(tags)!, services.GetRequiredService<Limits>()) is { } fault) throw new SettingsException(fault);
            var tagSet = TagSet.Of(parsed.GetValue(tags)!);
            Allowing.TryRead(parsed.GetValue(allow), out var allowed);
            var refused = 0;
            foreach (var file in parsed.GetValue(files)!)
            {
                if (!await ImportAsync(services.GetRequiredService<ConfigImport>(), file, tagSet, allowed, ct)) refused++;
            }

            return refused == 0 ? 0 : 1;
        }, ct, "import"));
        return command;
    }

    private static async Task<bool> ImportAsync(ConfigImport import, FileInfo file, TagSet tags, AllowInvalid allow, CancellationToken ct)
    {
        try
        {
            var json = OsqueryFile.Read(await File.ReadAllBytesAsync(file.FullName, ct));
            var plan = import.Plan(Path.GetFileNameWithoutExtension(file.Name), tags, json, allow);
            foreach (var note in plan.Found.Notes) Console.WriteLine($"{file.Name}: {note.Path}: {note.Message}");
            foreach (var part in plan.Found.LeftOut) Console.WriteLine($"{file.Name}: {part.Path} is left out: {part.Message}");
            foreach (var replaced in await import.ApplyAsync(plan, ct)) Console.WriteLine($"{file.Name}: replaced {replaced}, which was different");
            foreach (var pack in plan.PackFiles) Console.WriteLine($"{file.Name}: the pack {pack} is a file of its own: import it too");
            Console.WriteLine(
                $"{file.Name}: queries: {plan.QueryCount} (in the schedule: {plan.Queries.Count}); packs: {plan.Packs.Count}; file path categories: {plan.FilePaths.Count}; option sets: {plan.Options.Count}");
            return true;
        }
        catch (Exception fault) when (fault is FormatException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"{file.Name}: {fault.Message}");
        }
        catch (ConfigRefusedException refused)
        {
            await Console.Error.WriteLineAsync($"{file.Name} is refused:");
            foreach (var fault in refused.Faults) await Console.Error.WriteLineAsync($"  {fault.Path}: {fault.Message}");
        }

        return false;
    }
}

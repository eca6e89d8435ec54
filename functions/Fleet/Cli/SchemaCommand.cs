using System.CommandLine;
using System.Text.Json;
using Fleet.Config;

namespace Fleet.Cli;

/// <summary><c>fleet schema import DIR</c>.</summary>
internal static class SchemaCommand
{
    public static Command Build()
    {
        var folder = new Argument<DirectoryInfo>("dir") { Description = "osquery's specs folder." };
        var version = new Option<string>("--osquery-version") { Description = "The version that the specs are of. Tables and columns that the schema does not know yet are marked as new in it.", DefaultValueFactory = _ => OsquerySchema.Bundled.OsqueryVersion };
        var output = new Option<FileInfo>("--out") { Description = "Where to.", DefaultValueFactory = _ => new("functions/Config/osquery-schema.json") };
        var import = new Command("import", "Rebuild the table schema that is built in from osquery's spec files; build the program again afterwards.") { folder, version, output };
        import.SetAction((parsed, ct) => Shared.GuardAsync(async () =>
        {
            var schema = SchemaImport.After(OsquerySchema.Bundled, SchemaImport.Read(parsed.GetValue(folder)!.FullName, parsed.GetValue(version)!));
            await File.WriteAllTextAsync(parsed.GetValue(output)!.FullName, JsonSerializer.Serialize(schema, SchemaJson.Default.OsquerySchema) + "\n", ct);
            Console.WriteLine($"{schema.Tables.Count} tables written to {parsed.GetValue(output)!.FullName}");
            return 0;
        }));
        return new("schema", "osquery's tables, which SQL is checked against.") { import };
    }
}

using Fleet.Shared;
using Fleet.Config;
using Fleet.Tests.Support;

namespace Fleet.Tests.Config;

public sealed class SchemaImportTests
{
    [Fact]
    public void Specs_become_tables_with_types_flags_platforms_and_aliases()
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch.File("posix"));
        File.WriteAllText(scratch.File("posix/things.table"), """
            table_name("things", aliases=["stuff", "items"])
            description("What (things) there are")
            schema([
                Column("uid", BIGINT, "The \"id\" (of it)", index=True, required=True),
                # Column("gone", TEXT, "commented out"),
                Column("path", TEXT, "Where", additional=True, aliases=["place"]),
                ForeignKey(column="uid", table="users"),
            ])
            extended_schema(LINUX, [
                Column("ns", INTEGER, "Namespace", hidden=True),
            ])
            extended_schema(WINDOWS + DARWIN, [Column("extra", TEXT, "More")])
            attributes(event_subscriber=True)
            implementation("things@genThings")
            """);
        File.WriteAllText(scratch.File("everywhere.table"), "table_name(\"everywhere\")\nschema([Column(\"a\", TEXT)])");

        var schema = SchemaImport.Read(scratch.Path, "9.9");

        Assert.Equal(["everywhere", "things"], schema.Tables.Keys);
        var things = schema.Tables["things"];
        Assert.Equal(("darwin linux", true, "stuff items"), (things.Platforms, things.Evented, things.Aliases));
        Assert.Equal("uid=BIGINT index required; path=TEXT additional; place=TEXT hidden alias; ns=INTEGER hidden linux; extra=TEXT darwin windows",
            string.Join("; ", things.Columns.Select(column => $"{column.Key}={column.Value}")));
        Assert.Equal("darwin linux windows", schema.Tables["everywhere"].Platforms);
    }

    [Fact]
    public void A_newer_versions_tables_keep_what_is_known_of_older_ones()
    {
        var before = new OsquerySchema("5.0.0", new(StringComparer.Ordinal)
        {
            ["gone"] = new("linux", new() { ["a"] = "TEXT" }),
            ["long_gone"] = new("linux", new() { ["a"] = "TEXT" }, Until: "4.6.0"),
            ["stays"] = new("linux", new() { ["a"] = "TEXT since:4.4.0", ["b"] = "TEXT", ["c"] = "TEXT until:4.3.0" }, Since: "4.2.0"),
        });
        var now = new OsquerySchema("5.1.0", new(StringComparer.Ordinal)
        {
            ["new"] = new("linux", new() { ["a"] = "TEXT" }),
            ["stays"] = new("linux windows", new() { ["a"] = "BIGINT", ["d"] = "TEXT" }),
        });

        var all = SchemaImport.After(before, now);

        Assert.Equal("5.1.0", all.OsqueryVersion);
        Assert.Equal([("gone", null, "5.0.0"), ("long_gone", null, "4.6.0"), ("new", "5.1.0", null), ("stays", "4.2.0", null)], all.Tables.Select(table => (table.Key, table.Value.Since, table.Value.Until)));
        Assert.Equal("a=BIGINT since:4.4.0; d=TEXT since:5.1.0; b=TEXT until:5.0.0; c=TEXT until:4.3.0", string.Join("; ", all.Tables["stays"].Columns.Select(column => $"{column.Key}={column.Value}")));
        Assert.Equal(["a", "d"], all.Tables["stays"].CurrentColumns);
    }

    [Fact]
    public void The_schema_that_is_built_in_knows_osquerys_tables()
    {
        var schema = OsquerySchema.Bundled;
        Assert.StartsWith("5.", schema.OsqueryVersion, StringComparison.Ordinal);
        Assert.InRange(schema.Tables.Count, 280, 400);
        Assert.True(schema.Tables["process_events"].Evented);
    }

    [Fact]
    public void The_file_that_is_built_in_is_as_the_import_writes_it() => Assert.Equal(
        File.ReadAllText(Path.Combine(SharedData.Root, "functions", "Fleet", "Config", "osquery-schema.json")),
        System.Text.Json.JsonSerializer.Serialize(OsquerySchema.Bundled, SchemaJson.Default.OsquerySchema) + "\n");
}

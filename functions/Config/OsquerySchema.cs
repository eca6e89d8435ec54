using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fleet.Config;

/// <summary>One of osquery's tables.</summary>
/// <param name="Platforms">Sorted names, separated by blanks: <c>darwin linux windows</c>.</param>
/// <param name="Columns">Name to type and flags: <c>INTEGER hidden additional linux</c>; platforms are named where only some have the column.</param>
/// <param name="Evented">Rows are events: they are only ever added.</param>
/// <param name="Aliases">Older names, separated by blanks; null for none.</param>
internal sealed record OsqueryTable(string Platforms, Dictionary<string, string> Columns, bool Evented = false, string? Aliases = null);

/// <summary>The tables that a version of osquery has: names, types, platforms and flags.</summary>
internal sealed record OsquerySchema(string OsqueryVersion, SortedDictionary<string, OsqueryTable> Tables)
{
    private static readonly Lazy<OsquerySchema> s_bundled = new(ReadBundled);

    /// <summary>The schema that is built in. <c>fleet schema import</c> writes the file that it is made from.</summary>
    public static OsquerySchema Bundled => s_bundled.Value;

    /// <summary>Every platform that osquery is built for here.</summary>
    public static IReadOnlyList<string> Platforms { get; } = ["darwin", "linux", "windows"];

    /// <summary>Tables by name and by alias, in any case.</summary>
    [JsonIgnore]
    public FrozenDictionary<string, OsqueryTable> ByName { get; } = Tables
        .SelectMany(table => (table.Value.Aliases?.Split(' ') ?? []).Prepend(table.Key).Select(name => (name, table.Value)))
        .DistinctBy(pair => pair.name, StringComparer.OrdinalIgnoreCase)
        .ToFrozenDictionary(pair => pair.name, pair => pair.Value, StringComparer.OrdinalIgnoreCase);

    private static OsquerySchema ReadBundled()
    {
        using var file = typeof(OsquerySchema).Assembly.GetManifestResourceStream("osquery-schema.json")!;
        return JsonSerializer.Deserialize(file, SchemaJson.Default.OsquerySchema)!;
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(OsquerySchema))]
internal sealed partial class SchemaJson : JsonSerializerContext;

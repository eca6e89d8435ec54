using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>One of osquery's tables.</summary>
/// <param name="Platforms">Sorted names, separated by blanks: <c>darwin linux windows</c>.</param>
/// <param name="Columns">Name to type and flags: <c>INTEGER hidden additional linux since:4.4.0</c>; platforms are named where only some have the column.</param>
/// <param name="Evented">Rows are events: they are only ever added.</param>
/// <param name="Aliases">Older names, separated by blanks; null for none.</param>
/// <param name="Since">The first version that has it; null for 4.0.0 or before.</param>
/// <param name="Until">The last version that had it; null if the newest has it.</param>
internal sealed record OsqueryTable(string Platforms, Dictionary<string, string> Columns, bool Evented = false, string? Aliases = null, string? Since = null, string? Until = null)
{
    /// <summary>Before a version in a column's text.</summary>
    public const string SinceMark = "since:";
    public const string UntilMark = "until:";

    /// <summary>The columns of the newest version.</summary>
    [JsonIgnore]
    public IEnumerable<string> CurrentColumns => Columns.Where(column => Mark(column.Value, UntilMark) is null).Select(column => column.Key);

    /// <summary>The first version that has a column; null for the table's first.</summary>
    public string? SinceOf(string column) => Columns.GetValueOrDefault(column) is { } text ? Mark(text, SinceMark) : null;

    /// <summary>The last version that had a column; null for the table's last.</summary>
    public string? UntilOf(string column) => Columns.GetValueOrDefault(column) is { } text ? Mark(text, UntilMark) : null;

    /// <summary>The platforms that have a column.</summary>
    public IEnumerable<string> PlatformsOf(string column)
    {
        var own = (Columns.GetValueOrDefault(column) ?? "").Split(' ').Where(OsquerySchema.Platforms.Contains).ToList();
        return own.Count > 0 ? own : Platforms.Split(' ');
    }

    private static string? Mark(string text, string mark) => text.Split(' ').FirstOrDefault(word => word.StartsWith(mark, StringComparison.Ordinal))?[mark.Length..];
}

/// <summary>The tables that osquery has and had: names, types, platforms, flags, and the versions from and to.</summary>
/// <param name="OsqueryVersion">The newest that is known.</param>
/// <param name="Tables">Those of older versions too.</param>
internal sealed record OsquerySchema(string OsqueryVersion, SortedDictionary<string, OsqueryTable> Tables)
{
    private static readonly Lazy<OsquerySchema> s_bundled = new(ReadBundled);

    /// <summary>The schema that is built in. <c>fleet schema import</c> writes the file that it is made from.</summary>
    public static OsquerySchema Bundled => s_bundled.Value;

    /// <summary>Every platform that osquery is built for here.</summary>
    public static IReadOnlyList<string> Platforms => PlatformFilter.Platforms;

    /// <summary>The newest version's tables by name and by alias, in any case.</summary>
    [JsonIgnore]
    public FrozenDictionary<string, OsqueryTable> ByName { get; } = NamesOf(Tables.Where(table => table.Value.Until is null));

    /// <summary>All that there ever were.</summary>
    [JsonIgnore]
    public FrozenDictionary<string, OsqueryTable> Ever { get; } = NamesOf(Tables.OrderBy(table => table.Value.Until is not null));

    private static FrozenDictionary<string, OsqueryTable> NamesOf(IEnumerable<KeyValuePair<string, OsqueryTable>> tables) => tables
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

using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>The SQL checker, with the tables that settings and configurations add.</summary>
internal sealed class OsquerySql
{
    private static readonly EqualityComparer<ExtraTable> s_same = EqualityComparer<ExtraTable>.Create(
        (a, b) => a!.Name == b!.Name && a.Select == b.Select && a.Platforms == b.Platforms && a.IsExtension == b.IsExtension && a.Columns.SequenceEqual(b.Columns, StringComparer.Ordinal));

    private readonly Limits _limits;
    private readonly IReadOnlyList<ExtraTable> _settings;
    private readonly Func<IEnumerable<JsonObject>> _configs;
    private readonly Func<IEnumerable<ExtensionTable>> _extensions;
    private readonly Lock _making = new();
    private (IReadOnlyList<ExtraTable> Tables, SqlCheck Check) _made;

    /// <param name="extraTables"><c>CREATE TABLE</c> statements from the settings.</param>
    /// <param name="limits">How long a statement may be.</param>
    /// <param name="configs">The configurations in force, whose tables and views queries may use.</param>
    /// <param name="extensions">The tables of extensions that are known.</param>
    public OsquerySql(IEnumerable<string> extraTables, Limits limits, Func<IEnumerable<JsonObject>> configs, Func<IEnumerable<ExtensionTable>> extensions)
    {
        (_limits, _configs, _extensions) = (limits, configs, extensions);
        _settings = [.. extraTables.Select(ExtraTables.OfDdl)];
        _made = ([], Make([]));
    }

    /// <summary>The tables and views beside osquery's own that are in force now.</summary>
    public IEnumerable<ExtraTable> Extra => InForce.Concat(_settings).DistinctBy(table => table.Name, StringComparer.OrdinalIgnoreCase);

    /// <summary>Those of configurations before those of extensions.</summary>
    private IEnumerable<ExtraTable> InForce => _configs().SelectMany(ExtraTables.OfConfig).Concat(_extensions().OrderBy(table => table.Name, StringComparer.Ordinal).Select(ExtraTables.OfExtension));

    /// <summary>The checker for what is in force now.</summary>
    public SqlCheck Current
    {
        get
        {
            var tables = InForce.DistinctBy(table => table.Name, StringComparer.OrdinalIgnoreCase).ToList();
            lock (_making)
            {
                if (!_made.Tables.SequenceEqual(tables, s_same)) _made = (tables, Make(tables));
                return _made.Check;
            }
        }
    }

    /// <summary>A checker that knows the tables and views of a file too, and of the one that it is part of, before they are saved.</summary>
    public Owned With(JsonObject file, JsonObject? within = null)
    {
        var own = ExtraTables.OfConfig(file).Concat(within is null ? [] : ExtraTables.OfConfig(within)).DistinctBy(table => table.Name, StringComparer.OrdinalIgnoreCase).ToList();
        if (own.Count == 0) return new(Current, false);
        var inForce = InForce.Where(table => !own.Exists(mine => mine.Name == table.Name));
        return new(Make([.. own, .. inForce.DistinctBy(table => table.Name, StringComparer.OrdinalIgnoreCase)]), true);
    }

    private SqlCheck Make(IEnumerable<ExtraTable> tables) => new(OsquerySchema.Bundled, _settings, tables, _limits);

    /// <summary>A checker to be disposed of only if it was made for the occasion.</summary>
    internal sealed record Owned(SqlCheck Value, bool IsOwn) : IDisposable
    {
        public void Dispose()
        {
            if (IsOwn) Value.Dispose();
        }
    }
}

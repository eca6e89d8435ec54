using System.Text.RegularExpressions;
using Fleet.Storage;

namespace Fleet.Config;

/// <summary>A table that an extension of osquery adds.</summary>
/// <param name="Columns">As far as they are known; empty if none is.</param>
/// <param name="IsLearned">Machines told of it; false if a person named it.</param>
internal sealed record ExtensionTable(string Name, IReadOnlyList<string> Columns, bool IsLearned);

/// <summary>The tables of extensions that people named or machines told of. Table: <see cref="Schema.ExtensionTables"/>.</summary>
internal sealed partial class ExtensionTables(ITables tables, ChangeFeed changes)
{
    /// <summary>As many as a fleet has; a machine that makes names up ends here.</summary>
    private const int MostLearned = 500;
    private const int MostColumns = 500;

    /// <summary>They lie in one column of a row.</summary>
    private const int MostCharacters = 20_000;

    public ControlTable<ExtensionTable> Table { get; } = new(
        tables, changes, Schema.ExtensionTables,
        columns => new(columns.Text("Name")!, (columns.Text("Columns") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries), columns.Flag("IsLearned")),
        table => new Columns { ["Name"] = table.Name, ["Columns"] = string.Join('\n', table.Columns), ["IsLearned"] = table.IsLearned });

    /// <summary>Why a table or column cannot be called this, or null.</summary>
    public static string? NameFault(string name) => Name().IsMatch(name) ? null : "A name has letters, digits and underscores, begins with none of the digits, and has at most 128 characters.";

    /// <summary>Whether rows of a query may tell of tables of extensions.</summary>
    public bool Interests(string sql) => sql.Contains("osquery_registry", StringComparison.OrdinalIgnoreCase) || AllOf(sql) is not null;

    /// <summary>Learns from what a machine answered: names from <c>osquery_registry</c>, columns from all columns of a table that is known.</summary>
    /// <returns>Whether anything was new.</returns>
    public async ValueTask<bool> LearnAsync(string sql, IEnumerable<IReadOnlyDictionary<string, string>> rows, CancellationToken ct)
    {
        var learned = new Dictionary<string, HashSet<string>>(StringComparer.OrdinalIgnoreCase);
        var whole = AllOf(sql);
        foreach (var row in rows)
        {
            if (whole is not null) Add(whole.Name, row.Keys);
            else if (row.GetValueOrDefault("registry") == "table" && row.GetValueOrDefault("internal") == "0" && row.GetValueOrDefault("name") is { } name && NameFault(name) is null
                && !OsquerySchema.Bundled.Ever.ContainsKey(name)) Add(name, []);
        }

        var isNew = false;
        foreach (var (name, columns) in learned)
        {
            var before = Table.Find(name.ToLowerInvariant())?.Item;
            if (before is null && Table.Current.Items.Count(table => table.IsLearned) >= MostLearned) continue;
            var all = (before?.Columns ?? []).Concat(columns).Distinct(StringComparer.OrdinalIgnoreCase).Take(Math.Max(before?.Columns.Count ?? 0, MostColumns)).ToList();
            if (all.Sum(column => column.Length + 1) > MostCharacters) continue;
            if (before is not null && all.Count == before.Columns.Count) continue;
            await Table.PutAsync(name.ToLowerInvariant(), before is null ? new(name.ToLowerInvariant(), all, IsLearned: true) : before with { Columns = all }, etag: null, ct);
            isNew = true;
        }

        return isNew;

        void Add(string name, IEnumerable<string> columns)
        {
            if (!learned.TryGetValue(name, out var known)) learned[name] = known = new(StringComparer.OrdinalIgnoreCase);
            known.UnionWith(columns.Where(column => NameFault(column) is null));
        }
    }

    /// <summary>The known table whose columns a query asks for, all of them and nothing else.</summary>
    private ExtensionTable? AllOf(string sql) => Whole().Match(sql) is { Success: true } match ? Table.Find(match.Groups["name"].Value.ToLowerInvariant())?.Item : null;

    [GeneratedRegex(@"\A[A-Za-z_]\w{0,127}\z", RegexOptions.ECMAScript)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A\s*select\s+\*\s+from\s+(?<name>\w+)\s*(limit\s+\d+\s*)?;?\s*\z", RegexOptions.IgnoreCase)]
    private static partial Regex Whole();
}

using Fleet.Config;

namespace Fleet.Manager;

/// <summary>What is told of SQL beside whether it is valid: from which version of osquery it runs, how many nodes that leaves out, and what several statements answer.</summary>
internal sealed class SqlNotes(NodeQuery nodes)
{
    public async ValueTask<IReadOnlyList<string>> OfAsync(SqlVerdict verdict, CancellationToken ct) => [.. Of(verdict, minVersion: null, await VersionsAsync([verdict], ct))];

    /// <summary>All that there is to say of what someone wants to save.</summary>
    public async ValueTask<IReadOnlyList<FieldError>> OfAsync(ConfigFindings found, CancellationToken ct)
    {
        var versions = await VersionsAsync(found.Statements.Select(one => one.Verdict), ct);
        return
        [
            .. found.Notes.Select(note => new FieldError(note.Path, note.Message)),
            .. found.Statements.SelectMany(one => Of(one.Verdict, one.MinVersion, versions).Select(note => new FieldError(one.Path, note))),
        ];
    }

    private static IEnumerable<string> Of(SqlVerdict verdict, string? minVersion, List<(Version Version, int Nodes)> versions)
    {
        if (verdict.Until is { } until && Count(versions, version => version <= Version.Parse(until)) is > 0 and var having)
        {
            yield return having == 1 ? "1 of your nodes still has it." : $"{having} of your nodes still have it.";
        }

        if (verdict.Since is { } since && !(VersionFilter.Read(minVersion) >= Version.Parse(since)))
        {
            var older = Count(versions, version => version < Version.Parse(since) && !(version < VersionFilter.Read(minVersion)));
            yield return $"It runs from osquery {since} on.{(older == 0 ? "" : older == 1 ? " 1 of your nodes is older." : $" {older} of your nodes are older.")}";
        }

        if (verdict.Extensions is [_, ..] extensions)
        {
            yield return extensions.Count == 1
                ? $"{extensions[0]} is a table of an extension: agents without it answer with an error."
                : $"{string.Join(" and ", extensions)} are tables of extensions: agents without them answer with an error.";
        }

        if (verdict.Statements > 1) yield return $"These are {verdict.Statements} statements: osquery runs one after another, and answers with the rows of all of them together.";
    }

    /// <summary>How many nodes have which version, where a verdict depends on it.</summary>
    private async ValueTask<List<(Version Version, int Nodes)>> VersionsAsync(IEnumerable<SqlVerdict> verdicts, CancellationToken ct) => verdicts.All(verdict => verdict is { Since: null, Until: null })
        ? []
        : [.. (await nodes.FindAsync(new(), ct)).CountBy(one => one.Node.OsqueryVersion).Where(one => VersionFilter.Read(one.Key) is not null).Select(one => (VersionFilter.Read(one.Key)!, one.Value))];

    private static int Count(List<(Version Version, int Nodes)> versions, Predicate<Version> wanted) => versions.Where(one => wanted(one.Version)).Sum(one => one.Nodes);
}

using Fleet.Config;

namespace Fleet.Manager;

/// <summary>What is told of SQL beside whether it is valid: from which version of osquery it runs, how many nodes that leaves out, and what several statements answer.</summary>
internal sealed class SqlNotes(NodeQuery nodes)
{
    public async ValueTask<IReadOnlyList<string>> OfAsync(SqlVerdict verdict, CancellationToken ct)
    {
        var notes = new List<string>();
        var versions = verdict is { Since: null, Until: null } ? [] : (await nodes.FindAsync(new(), ct)).CountBy(one => one.Node.OsqueryVersion).ToList();
        if (verdict.Until is { } until && Count(versions, version => version <= Version.Parse(until)) is > 0 and var having)
        {
            notes.Add(having == 1 ? "1 of your nodes still has it." : $"{having} of your nodes still have it.");
        }

        if (verdict.Since is { } since)
        {
            var older = Count(versions, version => version < Version.Parse(since));
            notes.Add($"It runs from osquery {since} on.{(older == 0 ? "" : older == 1 ? " 1 of your nodes is older." : $" {older} of your nodes are older.")}");
        }

        if (verdict.Statements > 1) notes.Add($"These are {verdict.Statements} statements: osquery runs one after another, and answers with the rows of all of them together.");
        return notes;
    }

    private static int Count(List<KeyValuePair<string, int>> versions, Predicate<Version> wanted) =>
        versions.Where(one => Version.TryParse(one.Key.Split('-')[0], out var version) && wanted(version)).Sum(one => one.Value);
}

namespace Fleet.Carves;

/// <summary>The distributed query that has a node send files, and what its answer says where it has none.</summary>
internal static class CarveQuery
{
    private const string Flag = "disable_carver";
    private const string End = $"UNION ALL SELECT '', 0, name, value FROM osquery_flags WHERE name = '{Flag}'";

    /// <summary>Agents carve nothing where a pattern meets no file, and where the carver is off: the flag's row tells which it was.</summary>
    /// <param name="path">A file or, with <c>%</c>, a pattern.</param>
    public static string Of(string path)
    {
        // Agents expand what LIKE says as a pattern; a plain path needs no expansion, which reads folders.
        var isPattern = path.Contains('%', StringComparison.Ordinal);
        return $"SELECT carve_guid, carve, path, status FROM carves WHERE path {(isPattern ? "LIKE" : "=")} '{path.Replace("'", "''", StringComparison.Ordinal)}' AND carve = 1 " +
            End;
    }

    /// <summary>Asks a node which carves it gave up: an agent notes that in its own table, and tells nobody.</summary>
    public const string GivenUp = "SELECT carve_guid, carve, status FROM carves WHERE status LIKE '% FAILED' ORDER BY time DESC LIMIT 50";

    /// <summary>Whether an agent's status says that it gave the carve up: <c>DATA POST FAILED</c>, <c>ARCHIVE FAILED</c>, <c>COMPRESS FAILED</c>.</summary>
    public static bool IsGivenUp(string? status) => status?.EndsWith(" FAILED", StringComparison.Ordinal) == true;

    /// <summary>Whether a question is one of these.</summary>
    public static bool IsOurs(string sql) => sql.EndsWith(End, StringComparison.Ordinal);

    /// <summary>Why an answer names no carve.</summary>
    /// <param name="rows">Path and status of each row.</param>
    public static (CarveFault Fault, string Reason) FaultOf(IEnumerable<(string? Path, string? Status)> rows) =>
        rows.Any(row => row is { Path: Flag, Status: "true" or "1" })
            ? (CarveFault.CarverOff, "The carver is off there: start the agent with --disable_carver=false.")
            : (CarveFault.NoFile, "No file matched the path.");
}

namespace Fleet.Results;

/// <summary>Learns what a machine is from any query's rows: Doorman's captured columns.</summary>
/// <param name="Columns">The columns to capture: <c>Fleet__Nodes__CapturedColumns</c>.</param>
internal sealed record NodeInfo(IReadOnlyList<string> Columns)
{
    /// <summary>Doorman's seven.</summary>
    public static IReadOnlyList<string> Default { get; } =
        ["computer_name", "hardware_vendor", "hardware_model", "hardware_serial", "cpu_brand", "cpu_physical_cores", "physical_memory"];

    /// <summary>What is known after these rows; the same object if nothing changed.</summary>
    public IReadOnlyDictionary<string, string> Learn(IReadOnlyDictionary<string, string> known, IEnumerable<ResultRow> rows)
    {
        Dictionary<string, string>? learned = null;
        foreach (var row in rows)
        {
            foreach (var (column, value) in row.Columns)
            {
                if (value.Text is not { Length: <= Kernel.Limits.InfoCharacters } text || !Columns.Contains(column)) continue;
                var stored = (learned ?? known).GetValueOrDefault(column);
                if (row.Action == "removed" && stored == text) (learned ??= new(known)).Remove(column);
                else if (row.Action != "removed" && stored != text) (learned ??= new(known))[column] = text;
            }
        }

        return learned ?? known;
    }
}

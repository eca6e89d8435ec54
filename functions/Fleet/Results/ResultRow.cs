namespace Fleet.Results;

/// <summary>A column's value: text, or a number or boolean as the agent wrote it. A JSON null has no text.</summary>
/// <param name="IsRaw">It was no JSON string: written back without quotes.</param>
internal readonly record struct ColumnValue(string? Text, bool IsRaw);

/// <summary>One row of a result: what rules judge, reports hold and people read.</summary>
internal sealed class ResultRow
{
    /// <summary>The query, as the agent names it: for packs <c>pack</c>, the pack and the query, with its <c>pack_delimiter</c> between them.</summary>
    public required string Name { get; init; }

    /// <summary><c>added</c>, <c>removed</c>, <c>snapshot</c>, or <c>triggered</c> for results that Fleet makes itself.</summary>
    public required string Action { get; init; }

    /// <summary>The agent's clock; the server's when the line does not say.</summary>
    public required DateTimeOffset Time { get; init; }

    public string HostIdentifier { get; init; } = "";

    public long? Epoch { get; init; }

    /// <summary>0 in the first run of a query, which logs all its rows; then one more for each run that changed something.</summary>
    public long? Counter { get; init; }

    public required IReadOnlyList<KeyValuePair<string, ColumnValue>> Columns { get; init; }

    /// <summary>A snapshot without rows: it says that there is nothing.</summary>
    public bool IsEmpty { get; init; }

    /// <summary>The line has all rows of a snapshot; where it is one row of one, the others are other lines.</summary>
    public bool IsWholeSnapshot { get; init; }

    /// <summary>Why the line is no result, or null. Its text is <see cref="Whole"/>.</summary>
    public string? Fault { get; init; }

    /// <summary>All decorations. Read when they are asked for: rules and reports do without.</summary>
    public IReadOnlyList<KeyValuePair<string, ColumnValue>> Decorations => Whole.Decorations;

    /// <summary>The whole line; rows of one snapshot share it.</summary>
    public WholeLine Whole { get; init; } = WholeLine.None;

    /// <summary>The line's place in its batch; rows of one snapshot share it.</summary>
    public int Line { get; init; }

    public string? Column(string name)
    {
        foreach (var (key, value) in Columns)
        {
            if (key == name) return value.Text;
        }

        return null;
    }
}

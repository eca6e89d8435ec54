namespace Fleet.Storage.Azure;

/// <summary>A key range as an OData filter: always with bounds on <c>PartitionKey</c> itself, since all else is a scan of the table.</summary>
internal static class RangeFilter
{
    public static string Of(KeyRange range)
    {
        var (from, to) = (range.From, range.To);
        var conditions = new List<string>();
        if (from.Partition == to.Partition)
        {
            conditions.Add($"PartitionKey eq {Quoted(from.Partition)}");
            if (from.Row.Length > 0) conditions.Add($"RowKey ge {Quoted(from.Row)}");
            if (to.Row != KeyRange.Last) conditions.Add($"RowKey lt {Quoted(to.Row)}");
        }
        else if (from.Row.Length == 0 && to.Row.Length == 0)
        {
            if (from.Partition.Length > 0) conditions.Add($"PartitionKey ge {Quoted(from.Partition)}");
            if (to.Partition != KeyRange.Last) conditions.Add($"PartitionKey lt {Quoted(to.Partition)}");
        }
        else
        {
            // The first two bound what is looked at; the others drop rows at the ends.
            conditions.Add($"PartitionKey ge {Quoted(from.Partition)}");
            conditions.Add($"PartitionKey le {Quoted(to.Partition)}");
            conditions.Add($"(PartitionKey gt {Quoted(from.Partition)} or RowKey ge {Quoted(from.Row)})");
            conditions.Add($"(PartitionKey lt {Quoted(to.Partition)} or RowKey lt {Quoted(to.Row)})");
        }

        return string.Join(" and ", conditions);
    }

    private static string Quoted(string key) => $"'{key.Replace("'", "''", StringComparison.Ordinal)}'";
}

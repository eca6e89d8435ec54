using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>A rule matched a row. The rule's name and severity and the row are kept as they were.</summary>
/// <param name="Id">128 bits that follow from rule, node and row, so the same match is one alert however often it is seen.</param>
/// <param name="DeviceLink">Where the machine's user reads what it was asked; set when it is sent, and where that is switched on.</param>
/// <param name="Line">The row as JSON: name, action, time, hostIdentifier, columns.</param>
internal sealed record Alert(
    string Id, string RuleId, string RuleName, string RuleDescription, string Severity, NodeId Node, string Host, DateTimeOffset RaisedAt,
    string Line, IReadOnlyList<AlertDelivery> Deliveries, string? DeviceLink = null);

/// <summary>How far an alerter came with an alert.</summary>
/// <param name="State"><c>pending</c>, <c>delivered</c>, <c>retrying</c> or <c>failed</c>.</param>
internal sealed record AlertDelivery(string Alerter, string State, int Attempts, DateTimeOffset? At, string? Reason);

/// <summary>Where an alert lies; written <c>table/partition/row</c> in messages.</summary>
internal readonly record struct AlertKey(string Table, string Partition, string Row)
{
    public static bool TryParse(string text, out AlertKey key)
    {
        key = default;
        if (text.Split('/') is not [var table, var partition, var row]) return false;
        key = new(table, partition, row);
        return true;
    }

    public override string ToString() => $"{Table}/{Partition}/{Row}";
}

using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alert as a row of <see cref="Schema.Alerts"/>: what never changes, what does, and a column for each alerter's delivery.</summary>
internal static class AlertRow
{
    private const int MostLineBytes = 700 << 10;

    public static Columns Write(Alert alert)
    {
        var line = Compression.Pack(Encoding.UTF8.GetBytes(alert.Line));
        if (line.Length > MostLineBytes) line = Compression.Pack("""{"truncated":true}"""u8);
        var columns = WriteState(alert)
            .With("Id", alert.Id).With("RuleId", alert.RuleId).With("RuleName", alert.RuleName).With("RuleDescription", alert.RuleDescription)
            .With("RuleVersion", alert.RuleVersion).With("Title", alert.Title).With("Message", alert.Message).With("Runbook", alert.Runbook)
            .With("Severity", alert.Severity).With("Node", alert.Node.ToString()).With("Host", alert.Host).With("Tags", alert.Tags.Text).With("About", alert.About)
            .With("RaisedAt", alert.RaisedAt).With("FirstAt", alert.FirstAt).With("Group", alert.Group)
            .With("ResolvesAfter", alert.ResolvesAfter?.Ticks).With("EscalatesAfter", alert.EscalatesAfter?.Ticks).With("EscalatesTo", string.Join('\n', alert.EscalatesTo))
            .With("Trace", alert.Trace).With("Follows", alert.Follows?.ToString())
            .WithBytes("L", line);
        foreach (var delivery in alert.Deliveries) columns[ColumnOf(delivery.Alerter)] = Write(delivery);
        return columns;
    }

    /// <summary>What changes in an alert's life. What is no more is written as nothing: a merge leaves out no column.</summary>
    public static Columns WriteState(Alert alert) => new()
    {
        ["State"] = alert.State.ToString(),
        ["Owner"] = alert.Owner,
        ["Count"] = alert.Count,
        ["LastAt"] = alert.LastAt,
        ["OpenedAt"] = alert.OpenedAt,
        ["QuietUntil"] = alert.QuietUntil?.UtcTicks ?? 0,
        ["QuietBy"] = alert.QuietBy,
        ["ResolvedAt"] = alert.ResolvedAt?.UtcTicks ?? 0,
        ["Events"] = alert.Events,
        ["Sent"] = (long)alert.Sent,
        ["EscalatesAt"] = alert.EscalatesAt?.UtcTicks ?? 0,
        ["Counted"] = alert.Counted,
        ["Live"] = alert.Live,
    };

    public static string ColumnOf(string alerter) => "D_" + Digest.Of(alerter)[..12];

    public static string Write(AlertDelivery delivery) => JsonSerializer.Serialize(delivery, AlertJson.Default.AlertDelivery);

    public static Alert Read(Row row)
    {
        var columns = row.Columns;
        var raisedAt = columns.Time("RaisedAt")!.Value;
        var name = columns.Text("RuleName")!;
        var description = columns.Text("RuleDescription") ?? "";
        return new(
            columns.Text("Id")!, columns.Text("RuleId")!, name, description, columns.Text("Severity")!,
            NodeId.TryParse(columns.Text("Node"), out var node) ? node : default, columns.Text("Host") ?? "", raisedAt,
            Encoding.UTF8.GetString(Compression.Unpack(columns.AllBytes("L"))),
            [.. columns.Where(column => column.Key.StartsWith("D_", StringComparison.Ordinal))
                .Select(column => JsonSerializer.Deserialize((string)column.Value, AlertJson.Default.AlertDelivery)!)
                .OrderBy(delivery => delivery.Alerter, StringComparer.Ordinal)])
        {
            RuleVersion = columns.Number("RuleVersion") ?? 1,
            Title = columns.Text("Title") ?? name,
            Message = columns.Text("Message") ?? description,
            Runbook = columns.Text("Runbook") ?? "",
            Tags = TagSet.Read(columns.Text("Tags")),
            About = columns.Text("About") ?? "",
            State = Enum.TryParse<AlertState>(columns.Text("State"), out var state) ? state : AlertState.Open,
            Owner = columns.Text("Owner") ?? "",
            Count = columns.Number("Count") ?? 1,
            FirstAt = columns.Time("FirstAt") ?? raisedAt,
            LastAt = columns.Time("LastAt") ?? raisedAt,
            QuietUntil = Time("QuietUntil"),
            QuietBy = columns.Text("QuietBy") ?? "",
            ResolvedAt = Time("ResolvedAt"),
            Group = columns.Text("Group") ?? "",
            Events = columns.Text("Events") ?? "o",
            Sent = (int)(columns.Number("Sent") ?? 1),
            Counted = columns.Bytes("Counted") ?? [],
            Live = columns.Bytes("Live") ?? [],
            Follows = AlertKey.Read(columns.Text("Follows")),
            Trace = columns.Text("Trace"),
            OpenedAt = columns.Time("OpenedAt") ?? raisedAt,
            ResolvesAfter = Span("ResolvesAfter"),
            EscalatesAfter = Span("EscalatesAfter"),
            EscalatesAt = Time("EscalatesAt"),
            EscalatesTo = columns.Text("EscalatesTo") is { Length: > 0 } names ? names.Split('\n') : [],
        };

        TimeSpan? Span(string name) => columns.Number(name) is { } ticks ? TimeSpan.FromTicks(ticks) : null;

        DateTimeOffset? Time(string name) => columns.Number(name) is > 0 and var at ? new(at, TimeSpan.Zero) : null;
    }
}

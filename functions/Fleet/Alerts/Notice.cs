using System.Globalization;
using System.Text.Json;
using System.Text;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>What an alerter tells: one alert and what happened to it, or a digest of several.</summary>
/// <param name="Alerts">At least one.</param>
/// <param name="Title">One line.</param>
/// <param name="Text">Plain text of several lines.</param>
/// <param name="Site">What people call this server; null where that is not set.</param>
internal sealed record Notice(AlertEvent What, IReadOnlyList<Alert> Alerts, bool IsDigest, string Title, string Text, Uri? Site)
{
    private const int MostInDigest = 50;

    public Alert Alert => Alerts[0];

    /// <summary>The text is the alerter's own template's, and not the usual one.</summary>
    public bool IsOwnText { get; init; }

    /// <summary>It is over: a service that opened something for the alert closes it.</summary>
    public bool IsEnd => What == AlertEvent.Resolved;

    /// <summary>Somebody is to look at it.</summary>
    public bool IsCall => What is AlertEvent.Opened or AlertEvent.Reopened or AlertEvent.Escalated or AlertEvent.Reminded;

    /// <summary>The alert's page; null where it is not known what people call this server.</summary>
    public string? LinkOf(Alert alert) => Site is null ? null : new Uri(Site, "/alerts/" + alert.Id).AbsoluteUri;

    public static Notice Of(AlertEvent what, Alert alert, AlerterSettings settings, Uri? site)
    {
        var notice = new Notice(what, [alert], IsDigest: false, "", "", site);
        var line = ValuesOf(alert);
        string? ValueOf(string name) => line.GetValueOrDefault(name) ?? notice.ValueOf(name);
        return notice with
        {
            Title = OneLine(settings.TitleTemplate.Length > 0 ? Template.Fill(settings.TitleTemplate, ValueOf) : $"{Beginning(what)}[{alert.Severity}] {alert.Title}{On(alert)}"),
            IsOwnText = settings.TextTemplate.Length > 0,
            Text = settings.TextTemplate.Length > 0 ? Template.Fill(settings.TextTemplate, ValueOf) : notice.Words(alert, line),
        };
    }

    public static Notice OfDigest(IReadOnlyList<Alert> alerts, Uri? site)
    {
        var open = alerts.Where(alert => alert.State != AlertState.Resolved).ToList();
        var worst = (open.Count > 0 ? open : alerts).MaxBy(alert => Severity.RankOf(alert.Severity))!;
        var over = open.Count == alerts.Count ? "" : $"{Many(alerts.Count - open.Count)} resolved";
        var title = open.Count == 0 ? over : $"{Many(open.Count)}, the worst {worst.Severity}{(over.Length > 0 ? $"; {over}" : "")}";
        var notice = new Notice(AlertEvent.Opened, [worst, .. alerts.Where(alert => alert != worst)], IsDigest: true, title, "", site);
        var text = new StringBuilder();
        foreach (var alert in alerts.OrderByDescending(alert => Severity.RankOf(alert.Severity)).ThenBy(alert => alert.RaisedAt).Take(MostInDigest))
        {
            text.Append(CultureInfo.InvariantCulture, $"[{alert.Severity}] {OneLine(alert.Title)}{On(alert)}, {alert.RaisedAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC{(alert.Count > 1 ? $", {alert.Count} rows" : "")}");
            text.AppendLine(alert.State == AlertState.Resolved ? ", resolved" : "");
            if (notice.LinkOf(alert) is { } link) text.AppendLine("    " + link);
        }

        if (alerts.Count > MostInDigest) text.AppendLine(CultureInfo.InvariantCulture, $"and {alerts.Count - MostInDigest} more");
        return notice with { Text = text.ToString() };

        static string Many(int count) => count == 1 ? "1 alert" : $"{count} alerts";
    }

    /// <summary>The row's columns, in their order.</summary>
    public static Dictionary<string, string> ValuesOf(Alert alert)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        using var json = JsonDocument.Parse(alert.Line);
        if (!json.RootElement.TryGetProperty("columns", out var columns) || columns.ValueKind != JsonValueKind.Object) return values;
        foreach (var column in columns.EnumerateObject()) values.TryAdd(column.Name, column.Value.ToString());
        return values;
    }

    /// <summary>The query that the row is of.</summary>
    public static string QueryOf(Alert alert)
    {
        using var json = JsonDocument.Parse(alert.Line);
        return json.RootElement.TryGetProperty("name", out var name) ? name.ToString() : "";
    }

    private static string On(Alert alert) => alert.About.Length > 0 ? ": " + alert.About : alert.Host.Length > 0 ? " on " + alert.Host : "";

    private static string Beginning(AlertEvent what) => what switch
    {
        AlertEvent.Resolved => "Resolved: ",
        AlertEvent.Acknowledged => "Acknowledged: ",
        AlertEvent.Reopened => "Again: ",
        AlertEvent.Escalated => "Not acknowledged: ",
        AlertEvent.Reminded => "Not resolved: ",
        _ => "",
    };

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();

    private string? ValueOf(string name) => name switch
    {
        "alert_id" => Alert.Id,
        "event" => What.ToString().ToLowerInvariant(),
        "rule" or "rule_name" => Alert.Title,
        "message" => Alert.Message,
        "severity" => Alert.Severity,
        "node" or "host_identifier" => Alert.Host,
        "node_id" => Alert.Node.ToString(),
        "query" => QueryOf(Alert),
        "count" => Alert.Count.ToString(CultureInfo.InvariantCulture),
        "raised_at" => TimeText.Seconds(Alert.RaisedAt),
        "runbook" => Alert.Runbook,
        "owner" => Alert.Owner,
        "link" => LinkOf(Alert) ?? "",
        _ => null,
    };

    private string Words(Alert alert, Dictionary<string, string> values)
    {
        var text = new StringBuilder();
        if (alert.Message.Length > 0) text.AppendLine(alert.Message).AppendLine();
        if (alert.Host.Length > 0) text.AppendLine("Node: " + alert.Host);
        if (alert.About.Length > 0) text.AppendLine("About: " + alert.About);
        if (QueryOf(alert) is { Length: > 0 } query) text.AppendLine("Query: " + query);
        text.AppendLine(CultureInfo.InvariantCulture, $"Time: {alert.RaisedAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        if (alert.Count > 1) text.AppendLine(CultureInfo.InvariantCulture, $"Rows: {alert.Count}");
        if (alert.Owner.Length > 0) text.AppendLine("Owner: " + alert.Owner);
        if (values.Count > 0) text.AppendLine();
        foreach (var (column, value) in values) text.Append(column).Append(": ").AppendLine(value);
        if (alert.Runbook.Length > 0) text.AppendLine().AppendLine("What to do: " + alert.Runbook);
        if (LinkOf(alert) is { } link) text.AppendLine().AppendLine(link);
        if (alert.DeviceLink is not null && Site is not null) text.AppendLine("What this machine was asked: " + new Uri(Site, alert.DeviceLink).AbsoluteUri);
        return text.ToString();
    }
}

using System.Globalization;
using System.Text.Json;

namespace Fleet.Results;

/// <summary>What says all that there is.</summary>
internal enum StartKind
{
    /// <summary>The first run of a query, with counter 0.</summary>
    FirstRun,

    /// <summary>One line with all rows.</summary>
    Snapshot,

    /// <summary>A line for each row of a snapshot (<c>logger_snapshot_event_type</c>): they share their time.</summary>
    SnapshotRows,
}

/// <summary>The run that a report begins with.</summary>
/// <param name="Time">Seconds by the agent's clock: all rows of a run share it.</param>
/// <param name="ReceivedAt">By the server's.</param>
internal sealed record ReportStart(StartKind Kind, long Time, DateTimeOffset ReceivedAt)
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("start");
        json.WriteString("kind", Kind.ToString());
        json.WriteNumber("time", Time);
        json.WriteString("received", ReceivedAt.ToString("O", CultureInfo.InvariantCulture));
        json.WriteEndObject();
    }

    /// <summary>The start of a report; null if it has none, or if it was written before starts were told apart.</summary>
    public static ReportStart? Read(JsonElement report) => report.TryGetProperty("start", out var start)
        ? new(Enum.Parse<StartKind>(start.GetProperty("kind").GetString()!), start.GetProperty("time").GetInt64(), DateTimeOffset.Parse(start.GetProperty("received").GetString()!, CultureInfo.InvariantCulture))
        : report.TryGetProperty("startedAt", out var old) ? new(StartKind.FirstRun, old.GetInt64(), DateTimeOffset.MinValue) : null;
}

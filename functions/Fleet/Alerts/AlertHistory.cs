using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>Something that became of an alert.</summary>
/// <param name="By">Who did it; empty for Fleet itself.</param>
/// <param name="Action"><c>opened</c>, <c>acknowledged</c>, <c>resolved</c>, <c>reopened</c>, <c>escalated</c>, <c>reminded</c>, <c>snoozed</c>, <c>assigned</c> or <c>note</c>.</param>
/// <param name="Text">Why, or what somebody wrote.</param>
internal sealed record AlertStep(DateTimeOffset At, string By, string Action, string Text);

/// <summary>What became of alerts, and what people wrote about them. Tables: <see cref="Schema.AlertEvents"/>. Rows are only ever added.</summary>
internal sealed class AlertHistory(ITables tables)
{
    private const int Most = 500;

    public async ValueTask AddAsync(string id, AlertStep step, CancellationToken ct) => await tables[Schema.AlertEvents(step.At)].WriteAsync(
        Write.Insert(
            new(id, $"{TimeKey.NewestFirst(step.At)}-{Guid.NewGuid():N}"),
            new Columns { ["At"] = step.At, ["By"] = step.By, ["Action"] = step.Action, ["Text"] = step.Text }),
        ct);

    /// <summary>The newest first, at most 500.</summary>
    public async ValueTask<IReadOnlyList<AlertStep>> ReadAsync(Alert alert, CancellationToken ct)
    {
        var steps = new List<AlertStep>();
        foreach (var table in (await tables.ListAsync(Schema.AlertEventsPrefix, ct)).Reverse())
        {
            if (string.CompareOrdinal(table, Schema.AlertEvents(alert.RaisedAt)) < 0) break;
            await foreach (var row in tables[table].ScanAsync(KeyRange.Partition(alert.Id), ct))
            {
                var columns = row.Columns;
                steps.Add(new(columns.Time("At")!.Value, columns.Text("By")!, columns.Text("Action")!, columns.Text("Text")!));
                if (steps.Count == Most) return steps;
            }
        }

        return steps;
    }
}

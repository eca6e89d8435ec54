using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Fleet.Kernel;

/// <summary>What Fleet tells of itself: counts at every stage of the road that data takes, and spans that lead from a log post to the page that it caused.</summary>
/// <remarks>Nobody listening, a count costs a few nanoseconds and a span nothing.</remarks>
internal static class Telemetry
{
    /// <summary>The name of meter and source, for whoever listens.</summary>
    public const string Name = "Fleet";

    public static Meter Meter { get; } = new(Name);

    public static ActivitySource Source { get; } = new(Name);

    /// <summary>Agents' calls. Tags: <c>call</c>, <c>outcome</c> (<c>ok</c>, <c>invalid</c>, <c>error</c>, <c>busy</c>).</summary>
    public static Counter<long> Calls { get; } = Meter.CreateCounter<long>("fleet.agent.calls", "{call}", "Agents' calls by what was answered.");

    public static Histogram<double> CallDuration { get; } = Meter.CreateHistogram<double>("fleet.agent.call.duration", "s", "How long agents' calls took.");

    /// <summary>Tag: <c>kind</c> (<c>result</c>, <c>status</c>).</summary>
    public static Counter<long> Lines { get; } = Meter.CreateCounter<long>("fleet.lines", "{line}", "Lines that were stored.");

    public static Counter<long> Batches { get; } = Meter.CreateCounter<long>("fleet.batches", "{batch}", "Batches that were stored.");

    /// <summary>Tag: <c>stage</c>.</summary>
    public static Counter<long> Quarantined { get; } = Meter.CreateCounter<long>("fleet.batches.quarantined", "{batch}", "Batches that a stage put aside because of their lines.");

    /// <summary>The oldest batch that waits for reports and index, when it was looked.</summary>
    public static Histogram<double> InboxLag { get; } = Meter.CreateHistogram<double>("fleet.inbox.lag", "s", "How long the oldest batch had waited to be made into reports and index.");

    /// <summary>Tags: <c>queue</c>, <c>outcome</c> (<c>done</c>, <c>again</c>, <c>dead</c>).</summary>
    public static Counter<long> Messages { get; } = Meter.CreateCounter<long>("fleet.bus.messages", "{message}", "Messages that were handled.");

    /// <summary>Tag: <c>queue</c>.</summary>
    public static Histogram<double> BusLag { get; } = Meter.CreateHistogram<double>("fleet.bus.lag", "s", "From the arrival of what a message names, a batch or an alert, to its handling.");

    public static Counter<long> Judged { get; } = Meter.CreateCounter<long>("fleet.rules.lines", "{line}", "Lines of batches that rules judged.");

    public static Counter<long> Matches { get; } = Meter.CreateCounter<long>("fleet.rules.matches", "{row}", "Rows that rules matched.");

    public static Counter<long> RuleFaults { get; } = Meter.CreateCounter<long>("fleet.rules.faults", "{fault}", "Matches that could not be made into alerts.");

    /// <summary>Tag: <c>event</c>.</summary>
    public static Counter<long> Alerts { get; } = Meter.CreateCounter<long>("fleet.alerts", "{alert}", "What happened to alerts.");

    /// <summary>Tags: <c>alerter</c>, <c>outcome</c> (<c>delivered</c>, <c>retry</c>, <c>rejected</c>).</summary>
    public static Counter<long> Deliveries { get; } = Meter.CreateCounter<long>("fleet.deliveries", "{delivery}", "Tries to tell of alerts.");

    /// <summary>Tags: <c>sink</c>, <c>outcome</c>.</summary>
    public static Counter<long> SinkLines { get; } = Meter.CreateCounter<long>("fleet.sinks.lines", "{line}", "Lines that sinks were sent.");

    /// <summary>Tag: <c>sink</c>. The oldest line of what was sent.</summary>
    public static Histogram<double> SinkLag { get; } = Meter.CreateHistogram<double>("fleet.sinks.lag", "s", "From a batch's arrival to a sink's having it.");

    /// <summary>Tag: <c>sink</c>.</summary>
    public static Counter<long> SinkDropped { get; } = Meter.CreateCounter<long>("fleet.sinks.dropped", "{line}", "Lines that a sink's filter held back.");

    /// <summary>How old the knowledge of others' changes was when it was renewed.</summary>
    public static Histogram<double> ChangeFeedAge { get; } = Meter.CreateHistogram<double>("fleet.changes.age", "s", "How old the knowledge of other instances' changes had become.");

    /// <summary>Tags: <c>table</c>, without its week or month; <c>kind</c> (<c>find</c>, <c>page</c>, <c>write</c>, <c>batch</c>, <c>list</c>, <c>drop</c>).</summary>
    public static Counter<long> StorageOperations { get; } = Meter.CreateCounter<long>("fleet.storage.operations", "{operation}", "What is asked of the store: what a cloud bills.");

    /// <summary>Tag: <c>table</c>.</summary>
    public static Counter<long> StorageFaults { get; } = Meter.CreateCounter<long>("fleet.storage.faults", "{operation}", "What the store did not answer.");

    /// <summary>How long a message's matter waited in a queue.</summary>
    public static void Waited(string queue, DateTimeOffset since, DateTimeOffset now) => BusLag.Record(Math.Max(0, (now - since).TotalSeconds), new KeyValuePair<string, object?>("queue", queue));

    /// <summary>The context that another process goes on with; null where this work is not traced.</summary>
    public static string? Trace => Activity.Current is { Recorded: true, Id: { } id } ? id : null;

    /// <summary>A span that goes on with a context from another process.</summary>
    public static Activity? Start(string name, string? trace) =>
        trace is not null && ActivityContext.TryParse(trace, null, isRemote: true, out var parent) ? Source.StartActivity(name, ActivityKind.Consumer, parent) : Source.StartActivity(name, ActivityKind.Consumer);
}

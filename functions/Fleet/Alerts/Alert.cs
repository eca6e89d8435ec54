using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Alerts;

internal enum AlertState
{
    Open,
    Acknowledged,
    Resolved,
}

/// <summary>What happens to an alert and alerters may be told. The letters are how a row holds them.</summary>
internal enum AlertEvent
{
    Opened = 'o',
    Acknowledged = 'a',
    Resolved = 'r',
    Reopened = 'R',

    /// <summary>Nobody acknowledged in time: others are told.</summary>
    Escalated = 'e',

    /// <summary>It was quiet for a while, and is still there.</summary>
    Reminded = 'n',
}

/// <summary>A rule matched. Rule, node and row are kept as they were then.</summary>
/// <param name="Id">128 bits that follow from rule, node and row, so the same match is one alert however often it is seen.</param>
/// <param name="RuleName">The rule's name with its <c>$</c> placeholders; <see cref="Title"/> has them filled in.</param>
/// <param name="Node">Zero where it is about several nodes: then <see cref="About"/> says which.</param>
/// <param name="Line">The row as JSON: name, action, time, hostIdentifier, columns.</param>
/// <param name="DeviceLink">Where the machine's user reads what it was asked; set when it is sent, and where that is switched on.</param>
internal sealed record Alert(
    string Id, string RuleId, string RuleName, string RuleDescription, string Severity, NodeId Node, string Host, DateTimeOffset RaisedAt,
    string Line, IReadOnlyList<AlertDelivery> Deliveries, string? DeviceLink = null)
{
    public long RuleVersion { get; init; } = 1;

    public string Title { get; init; } = RuleName;

    /// <summary>The rule's message, or its description, filled in.</summary>
    public string Message { get; init; } = RuleDescription;

    public string Runbook { get; init; } = "";

    /// <summary>The node's tags, as they were.</summary>
    public TagSet Tags { get; init; } = TagSet.None;

    /// <summary>What it is about, where that is not one node: <c>tag web</c>, <c>fleet</c>; else empty.</summary>
    public string About { get; init; } = "";

    public AlertState State { get; init; }

    /// <summary>Who takes care of it; empty for nobody.</summary>
    public string Owner { get; init; } = "";

    /// <summary>Rows that were found to be the same alert.</summary>
    public long Count { get; init; } = 1;

    /// <summary>When its first row came.</summary>
    public DateTimeOffset FirstAt { get; init; } = RaisedAt;

    /// <summary>When its newest row came.</summary>
    public DateTimeOffset LastAt { get; init; } = RaisedAt;

    /// <summary>Nobody is told before; <see cref="QuietBy"/> says why.</summary>
    public DateTimeOffset? QuietUntil { get; init; }

    public string QuietBy { get; init; } = "";

    public DateTimeOffset? ResolvedAt { get; init; }

    /// <summary>What its rows have in common: see <see cref="AlertGroups"/>.</summary>
    public string Group { get; init; } = "";

    /// <summary>What happened to it, in order.</summary>
    public string Events { get; init; } = "o";

    /// <summary>What there is to be told of it: that it is over, or the last that called for somebody.</summary>
    public AlertEvent News => State == AlertState.Resolved ? AlertEvent.Resolved : (AlertEvent)Events.Last(one => (AlertEvent)one is not (AlertEvent.Acknowledged or AlertEvent.Resolved));

    /// <summary>How many of <see cref="Events"/> alerters were told of, or are being told.</summary>
    public int Sent { get; init; } = 1;

    /// <summary>Digests, eight bytes each, of the rows or batches that were counted last: what comes again is not counted again.</summary>
    public byte[] Counted { get; init; } = [];

    /// <summary>See <see cref="LiveRows"/>.</summary>
    public byte[] Live { get; init; } = [];

    /// <summary>The group's alert before, whose rows may be there still.</summary>
    public AlertKey? Follows { get; init; }

    /// <summary>The trace of what raised it; null where that was not traced.</summary>
    public string? Trace { get; init; }

    /// <summary>When it was opened last.</summary>
    public DateTimeOffset OpenedAt { get; init; } = RaisedAt;

    public TimeSpan? ResolvesAfter { get; init; }

    /// <summary>When it has been left alone for <see cref="ResolvesAfter"/>.</summary>
    public DateTimeOffset? ResolvesAt => (LastAt > OpenedAt ? LastAt : OpenedAt) + ResolvesAfter;

    /// <summary>Open for so long, and not quiet, others are told.</summary>
    public TimeSpan? EscalatesAfter { get; init; }

    /// <summary>When others are told if it is not acknowledged; null when that was done, or is not wanted.</summary>
    public DateTimeOffset? EscalatesAt { get; init; }

    public IReadOnlyList<string> EscalatesTo { get; init; } = [];

    public bool IsQuiet(DateTimeOffset now) => QuietUntil > now;

    /// <summary>When time does something to it next; null for never.</summary>
    public DateTimeOffset? DueAt
    {
        get
        {
            if (State == AlertState.Resolved) return null;
            DateTimeOffset?[] times = [QuietUntil, ResolvesAt, State == AlertState.Open && QuietUntil is null ? EscalatesAt : null];
            return times.Min();
        }
    }
}

/// <summary>How far an alerter came with an alert.</summary>
/// <param name="State"><c>pending</c>, <c>delivered</c>, <c>queued</c> (for its digest), <c>retrying</c>, <c>failed</c>, <c>quiet</c> (snoozed or muted), or
/// <c>skipped</c> (it was over before anybody had to be told).</param>
/// <param name="Told">The last of the alert's events that it was told of; -1 for none.</param>
/// <param name="From">The first that it is to be told of: it joined with it.</param>
internal sealed record AlertDelivery(string Alerter, string State, int Attempts, DateTimeOffset? At, string? Reason, int Told = -1, int From = 0);

/// <summary>Where an alert lies; written <c>table/partition/row</c> in messages.</summary>
internal readonly record struct AlertKey(string Table, string Partition, string Row)
{
    /// <summary>As a column holds it; null where there is none.</summary>
    public static AlertKey? Read(string? text) => text is not null && TryParse(text, out var key) ? key : null;

    public static bool TryParse(string text, out AlertKey key)
    {
        key = default;
        if (text.Split('/') is not [var table, var partition, var row]) return false;
        key = new(table, partition, row);
        return true;
    }

    public override string ToString() => $"{Table}/{Partition}/{Row}";
}

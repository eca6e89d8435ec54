using Fleet.Kernel;

namespace Fleet.Queries;

/// <summary>A distributed query: one statement, asked of many nodes until it expires.</summary>
/// <param name="Targeted">How many nodes were asked, counted when it was made.</param>
/// <param name="NotBefore">Nobody is asked earlier.</param>
/// <param name="CancelledAt">When a person ended it, or null.</param>
/// <param name="Final">How far all came, counted when it was over; null before.</param>
/// <param name="Reason">Why; for the audit log and the machines' users.</param>
/// <param name="IncludesLater">Nodes that enroll, or get the tag, before it expires are asked too.</param>
/// <param name="ScheduleId">The schedule that started it, or null for one that a person started.</param>
internal sealed record Campaign(
    string Id, string Sql, string Description, Targets Targets, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset NotBefore, DateTimeOffset ExpiresAt,
    DateTimeOffset? CancelledAt, long Targeted, string Reason = "", Tally? Final = null, bool IncludesLater = false, string? ScheduleId = null)
{
    /// <summary>The id of what is started at a time for a reason: whoever starts it, it is one campaign. Ids begin with their time, so that lists are in order.</summary>
    public static string IdOf(DateTimeOffset time, string reason) => $"{time.ToUnixTimeMilliseconds():x12}{Digest.Of(reason)[..20]}";

    /// <summary>How many nodes were asked so far, by what was counted: later ones add to those that it began with.</summary>
    public long TargetedBy(Tally tally) => Math.Max(Targeted, tally.Total);

    public bool IsOver(DateTimeOffset now) => CancelledAt is not null || now >= ExpiresAt;
}

/// <summary>How many answers are in each state.</summary>
internal sealed record Tally(long New, long Sent, long Done, long Failed, long Expired)
{
    public long Total => New + Sent + Done + Failed + Expired;
}

internal enum AnswerState
{
    New,
    Sent,
    Done,
    Failed,
    Expired,
}

/// <summary>One node's part in a campaign.</summary>
/// <param name="Error">Why it failed, or null.</param>
/// <param name="Rows">The rows as a JSON array; <c>[]</c> until it is done.</param>
/// <param name="WallMs">How long it ran there, in milliseconds, where the agent measured it.</param>
/// <param name="Offers">How often the node was sent the question.</param>
internal sealed record Answer(NodeId Node, AnswerState State, DateTimeOffset? SentAt, DateTimeOffset? AnsweredAt, string? Error, byte[] Rows, long? WallMs = null, int Offers = 0)
{
    private const string NoAnswer = "no answer";

    /// <summary>It was given up, and may come all the same.</summary>
    public bool IsGivenUp => State == AnswerState.Failed && Error?.StartsWith(NoAnswer, StringComparison.Ordinal) == true;

    /// <summary>How long the node has to answer what it was sent.</summary>
    public TimeSpan Lease(TimeSpan first) => first * Math.Pow(2, Math.Max(0, Offers - 1));

    public Answer GiveUp(DateTimeOffset now) => this with
    {
        State = AnswerState.Failed,
        AnsweredAt = now,
        Error = $"{NoAnswer}: the node was sent the query {Offers} times. It may take too long there, or end the agent: look at the node's status logs, and for the query among those that are denylisted.",
    };
}

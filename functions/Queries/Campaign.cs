namespace Fleet.Queries;

/// <summary>A distributed query: one statement, asked of many nodes until it expires.</summary>
/// <param name="Targeted">How many nodes were asked, counted when it was made.</param>
/// <param name="NotBefore">Nobody is asked earlier.</param>
/// <param name="CancelledAt">When a person ended it, or null.</param>
internal sealed record Campaign(
    string Id, string Sql, string Description, Targets Targets, DateTimeOffset CreatedAt, string CreatedBy, DateTimeOffset NotBefore, DateTimeOffset ExpiresAt,
    DateTimeOffset? CancelledAt, long Targeted)
{
    public bool IsOver(DateTimeOffset now) => CancelledAt is not null || now >= ExpiresAt;
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
internal sealed record Answer(Kernel.NodeId Node, AnswerState State, DateTimeOffset? SentAt, DateTimeOffset? AnsweredAt, string? Error, byte[] Rows);

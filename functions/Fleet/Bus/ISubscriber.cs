namespace Fleet.Bus;

/// <summary>Handles the messages of one queue. The same message may come twice, and two instances may hold it at once.</summary>
internal interface ISubscriber
{
    /// <summary>One of <see cref="Addresses"/>.</summary>
    string Queue { get; }

    /// <summary>Does what the message calls for. An exception means: deliver it again, later.</summary>
    ValueTask<Outcome> HandleAsync(string body, CancellationToken ct);
}

/// <summary>What became of a message.</summary>
internal abstract record Outcome
{
    private Outcome()
    {
    }

    public static Outcome Finished { get; } = new Done();

    /// <summary>In one word: <c>done</c>, <c>again</c> or <c>dead</c>.</summary>
    public string Name => this switch { Again => "again", Dead => "dead", _ => "done" };

    public sealed record Done : Outcome;

    /// <summary>Deliver it again after this wait.</summary>
    /// <param name="IsTry">It counts as one of its deliveries; else it was not its turn.</param>
    public sealed record Again(TimeSpan Wait, string Reason, bool IsTry = true) : Outcome;

    /// <summary>It can never be handled; people are shown why.</summary>
    /// <param name="Body">The message that is sent if somebody has it sent again; null for the same.</param>
    public sealed record Dead(string Reason, string? Body = null) : Outcome;
}

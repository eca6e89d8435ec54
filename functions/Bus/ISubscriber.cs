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

    /// <summary>Deliver it again after this wait; counts as one of its deliveries.</summary>
    public sealed record Again(TimeSpan Wait, string Reason) : Outcome;

    /// <summary>It can never be handled; people are shown why.</summary>
    public sealed record Dead(string Reason) : Outcome;
}

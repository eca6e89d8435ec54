namespace Fleet.Bus;

/// <summary>A message that was given up.</summary>
/// <param name="Deliveries">How often it was tried. Service Bus counts every look at its dead-letter queue too.</param>
internal sealed record DeadLetter(string Id, string Queue, string Body, int Deliveries, string Reason, DateTimeOffset DiedAt);

/// <summary>Messages that were given up, for people to see and to send again.</summary>
internal interface IDeadLetters
{
    /// <summary>The newest, at most <paramref name="take"/>.</summary>
    ValueTask<IReadOnlyList<DeadLetter>> ListAsync(int take, CancellationToken ct);

    /// <summary>Delivers it again, with all its deliveries before it. False if it is gone.</summary>
    ValueTask<bool> RetryAsync(string id, CancellationToken ct);

    /// <summary>Forgets it. False if it is gone.</summary>
    ValueTask<bool> RemoveAsync(string id, CancellationToken ct);
}

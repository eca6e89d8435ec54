namespace Fleet.Upkeep;

/// <summary>Something done again and again, by every instance; doing it twice, or at once, does no harm.</summary>
internal sealed record Chore(string Name, TimeSpan Every, Func<CancellationToken, ValueTask> RunAsync);

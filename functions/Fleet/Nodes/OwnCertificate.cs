namespace Fleet.Nodes;

/// <summary>The server's certificate, where it speaks TLS itself.</summary>
/// <param name="Pem">What agents are told to trust: with its chain, without its key; null where the machines' own authorities are meant.</param>
/// <param name="NotAfter">When it ends; null where somebody else terminates TLS.</param>
internal sealed record OwnCertificate(string? Pem, DateTimeOffset? NotAfter = null)
{
    /// <summary>From then on it is told that it ends.</summary>
    public static TimeSpan Notice { get; } = TimeSpan.FromDays(14);

    /// <summary>What is to be said of it, and whether it is to be said.</summary>
    public (bool IsWell, string Words) At(DateTimeOffset now) => NotAfter switch
    {
        null => (true, "Somebody else terminates TLS."),
        { } end when end <= now => (false, FormattableString.Invariant($"The server's certificate expired on {end.UtcDateTime:yyyy-MM-dd}: agents and browsers refuse it. Put a new one in its place and start the server again.")),
        { } end when end - now < Notice => (false, FormattableString.Invariant($"The server's certificate expires on {end.UtcDateTime:yyyy-MM-dd}, in {(end - now).TotalDays:0} days: put a new one in its place and start the server again.")),
        { } end => (true, FormattableString.Invariant($"The server's certificate is good until {end.UtcDateTime:yyyy-MM-dd}.")),
    };
}

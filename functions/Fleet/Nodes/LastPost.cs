using System.Globalization;

namespace Fleet.Nodes;

/// <summary>Lines of a post that were stored together.</summary>
/// <param name="Count">How many lines.</param>
/// <param name="Batch">Where they lie; empty where it need not be known any more.</param>
internal sealed record PostPart(int Count, string Batch);

/// <summary>What a node posted last: an agent whose post was not acknowledged sends its lines again, with new ones after them.</summary>
/// <param name="Digest">Of all its lines.</param>
/// <param name="Chain">Of its lines and of all posts before it: the same lines after other posts have another.</param>
/// <param name="Count">How many there were.</param>
/// <param name="At">When it came.</param>
/// <param name="IsUniform">All of them are alike: more of them may follow that are no repetition.</param>
/// <param name="Parts">The lines in their order, by the batches that they were stored as.</param>
internal sealed record LastPost(string Digest, string Chain, int Count, DateTimeOffset At, bool IsUniform, IReadOnlyList<PostPart> Parts)
{
    /// <summary>Whether all of it was done, and the agent was told so; null where that is not known, after a restart or of another instance.</summary>
    public bool? IsDone { get; set; }

    /// <summary>As a column holds the parts: <c>count batch</c>, a line each.</summary>
    public string PartsText => string.Join('\n', Parts.Select(part => FormattableString.Invariant($"{part.Count} {part.Batch}")));

    public static IReadOnlyList<PostPart> ReadParts(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Select(part => new PostPart(int.Parse(part[0], CultureInfo.InvariantCulture), part[1]))];
}

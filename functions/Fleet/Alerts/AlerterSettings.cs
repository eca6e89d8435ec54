using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Alerts;

/// <summary>An alerter as it is configured.</summary>
/// <param name="Type">One of <see cref="AlerterType.All"/>.</param>
internal sealed record AlerterSettings(string Name, string Type, IReadOnlyDictionary<string, string> Fields, bool HasSecret = false) : Plugin(Name, Type, Fields, HasSecret)
{
    /// <summary>It is told of alerts that are at least so bad.</summary>
    public string MinimumSeverity { get; init; } = Severity.Names[0];

    /// <summary>It is told of nodes with any of these tags; none means all.</summary>
    public TagSet Tags { get; init; } = TagSet.None;

    /// <summary>It is told of every rule's alerts, not only of those that name it.</summary>
    public bool EveryRule { get; init; }

    /// <summary>One message for all alerts within so long; null for one each.</summary>
    public TimeSpan? DigestEvery { get; init; }

    /// <summary>Words of one's own, with <c>$</c> placeholders; empty for the usual ones.</summary>
    public string TitleTemplate { get; init; } = "";

    public string TextTemplate { get; init; } = "";

    /// <summary>Whether it is told of this alert, if its rule names it or it is told of every rule.</summary>
    public bool Wants(Alert alert) => Severity.RankOf(alert.Severity) >= Severity.RankOf(MinimumSeverity) && (Tags.Tags.Count == 0 || Tags.Meets(alert.Tags));
}

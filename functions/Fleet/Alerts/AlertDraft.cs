using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>What a rule found, before it is known whether it is an alert of its own.</summary>
/// <param name="Group">A digest of what makes rows one alert.</param>
/// <param name="IsTracked">Whether a later row may belong to the same alert, or end it.</param>
/// <param name="Window">For so long rows of the group are one alert; null for as long as it is open.</param>
/// <param name="Rows">Digests of the rows: what comes again is not counted again.</param>
/// <param name="Count">How many rows it has, if it makes an alert.</param>
/// <param name="At">When the rows came.</param>
/// <param name="Alert">The alert that it makes, if it makes one. Its id is not set.</param>
/// <param name="Alerters">Those that the rule names.</param>
/// <param name="EscalatesAfter">Not acknowledged for so long: others are told.</param>
internal sealed record AlertDraft(
    string Group, bool IsTracked, TimeSpan? Window, IReadOnlyList<string> Rows, long Count, DateTimeOffset At, Alert Alert, IReadOnlyList<string> Alerters, TimeSpan? EscalatesAfter)
{
    /// <summary>Of each of <see cref="Rows"/> what it is as long as it is there; empty where the alert does not end with its rows.</summary>
    public IReadOnlyList<Hit> Live { get; init; } = [];

    /// <summary>The id of the alert that these rows make.</summary>
    public string Id => Digest.Of(Group, Rows[0]);
}

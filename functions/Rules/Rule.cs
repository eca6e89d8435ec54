namespace Fleet.Rules;

/// <summary>What to look for in results, and whom to tell.</summary>
/// <param name="Conditions">QueryBuilder's JSON, as it was saved.</param>
/// <param name="Alerters">Names; none means that the alert is kept and nobody is told.</param>
/// <param name="Severity"><c>info</c>, <c>low</c>, <c>medium</c>, <c>high</c> or <c>critical</c>.</param>
internal sealed record Rule(
    string Id, string Name, string Description, string Conditions, IReadOnlyList<string> Alerters, string Severity, bool Enabled,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static IReadOnlyList<string> Severities { get; } = ["info", "low", "medium", "high", "critical"];
}

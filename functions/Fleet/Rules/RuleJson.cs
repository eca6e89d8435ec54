using System.Text.Json.Serialization;

namespace Fleet.Rules;

/// <summary>How a row of <see cref="Storage.Schema.Rules"/> holds what most rules do without.</summary>
internal sealed record RuleDetails(
    string Message, string Runbook, IReadOnlyList<string> Tags, IReadOnlyList<string> Platforms, Threshold? Threshold, Absence? Absence, Grouping? Grouping,
    bool ResolvesOnRemoved, TimeSpan? ResolvesAfter, Escalation? Escalation, TimeSpan Learning);

[JsonSerializable(typeof(RuleDetails))]
internal sealed partial class RuleJson : JsonSerializerContext;

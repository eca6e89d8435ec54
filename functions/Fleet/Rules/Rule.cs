using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Rules;

/// <summary>What to look for, and whom to tell.</summary>
/// <param name="Conditions">QueryBuilder's JSON, as it was saved; empty for a rule about results that do not come.</param>
/// <param name="Alerters">Names; none means that the alert is kept, and only alerters of every rule are told.</param>
/// <param name="Severity"><c>info</c>, <c>low</c>, <c>medium</c>, <c>high</c> or <c>critical</c>.</param>
internal sealed record Rule(
    string Id, string Name, string Description, string Conditions, IReadOnlyList<string> Alerters, string Severity, bool Enabled,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    /// <summary>A rule that is only tried.</summary>
    public static Rule OfConditions(string conditions) => new("draft", "draft", "", conditions, [], "medium", true, default, default);

    /// <summary>Counts the rule's changes: an alert says by which it was raised.</summary>
    public long Version { get; init; } = 1;

    /// <summary>The alert's own words, with <c>$column</c> and <c>$node</c> filled in; empty for the rule's name.</summary>
    public string Message { get; init; } = "";

    /// <summary>Where it is written what to do; empty for nowhere.</summary>
    public string Runbook { get; init; } = "";

    public RuleScope Scope { get; init; } = RuleScope.Everywhere;

    /// <summary>So many matching rows within a time make one alert; null for every row.</summary>
    public Threshold? Threshold { get; init; }

    /// <summary>What does not come; null for a rule about what comes.</summary>
    public Absence? Absence { get; init; }

    /// <summary>Which alerts are one; null for an alert of each row.</summary>
    public Grouping? Grouping { get; init; }

    /// <summary>A row that is removed again resolves the alert that it raised.</summary>
    public bool ResolvesOnRemoved { get; init; }

    /// <summary>An alert that nothing was added to for so long is resolved; null for never.</summary>
    public TimeSpan? ResolvesAfter { get; init; }

    /// <summary>Whom to tell if nobody acknowledges.</summary>
    public Escalation? Escalation { get; init; }

    /// <summary>For so long after it was made a rule with <c>first_seen</c> only learns what there is.</summary>
    public TimeSpan Learning { get; init; }
}

/// <summary>Which nodes a rule is about: those with any of the tags, and of any of the platforms; none means all.</summary>
internal sealed record RuleScope(TagSet Tags, IReadOnlyList<string> Platforms)
{
    public static RuleScope Everywhere { get; } = new(TagSet.None, []);

    public bool Holds(NodeFacts node) =>
        (Tags.Tags.Count == 0 || Tags.Meets(node.Tags)) && (Platforms.Count == 0 || Platforms.Contains(node.Platform));
}

/// <param name="Count">How many rows.</param>
/// <param name="Window">Within which time, by the agents' clocks.</param>
/// <param name="Per">What is counted together: <see cref="Operators.OnNode"/>, <see cref="OfTag"/> or <see cref="Operators.InFleet"/>.</param>
internal sealed record Threshold(int Count, TimeSpan Window, string Per)
{
    public const string OfTag = "tag";

    /// <summary>What a row of this node is counted under.</summary>
    public IEnumerable<string> PlacesOf(NodeId node, TagSet tags) => Per switch
    {
        OfTag => tags.Tags.Select(tag => "tag " + tag),
        Operators.InFleet => [Operators.InFleet],
        _ => ["node " + node],
    };
}

/// <param name="By">Columns: rows of one node that are equal in these are one alert.</param>
/// <param name="Window">For so long after the alert's first row.</param>
internal sealed record Grouping(IReadOnlyList<string> By, TimeSpan Window);

/// <param name="After">Not acknowledged for so long.</param>
/// <param name="Alerters">Who is told then.</param>
internal sealed record Escalation(TimeSpan After, IReadOnlyList<string> Alerters);

/// <summary>What does not come.</summary>
/// <param name="Kind">One of <see cref="Kinds"/>.</param>
/// <param name="Query">For <see cref="Results"/>: the query, as result lines name it.</param>
/// <param name="Intervals">For <see cref="Results"/>: how many of the query's intervals.</param>
/// <param name="For">For all others: how long.</param>
/// <param name="Percent">For <see cref="Missing"/>: what share of the fleet.</param>
internal sealed record Absence(string Kind, string? Query, int? Intervals, TimeSpan? For, int? Percent)
{
    /// <summary>No result of a query from a node that has it in its schedule.</summary>
    public const string Results = "results";

    /// <summary>A node checks in and sends nothing.</summary>
    public const string Quiet = "quiet";

    /// <summary>A node is not heard of.</summary>
    public const string NotSeen = "not_seen";

    /// <summary>A node enrolled, and never sent a result.</summary>
    public const string NeverReported = "never_reported";

    /// <summary>A share of the nodes is not heard of.</summary>
    public const string Missing = "missing";

    public static IReadOnlyList<string> Kinds { get; } = [Results, Quiet, NotSeen, NeverReported, Missing];
}

/// <summary>What rules may ask of a node.</summary>
internal sealed record NodeFacts(NodeId Id, string Host, string Platform, TagSet Tags)
{
    public static NodeFacts Of(NodeId id, KnownNode? known) => known is null ? Unknown(id) : new(id, known.HostIdentifier, known.Platform, known.Tags);

    /// <summary>A node that is gone, or was never there.</summary>
    public static NodeFacts Unknown(NodeId id) => new(id, "", "", TagSet.None);
}

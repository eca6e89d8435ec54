using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Sinks;

/// <summary>A sink as it is configured.</summary>
/// <param name="Type">One of <see cref="SinkType.All"/>.</param>
internal sealed record SinkSettings(string Name, string Type, IReadOnlyDictionary<string, string> Fields, bool HasSecret = false) : Plugin(Name, Type, Fields, HasSecret)
{
    public bool Enabled { get; init; } = true;

    /// <summary>Whether it takes results.</summary>
    public bool Results { get; init; } = true;

    /// <summary>Whether it takes osquery's own logs.</summary>
    public bool StatusLogs { get; init; }

    /// <summary>Of results: queries by name, with <c>*</c> for anything; none means all.</summary>
    public IReadOnlyList<string> Queries { get; init; } = [];

    /// <summary>Only of nodes with any of these tags; none means all.</summary>
    public TagSet Tags { get; init; } = TagSet.None;

    /// <summary>Of status logs: 0 info, 1 warning, 2 error, 3 fatal.</summary>
    public int MinimumSeverity { get; init; }

    /// <summary><see cref="Ecs"/> or <see cref="Event"/>.</summary>
    public string Format { get; init; } = Event;

    /// <summary>osquery's event format, a JSON object a row.</summary>
    public const string Event = "event";

    /// <summary>Elastic's Common Schema.</summary>
    public const string Ecs = "ecs";

    public bool WantsQuery(string name) => Results && (Queries.Count == 0 || Queries.Any(pattern => Glob.Matches(pattern, '*', name)));

    public bool WantsNode(TagSet tags) => Tags.Tags.Count == 0 || Tags.Meets(tags);
}

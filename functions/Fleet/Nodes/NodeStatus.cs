namespace Fleet.Nodes;

/// <summary>What a node is doing now.</summary>
internal enum NodeStatus
{
    /// <summary>Heard of within <see cref="PresenceSettings.OnlineWithin"/>.</summary>
    Online,

    /// <summary>Not heard of for longer, and not yet silent.</summary>
    Offline,

    /// <summary>Not heard of for <see cref="PresenceSettings.SilentAfter"/>.</summary>
    Silent,

    /// <summary>Made or enrolled, and it never called after that.</summary>
    NeverReported,

    /// <summary>It enrolled again and waits for a person.</summary>
    Pending,

    /// <summary>Switched off by a person.</summary>
    Inactive,
}

/// <summary>When a node counts as online and as silent: <c>Fleet__Nodes__OnlineWithin</c>, <c>Fleet__Nodes__SilentAfter</c>.</summary>
internal sealed record PresenceSettings(TimeSpan OnlineWithin, TimeSpan SilentAfter)
{
    public NodeStatus StatusOf(Node node, Seen? seen, DateTimeOffset now) =>
        !node.Active ? NodeStatus.Inactive
        : node.Pending ? NodeStatus.Pending
        : seen?.At is not { } at ? NodeStatus.NeverReported
        : now - at < OnlineWithin ? NodeStatus.Online
        : now - at < SilentAfter ? NodeStatus.Offline
        : NodeStatus.Silent;

    /// <summary>As the API writes it: <c>never_reported</c>.</summary>
    public static string NameOf(NodeStatus status) => status == NodeStatus.NeverReported ? "never_reported" : status.ToString().ToLowerInvariant();

    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<NodeStatus>().Select(NameOf)];
}

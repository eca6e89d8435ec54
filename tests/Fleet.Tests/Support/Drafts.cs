using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Tests.Support;

/// <summary>Alerts for tests that need some.</summary>
internal static class Drafts
{
    public static AlertDraft Of(string host, string row = "row", string rule = "there", string severity = "high", string group = "", TimeSpan? window = null, DateTimeOffset? at = null, params string[] alerters)
    {
        var time = at ?? DateTimeOffset.UtcNow;
        var line = $$$"""{"name":"processes","action":"added","time":"2026-01-01T00:00:00Z","hostIdentifier":"{{{host}}}","columns":{"path":"/tmp/x","pid":"7"}}""";
        return new(
            Digest.Of(rule, host, group.Length > 0 ? group : row), group.Length > 0, window, [Digest.Of(row)], 1, time,
            new("", rule, "A program runs from /tmp", "It should not.", severity, NodeId.OfHost(host), host, time, line, []) { Tags = TagSet.Of(["prod"]) }, alerters, null);
    }
}

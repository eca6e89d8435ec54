using System.Text.Json.Nodes;

namespace Fleet.Manager;

/// <summary>What a change would do to one item.</summary>
/// <param name="Change"><c>added</c>, <c>changed</c>, <c>removed</c> or <c>same</c>.</param>
/// <param name="Members">Which members, down to the single query of a pack.</param>
/// <param name="Notes">What osquery ignores or misreads, and which agents run it.</param>
internal sealed record ItemChange(string Kind, string Name, string Change, IReadOnlyList<MemberChange> Members, IReadOnlyList<FieldError>? Notes = null);

/// <param name="Path">Where: <c>queries.users.interval</c>.</param>
/// <param name="Before">Null when it is added.</param>
/// <param name="After">Null when it is removed.</param>
internal sealed record MemberChange(string Path, string Change, JsonNode? Before, JsonNode? After);

internal static class Differences
{
    /// <summary>Compares two bodies member by member; lists are compared whole.</summary>
    public static ItemChange Between(string kind, string name, JsonObject? before, JsonObject? after)
    {
        var members = new List<MemberChange>();
        Compare("", before ?? [], after ?? [], members);
        var change = before is null ? "added" : after is null ? "removed" : members.Count == 0 ? "same" : "changed";
        return new(kind, name, change, members);
    }

    private static void Compare(string path, JsonObject before, JsonObject after, List<MemberChange> members)
    {
        foreach (var (member, old) in before)
        {
            var at = path + member;
            if (!after.TryGetPropertyValue(member, out var value)) members.Add(new(at, "removed", old?.DeepClone(), null));
            else if (old is JsonObject a && value is JsonObject b) Compare(at + ".", a, b, members);
            else if (!JsonNode.DeepEquals(old, value)) members.Add(new(at, "changed", old?.DeepClone(), value?.DeepClone()));
        }

        foreach (var (member, value) in after)
        {
            if (!before.ContainsKey(member)) members.Add(new(path + member, "added", null, value?.DeepClone()));
        }
    }
}

using System.Globalization;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary>A kind of thing that a folder of YAML holds.</summary>
/// <param name="Name">In files: <c>kind: query</c>.</param>
/// <param name="Path">Under <c>/api</c>.</param>
/// <param name="Key">The member that holds its name.</param>
/// <param name="Drop">Members that are not part of it: times, counts, and what only the server knows.</param>
internal sealed record RemoteKind(string Name, string Path, string Key, params string[] Drop)
{
    /// <summary>Whether its PUT takes <c>allow</c>.</summary>
    public bool ChecksSql => Path is "options" or "queries" or "packs" or "file-paths";

    public bool IsSecret => Path == "enroll-secrets";

    public string NameOf(JsonObject item) => (string)item[Key]!;

    /// <summary>Rules have ids that say nothing: their files are called by their names.</summary>
    public string FileNameOf(JsonObject item) => (string?)item["name"] ?? NameOf(item);

    /// <summary>Secrets of single nodes, those that have ended, and those without a label, which nothing could find again, stay where they are.</summary>
    public bool IsExported(JsonObject item) => !IsSecret || (item["nodeId"] is null && ((string?)item["label"])?.Length > 0 && !HasEnded(item));

    /// <summary>Whether the time of an enroll secret is over.</summary>
    public static bool HasEnded(JsonObject secret) => DateTimeOffset.TryParse((string?)secret["expiresAt"], CultureInfo.InvariantCulture, out var end) && end <= DateTimeOffset.UtcNow;

    public JsonObject SpecOf(JsonObject item) => new(item.Where(member => member.Key != Key && !Drop.Contains(member.Key) && member.Value is not null)
        .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
}

internal static class ItemKinds
{
    /// <summary>In the order in which they are made: what others need comes first.</summary>
    public static IReadOnlyList<RemoteKind> All { get; } =
    [
        new("options", "options", "name"),
        new("file-paths", "file-paths", "category"),
        new("query", "queries", "name", "fault"),
        new("pack", "packs", "name"),
        new("sink", "sinks", "name", "hasSecret"),
        new("alerter", "alerters", "name", "hasSecret"),
        new("rule", "rules", "id", "createdAt", "updatedAt", "version"),
        new("enroll-secret", "enroll-secrets", "label", "id", "createdAt", "uses", "lastUsedAt", "nodeId", "secret"),
    ];

    public static RemoteKind? Find(string? name) => All.FirstOrDefault(kind => kind.Name == name);
}

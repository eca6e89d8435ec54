using System.Globalization;
using System.Text.Json.Nodes;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Changes that people make to nodes: told to the audit log, and kept in the node's history.</summary>
internal sealed class NodeChanges(NodeStore nodes, HistoryStore history, Limits limits)
{
    public const string Kind = "nodes";

    public IReadOnlyList<FieldError> Errors(NodePatch patch)
    {
        var errors = new List<FieldError>();
        if (patch.Tags is not null && (patch.AddTags ?? patch.RemoveTags) is not null) errors.Add(new("tags", "These replace all tags; leave them out to add or remove some."));
        Check("tags", patch.Tags);
        Check("addTags", patch.AddTags);
        if (patch.DisplayName?.Length > limits.NameCharacters) errors.Add(new("displayName", $"At most {limits.NameCharacters} characters fit."));
        return errors;

        void Check(string field, IReadOnlyList<string>? tags)
        {
            if (TagSet.Fault([.. tags ?? []], limits) is { } fault) errors.Add(new(field, fault));
        }
    }

    /// <summary>The node as a patch leaves it; the same object for no change. Tags that would be too many are left as they are.</summary>
    public Node Of(Node before, NodePatch patch)
    {
        var tags = patch.Tags is not null ? TagSet.Of(patch.Tags) : TagSet.Of(before.Tags.Tags.Concat(patch.AddTags ?? []).Except((patch.RemoveTags ?? []).Select(tag => tag.Trim())));
        var after = before with
        {
            DisplayName = patch.DisplayName is null ? before.DisplayName : patch.DisplayName.Trim() is { Length: > 0 } name ? name : null,
            Tags = tags.Tags.Count > limits.TagsPerItem ? before.Tags : tags,
            Active = patch.Active ?? before.Active,
            Pending = patch.Active is null && before.Pending,
            LetIn = before.LetIn || (patch.Active == true && before.Pending),
        };
        return (after.DisplayName, after.Tags, after.Active, after.Pending, after.LetIn) == (before.DisplayName, before.Tags, before.Active, before.Pending, before.LetIn) ? before : after;
    }

    /// <summary>Changes a node and writes it down; null if there is none.</summary>
    /// <param name="http">Who asks.</param>
    /// <param name="id">The node.</param>
    /// <param name="change">What it shall be.</param>
    /// <param name="seen">Only if people have not changed it since; null for whatever it is.</param>
    /// <exception cref="ConflictException">They have.</exception>
    public async ValueTask<Node?> ApplyAsync(HttpContext http, NodeId id, Func<Node, Node> change, Node? seen = null)
    {
        Node? before = null;
        var after = await nodes.ChangeAsync(
            id,
            node =>
            {
                if (seen is not null && EtagOf(node) != EtagOf(seen)) throw new ConflictException(Schema.Nodes, NodeRow.KeyOf(id));
                return change(before = node);
            },
            http.RequestAborted);
        if (after is null) return null;
        var note = http.Audit();
        (note.Target, note.Before, note.After) = ($"nodes/{id}", Json(before!), Json(after));
        if (!ReferenceEquals(before, after)) await history.AddAsync(Kind, id.ToString(), http.Actor(), "changed", before: null, Json(after), CancellationToken.None);
        http.ShowEtag(EtagOf(after));
        return after;
    }

    /// <summary>Changes many nodes, each with an entry in its history; how many are different now.</summary>
    public async ValueTask<int> ApplyAsync(HttpContext http, IReadOnlySet<NodeId> ids, Func<Node, Node> change, CancellationToken ct)
    {
        var count = 0;
        await foreach (var changed in nodes.ChangeManyAsync(ids, change, ct))
        {
            count += changed.Count;
            await Parallel.ForEachAsync(changed, new ParallelOptions { MaxDegreeOfParallelism = 16 }, (node, _) =>
                history.AddAsync(Kind, node.Id.ToString(), http.Actor(), "changed", before: null, Json(node), CancellationToken.None));
        }

        return count;
    }

    /// <summary>Changes with what people change, not with what machines say.</summary>
    public static string EtagOf(Node node) => Digest.Of(node.Id.ToString(), Json(node).ToJsonString());

    public static JsonObject Json(Node node) => new()
    {
        ["displayName"] = node.DisplayName,
        ["tags"] = ConfigItems.ToJson(node.Tags.Tags),
        ["active"] = node.Active,
        ["pending"] = node.Pending,
        ["epoch"] = node.Epoch.ToString(CultureInfo.InvariantCulture),
    };
}

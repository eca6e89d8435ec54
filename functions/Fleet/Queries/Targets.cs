using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Queries;

/// <summary>Whom a campaign asks. What is given must all hold, save that nodes named one by one are always asked.</summary>
/// <param name="All">Every active node.</param>
/// <param name="Nodes">These ones.</param>
/// <param name="Tags">Nodes with these tags.</param>
/// <param name="MatchAll">All of the tags, or any of them.</param>
/// <param name="Platforms">Nodes of these platforms.</param>
/// <param name="Sample">This percentage of what the rest chose, 1 to 100; the same nodes for the same campaign.</param>
internal sealed record Targets(
    bool All, IReadOnlyList<NodeId> Nodes, IReadOnlyList<string> Tags, bool MatchAll, IReadOnlyList<string> Platforms, int? Sample)
{
    public bool Include(string campaign, NodeId node, TagSet tags, string platform)
    {
        if (Nodes.Contains(node)) return true;
        if (!All && Tags.Count == 0 && Platforms.Count == 0) return false;
        if (Tags.Count > 0 && !(MatchAll ? Tags.All(tags.Has) : Tags.Any(tags.Has))) return false;
        if (Platforms.Count > 0 && !Platforms.Contains(platform)) return false;
        return Sample is not { } percent || Place(campaign, node) < percent;
    }

    /// <summary>The nodes named one by one as they are stored.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> NodeTexts => [.. Nodes.Select(node => node.ToString())];

    public Targets WithNodes(IReadOnlyList<string> texts) => this with { Nodes = [.. texts.Select(text => NodeId.TryParse(text, out var id) ? id : default)] };

    /// <summary>0 to 99, even over nodes, different for each campaign.</summary>
    private static int Place(string campaign, NodeId node) =>
        (int)(BitConverter.ToUInt32(SHA256.HashData(Encoding.UTF8.GetBytes(campaign + node))) % 100);
}

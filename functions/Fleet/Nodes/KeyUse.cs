namespace Fleet.Nodes;

/// <summary>Which signing key the nodes' keys were signed with.</summary>
internal sealed class KeyUse(NodeStore nodes, SigningKeys signing)
{
    /// <summary>How many nodes would have to enroll anew if the signing key were rotated now. Cost: one transaction for each thousand nodes.</summary>
    public async ValueTask<int> LostAtRotationAsync(CancellationToken ct)
    {
        await signing.EnsureAsync(ct);

        // The key that signs now stays good. Before the first rotation it signed all that there are.
        if (signing.Live.Count < 2) return 0;
        return await nodes.AllAsync(ct).CountAsync(node => node.EnrolledAt is not null && node.Active && !node.IsCertified && node.SignedBy != signing.Live[0].Id, ct);
    }
}

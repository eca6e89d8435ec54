using System.Text;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>Says whose key it is. Null means proven bad; a doubt is an exception.</summary>
internal sealed class NodeGate(NodeKeys keys, SigningKeys signing, NodeDirectory directory, ChangeFeed changes, TimeProvider clock)
{
    /// <summary>The node behind a key, noted as seen. Touches no storage for a node that this instance knows.</summary>
    /// <exception cref="StorageUnavailableException">Whether the key is good cannot be told now.</exception>
    public async ValueTask<KnownNode?> AdmitAsync(ReadOnlyMemory<byte> bodyKey, AgentRequest request, CancellationToken ct)
    {
        await changes.LookAsync(ct);
        var key = bodyKey.IsEmpty ? Encoding.UTF8.GetBytes(request.HeaderKey) : bodyKey;
        var verdict = keys.TryRead(key.Span, out var claim);
        if (verdict == KeyVerdict.Unknown && !signing.IsFresh)
        {
            // Signed with a key that was made after this instance read them, or by another system.
            await signing.ReadAsync(ct);
            verdict = keys.TryRead(key.Span, out claim);
        }

        if (verdict != KeyVerdict.Good || await FindAsync(claim, ct) is not { Active: true } node || node.Epoch != claim.Epoch) return null;
        node.Touch(clock.GetUtcNow(), request.Address);
        return node;
    }

    private async ValueTask<KnownNode?> FindAsync(NodeClaim claim, CancellationToken ct)
    {
        var node = await directory.FindAsync(claim.Id, ct);

        // A key younger than what is in memory: the node enrolled elsewhere a moment ago.
        return node is not null && node.Epoch < claim.Epoch ? await directory.RefreshAsync(claim.Id, ct) : node;
    }
}
